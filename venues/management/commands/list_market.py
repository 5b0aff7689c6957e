"""``manage.py list_market``: a spot market, a perpetual or an event on a venue, from a file, as its deployer would."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange_os.errors import DomainError
from venues.errors import Refusals
from venues.selectors import venue_by_slug
from venues.services import add_market, drive_launch
from venues.services.capacity import settlement_asset
from venues.specs import listing_spec


class Command(BaseCommand):
    """Checks the fields of the page "Add a market", given as JSON, lists what they describe and opens it."""

    help = 'List a market or event from JSON, such as {"kind": "swap", "base": "BTC", ...}; "-" reads standard input.'

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which venue, and what."""
        parser.add_argument("--venue", required=True, help="address of the venue, such as acme")
        parser.add_argument("file", help="a file with one JSON object, or - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """List it and print the symbols."""
        text = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text()
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise ValueError("not an object")
        except ValueError as error:
            raise CommandError(f"The file is not one JSON object: {error}") from None
        try:
            venue = venue_by_slug(options["venue"])
            taken = set(venue.markets.values_list("symbol", flat=True))
            spec = listing_spec(data, taken=taken, settlement=settlement_asset(venue))
            markets = add_market(venue.deployer.user, venue, spec)
            drive_launch(venue.pk)
        except Refusals as refused:
            raise CommandError(
                "\n".join(f"{name}: {error.message}" for name, error in refused.errors.items())
            ) from None
        except DomainError as refused:
            raise CommandError(refused.message) from None
        venue.refresh_from_db()
        if venue.launch_error:
            raise CommandError(venue.launch_error)
        self.stdout.write(json.dumps([market.symbol for market in markets]))
