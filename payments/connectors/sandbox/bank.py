"""The bank that the sandbox transfers its batches to: its statements, as ISO 20022 camt.053."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Final

from payments.money import Money, exponents

ACCOUNT: Final = "SANDBOX0001"
_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def statement_of(name: str, transfers: Sequence[tuple[str, Money]], *, booked_at: datetime) -> Iterator[str]:
    """Yield the statement of the day on which transfers arrived; each is named by the reference that it carries."""
    moment, day = booked_at.astimezone(UTC).isoformat(timespec="seconds"), f"{booked_at.astimezone(UTC):%Y-%m-%d}"
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{_NAMESPACE}">\n<BkToCstmrStmt>\n'
    yield f"<GrpHdr><MsgId>{escape(name)}</MsgId><CreDtTm>{moment}</CreDtTm></GrpHdr>\n"
    yield f"<Stmt><Id>{escape(name)}</Id><CreDtTm>{moment}</CreDtTm>\n"
    yield f"<Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></Acct>\n"
    for reference, amount in transfers:
        if amount.amount:
            yield _entry(reference, amount, day)
    yield "</Stmt>\n</BkToCstmrStmt>\n</Document>\n"


def _entry(reference: str, amount: Money, day: str) -> str:
    major = Decimal(abs(amount.amount)).scaleb(-exponents()[amount.currency])
    return (
        f'<Ntry><Amt Ccy="{amount.currency}">{major:f}</Amt>'
        f"<CdtDbtInd>{'CRDT' if amount.amount > 0 else 'DBIT'}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\n"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<AcctSvcrRef>BANK-{escape(reference)}</AcctSvcrRef>\n"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{escape(reference)}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>Sandbox settlement {escape(reference)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )
