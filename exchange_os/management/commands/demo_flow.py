"""``manage.py demo_flow``: the synthetic order flow of the demo, until SIGTERM."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from exchange_os.demo import cast
from exchange_os.demo.living import STOP_SECONDS, LivingFlow
from exchange_os.demo.seed import load_bot_keys
from exchange_os.demo.worldcup.flow import CupFlow
from exchange_os.errors import DomainError
from venues.selectors import venue_by_slug


class Command(BaseCommand):
    """Send the demo's synthetic orders through the public API."""

    help = "Send the demo's synthetic order flow through the public API until stopped (seed_demo first)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", default="http://127.0.0.1:8000", help="address of the web server")

    def handle(self, *args: Any, **options: Any) -> None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
        keys = load_bot_keys()
        if set(keys) != set(cast.BOTS):
            raise CommandError("The bots have no keys here; run 'manage.py seed_demo' first.")
        try:
            venue = venue_by_slug(cast.VENUE.slug)
        except DomainError as error:
            raise CommandError(f"{error.message} Run 'manage.py seed_demo' first.") from error
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        flow = LivingFlow(options["base_url"], venue, keys, stopping)
        cup = CupFlow(options["base_url"], stopping)
        connections.close_all()
        thread = threading.Thread(target=cup.run, name="cup", daemon=True)
        thread.start()
        flow.run()
        thread.join(STOP_SECONDS)
