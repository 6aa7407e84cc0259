"""`manage.py issue_api_key`: give a merchant an API key without the admin."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments.lifecycles import Mode
from payments.models.merchants import Merchant
from payments.operations.api_keys import Bounds, RateLimit, issue_api_key
from payments.public_ids import decode
from payments.scopes import ALL
from payments.staff_errors import KeyRefused


class Command(BaseCommand):
    """Issues a key, and writes its secret, which is shown this once, as the only line of the output."""

    help = "Issue an API key to a merchant, and print its secret: it is stored nowhere, and not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whose key it is, and what it may do."""
        parser.add_argument("--merchant", required=True, metavar="mer_…", help="the merchant's id")
        parser.add_argument("--mode", required=True, choices=[mode.value for mode in Mode])
        parser.add_argument("--name", required=True, help="where the key is used")
        parser.add_argument(
            "--scopes", nargs="+", default=[ALL], metavar="SCOPE", help="such as payments:read; everything, if none"
        )
        parser.add_argument(
            "--network", action="append", default=[], metavar="CIDR", help="from where; may be repeated; else anywhere"
        )
        parser.add_argument(
            "--rate-limit", nargs=2, type=int, metavar=("PER_SECOND", "BURST"), help="else as in the settings"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Issue the key, or say in one line why not."""
        limit = options["rate_limit"]
        bounds = Bounds(
            scopes=tuple(options["scopes"]),
            networks=tuple(options["network"]),
            rate_limit=RateLimit(per_second=limit[0], burst=limit[1]) if limit else None,
        )
        try:
            issued = issue_api_key(
                merchant=_merchant(options["merchant"]),
                mode=Mode(options["mode"]),
                name=options["name"],
                bounds=bounds,
                now=timezone.now(),
            )
        except KeyRefused as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stderr.write(f"Issued {issued.key}. The secret is shown this once:")
        self.stdout.write(issued.secret)


def _merchant(public_id: str) -> Merchant:
    try:
        return Merchant.objects.get(pk=decode(Merchant.PREFIX, public_id))
    except (ValueError, Merchant.DoesNotExist) as error:
        raise CommandError(f"There is no merchant {public_id}.") from error
