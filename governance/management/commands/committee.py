"""``manage.py committee``: who serves, and the seating of the first members."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from exchange_os.errors import DomainError
from governance.selectors.committee import serving_members
from governance.services.committee import FOUNDERS, seat_founder


class Command(BaseCommand):
    """List the members, or seat one of the first."""

    help = f"List the committee; with --seat seat one of the first {FOUNDERS} members."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seat", metavar="EMAIL", help="address of the user to seat")
        parser.add_argument("--name", help="the name under which votes are published")
        parser.add_argument("--days", type=int, default=365, help="length of the term")
        parser.add_argument("--guardian", action="store_true", help="may halt venues, with another guardian")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seat"]:
            self._seat(options)
        for member in serving_members():
            role = "guardian" if member.guardian else "member"
            self.stdout.write(f"{member.name}: {role} until {member.until:%-d %B %Y}")

    def _seat(self, options: dict[str, Any]) -> None:
        user = get_user_model().objects.filter(email__iexact=options["seat"]).first()
        if user is None:
            raise CommandError(f"Nobody has signed up as {options['seat']}.")
        until = timezone.now() + timedelta(days=options["days"])
        try:
            seat_founder(user, options["name"] or user.get_username(), until, guardian=options["guardian"])
        except DomainError as refused:
            raise CommandError(refused.message) from refused
