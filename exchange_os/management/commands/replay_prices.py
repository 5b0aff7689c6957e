"""``manage.py replay_prices FILE``: recorded bars through a kernel with thousands of leveraged accounts.

Nothing of the running exchange is touched: the kernel lives in this process and is gone afterwards.
"""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.demo.price_bars import Bar, read_bars
from exchange_os.demo.price_replay import PriceReplay, Tally
from exchange_os.demo.price_report import examine, report_lines
from exchange_os.demo.price_stage import open_stage
from exchange_os.demo.progress import Progress
from exchange_os.errors import DomainError


class Command(BaseCommand):
    """Replay recorded bars and sum up what came of it; status 1 if the books do not balance."""

    help = "Play recorded one-minute bars (CSV, plain or gzipped): accounts of mixed leverage trade and are liquidated."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--accounts", type=int, default=10_000, help="traders (100 to 1,000,000)")
        parser.add_argument(
            "--orders", type=int, default=40, help="traders that may act in a minute (1 to 10,000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
        parser.add_argument("--twice", action="store_true", help="do it twice and compare the state roots")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 100 <= options["accounts"] <= 1_000_000 or not 1 <= options["orders"] <= 10_000:
            raise CommandError("--accounts must be from 100 to 1,000,000, --orders from 1 to 10,000.")
        try:
            root, faults = self._replay(options)
            if options["twice"] and not faults:
                again, _ = self._replay(options, quiet=True)
                faults = [] if again == root else [f"the second run ends at {again}"]
                self.stdout.write(f"second run        {'the same state root' if not faults else faults[0]}")
        except DomainError as error:
            raise CommandError(str(error)) from error
        if faults:
            sys.exit(1)

    def _replay(self, options: dict[str, Any], quiet: bool = False) -> tuple[str, list[str]]:
        """One run; its state root and what is wrong with it."""
        path = options["file"]
        total, first = 0, None
        for row in read_bars(path):
            total += 1
            first = first or (row if isinstance(row, Bar) else None)
        if first is None:
            raise CommandError(f"{path} holds no bar: it is empty, or every row is malformed.")
        stage = open_stage(first.open_e8, first.time_ms, options["accounts"], options["seed"])
        tally = Tally()
        replay = PriceReplay(stage, options["seed"], options["orders"], tally)
        replay.play(read_bars(path), Progress("replay", total))
        outcome = examine(stage)
        if not quiet:
            for line in report_lines(tally, outcome, options["accounts"]):
                self.stdout.write(line)
        return outcome.root, outcome.faults
