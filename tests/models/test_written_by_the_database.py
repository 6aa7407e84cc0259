"""What PostgreSQL writes itself, whatever a statement says: transaction ids and the sequence of events."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from django.db import IntegrityError, connection, transaction

from payments.models import Event, JournalEntry, JournalLine
from tests.books import Books, copy_of, execute, write_books
from tests.models.ledger_rules import JOURNAL

NEW_ENTRY = copy_of(
    "JournalEntry",
    "captured_entry",
    **{"id": "%(new)s", "payment_id": "%(declined)s", "processor_call_id": "%(declined_call)s"},
    transaction_id="'7'",
)
SIDES = [
    copy_of("JournalLine", "captured_line", entry_id="%(new)s", direction=f"'{side}'", amount="5", transaction_id="'7'")
    for side in ("debit", "credit")
]
NEW_EVENT = copy_of("Event", "captured_event", transaction_id="'7'")


def current_transaction() -> int:
    """Return the id of the transaction that is open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        return int(cursor.fetchall()[0][0])


def stamps(books: Books) -> set[int | None]:
    """Write an entry and an event that claim to be of transaction 7, and return the transaction ids in the tables."""
    for statement in (NEW_ENTRY, *SIDES, NEW_EVENT):
        execute(statement, books)
    lines = JournalLine.objects.filter(entry_id=books["new"]).values_list("transaction_id", flat=True)
    event = Event.objects.filter(object_id=books["captured"]).latest("sequence")
    return {JournalEntry.objects.get(pk=books["new"]).transaction_id, *lines, event.transaction_id}


def event_like(name: str, sequence: int, **changes: str) -> str:
    """Return an INSERT of an event of the captured payment that asks for a number of its own."""
    return copy_of("Event", name, sequence=str(sequence), **changes)


def sequences(object_id: UUID) -> list[int]:
    """Return the numbers of an object's events."""
    return list(Event.objects.filter(object_id=object_id).order_by("sequence").values_list("sequence", flat=True))


def test_a_chosen_transaction_id_is_replaced_by_the_real_one(books: Books) -> None:
    assert stamps(books) == {current_transaction()}


def test_without_the_stamp_a_chosen_transaction_id_would_stay(books: Books) -> None:
    for table in ("journalentry", "journalline", "event"):
        execute(f"DROP TRIGGER stamp_transaction ON payments_{table}", {})
    execute("DROP TRIGGER entry_closed ON payments_journalline", {})

    assert stamps(books) == {7}


@pytest.mark.parametrize("wanted", [0, 1, 2, 99])
def test_events_are_numbered_without_a_gap_whatever_number_they_ask_for(wanted: int, books: Books) -> None:
    execute(event_like("captured_event", wanted), books)

    assert sequences(books["captured"]) == [1, 2, 3]


def test_the_first_event_of_an_object_is_number_one(books: Books) -> None:
    object_id = uuid4()

    execute(event_like("captured_event", 5, object_id="%(object)s"), books | {"object": object_id})

    assert sequences(object_id) == [1]


def test_without_the_numbering_an_event_could_leave_a_gap(books: Books) -> None:
    execute("DROP TRIGGER next_in_sequence ON payments_event", {})

    execute(event_like("captured_event", 99), books)

    assert sequences(books["captured"]) == [1, 2, 99]


def test_two_writers_at_once_do_not_get_the_same_number(committed_db: None) -> None:
    books = write_books()
    both_have_their_number = Barrier(2, timeout=30)

    def write(_: int) -> str:
        try:
            with transaction.atomic():
                # A snapshot from before the other's event; that is what makes the numbers the same.
                execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", {})
                sequences(books["captured"])
                both_have_their_number.wait()
                execute(event_like("captured_event", 0), books)
            return "written"
        except IntegrityError as refusal:
            assert "event_sequence_once_per_object" in str(refusal)
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as pool:
        ends = sorted(pool.map(write, range(2)))

    assert ends == ["refused", "written"]
    assert sequences(books["captured"]) == [1, 2, 3]


def test_a_commit_refuses_an_entry_that_does_not_balance(committed_db: None) -> None:
    books = write_books()

    with pytest.raises(IntegrityError, match="does not balance: debits less credits are 1 in the layer posted"):
        with transaction.atomic():
            for statement in JOURNAL["an entry whose debits and credits differ"].statements:
                execute(statement, books)

    assert not JournalEntry.objects.filter(pk=books["new"]).exists()
