"""``manage.py seed_demo``: make the demo once and say how to sign in."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.demo import cast
from exchange_os.demo.committee import SIGN_INS
from exchange_os.demo.seed import seed_demo
from exchange_os.embedded.programs import DEMO_EDITION
from exchange_os.errors import DomainError


class Command(BaseCommand):
    """Make the demo's people, venue, funds and bots; does nothing to what is there already."""

    help = "Seed the demo (once): people, funds, stake, a venue with markets, bots with keys. Needs running workers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            venue = seed_demo()
        except DomainError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            people = [
                {"role": p.role, "email": p.email, "password": p.password} for p in (*cast.PEOPLE, *SIGN_INS)
            ]
            self.stdout.write(json.dumps({"edition": DEMO_EDITION, "venue": venue.slug, "people": people}))
            return
        self.stdout.write(f"Demo venue: {venue.name} at /v/{venue.slug}/")
        for person in (*cast.PEOPLE, *SIGN_INS):
            self.stdout.write(f"Demo {person.role}: {person.email} / {person.password}")
