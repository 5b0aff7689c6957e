"""``manage.py check_ledger``: add up the ledger and compare it with the kernels."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.ledger.services import check_ledger
from venues.services.totals import kernel_totals


class Command(BaseCommand):
    """Prints what was checked; ends with status 1 and one line for each fault if the books do not hold."""

    help = "Add up every ledger entry and compare the escrow of every risk group with its kernel."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--books-only`` leaves the kernels out, for when no engine worker runs."""
        parser.add_argument("--books-only", action="store_true", help="do not ask the kernels")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the check."""
        report = check_ledger(None if options["books_only"] else kernel_totals)
        for fault in report.faults:
            self.stderr.write(fault)
        summary = f"{report.accounts} accounts, {report.entries} entries, {report.groups} risk groups checked"
        if not report.sound:
            raise CommandError(f"{len(report.faults)} faults; {summary}.")
        self.stdout.write(self.style.SUCCESS(f"The ledger holds: {summary}."))
