"""``manage.py verify_audit``: recompute the chain of the audit trail and name the first link that does not hold."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.operations.selectors.audit import check_chain


class Command(BaseCommand):
    help = "Check the hash chain of the audit trail. With --head, also that a head noted earlier is a link of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--head", default="", help="a hash that this command printed before")

    def handle(self, *args: Any, **options: Any) -> None:
        found = check_chain(options["head"])
        if found.broken:
            raise CommandError(f"The chain breaks at event {found.broken}; {found.events} before it hold.")
        if not found.holds:
            raise CommandError(
                f"{options['head']} is not a link of the chain: events behind it were removed."
            )
        self.stdout.write(f"{found.events} events hold; head {found.head or 'none'}")
