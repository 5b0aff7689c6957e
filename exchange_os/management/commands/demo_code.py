"""``manage.py demo_code EMAIL``: the code that the authenticator app of a member of the demo's committee shows now."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.demo.committee import demo_code
from exchange_os.errors import DomainError


class Command(BaseCommand):
    """For the demo only: real members have their app, and no secret is kept where a command could read it."""

    help = "Print the present code of a demo member's authenticator app."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(demo_code(options["email"]))
        except DomainError as refused:
            raise CommandError(refused.message) from refused
