"""``manage.py replay FILE``: a recorded order file through the public bulk entry of a fresh venue.

While ``make run`` is up, the orders go to it, so that its pages show them: it leaves its addresses in
``DATA_DIR/environment``, where this command finds the database in which it launches the venue (as the pages would, by
the same services) and the web server to which it sends every order. With ``--private``, or when nothing runs, a private
exchange is started for the replay and thrown away afterwards.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.demo.client import Refused, Unanswered, VenueClient, wait_until_ready
from exchange_os.demo.order_events import OrderEvent, read_order_events
from exchange_os.demo.progress import Progress
from exchange_os.demo.replay import Tally, decimal_text, items_of, replay
from exchange_os.demo.replay_report import examine, report_lines
from exchange_os.demo.replay_stage import open_stage
from exchange_os.demo.stack import PROJECT, PrivateStack
from exchange_os.embedded.problems import SetupProblem
from exchange_os.errors import DomainError

DEFAULT_ACCOUNTS = 4
WATCHABLE_RATE = 1_000


class Command(BaseCommand):
    """Replay recorded order events and sum up what came of it; status 1 if the books do not balance."""

    help = "Replay a recorded order-event file (CSV, plain or gzipped) through the public bulk entry."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--base-url", default="", help="address of the running exchange, if not found")
        parser.add_argument("--private", action="store_true", help="start an exchange for this in any case")
        parser.add_argument("--accounts", type=int, default=DEFAULT_ACCOUNTS, help="accounts (2 to 64)")
        parser.add_argument(
            "--rate", type=int, help=f"commands a second, 0: no limit (default {WATCHABLE_RATE} if one runs)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 2 <= options["accounts"] <= 64:
            raise CommandError("--accounts must be from 2 to 64.")
        try:
            running = options["base_url"] or settings.EXCHANGE_OS_URL
            if options["rate"] is None:
                options["rate"] = 0 if options["private"] or not running else WATCHABLE_RATE
            if options["private"] or not running:
                self._in_private_stack(options)
            else:
                self._in_running_stack(options, running)
        except (DomainError, SetupProblem) as error:
            raise CommandError(str(error)) from error
        except (Refused, Unanswered) as error:
            raise CommandError(f"The exchange did not take the orders: {error}") from error

    def _in_private_stack(self, options: dict[str, Any]) -> None:
        """Start an exchange, run this command against it in a process of its own, stop the exchange."""
        next(iter(read_order_events(options["file"])), None)
        stack = PrivateStack()
        try:
            self.stderr.write("Starting a private exchange (database, broker, workers, web server) ...")
            stack.start()
            arguments = [
                "--base-url",
                stack.base_url,
                "--accounts",
                options["accounts"],
                "--rate",
                options["rate"],
            ]
            command = [sys.executable, "manage.py", "replay", options["file"].resolve(), *arguments]
            status = subprocess.run(
                list(map(str, command)), cwd=PROJECT, env=stack.environment, check=False
            ).returncode
        finally:
            stack.stop()
        if status:
            sys.exit(status)

    def _in_running_stack(self, options: dict[str, Any], base_url: str) -> None:
        path, accounts = options["file"], options["accounts"]
        counting = Tally()
        price, total = "", 0
        for row in read_order_events(path):
            if isinstance(row, OrderEvent) and not price and row.action == "created":
                price = decimal_text(row.price_e8)
            total += sum(1 for _ in items_of([row], "", accounts, counting))
        if not total:
            raise CommandError(
                f"{path} holds no order to send: no row says created, or every row is malformed."
            )
        if not wait_until_ready(base_url, 20.0):
            raise CommandError(f"No exchange is ready at {base_url}; start one with 'make run'.")
        stage = open_stage(accounts, price, path.name)
        self.stderr.write(f"Venue {base_url}/v/{stage.venue.slug}/trade/{stage.symbol}/")
        tally = Tally()
        items = items_of(read_order_events(path), stage.symbol, accounts, tally)
        client = VenueClient(base_url, stage.venue.slug, None)
        replay(items, client, stage.credentials, tally, Progress("replay", total), options["rate"])
        outcome = examine(stage)
        for line in report_lines(tally, outcome):
            self.stdout.write(line)
        if outcome.faults:
            sys.exit(1)
