"""``manage.py replay_worldcup DIRECTORY``: World Cups listed, traded by bots and settled from the real results.

Nothing of the running exchange is touched: the kernel lives in this process and is gone afterwards.
"""

import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.demo.cup_matches import Cup, read_cup
from exchange_os.demo.cup_replay import LISTED_BEFORE_MS, CupReplay
from exchange_os.demo.cup_report import cup_lines, examine_cups
from exchange_os.demo.cup_stage import CupStage
from exchange_os.demo.progress import Progress
from exchange_os.errors import DomainError

STEPS_PER_MATCH = 11


class Command(BaseCommand):
    """Replay tournaments and sum up what came of it; status 1 if a payout was wrong or the books do not balance."""

    help = "Play World Cups (YEAR.worldcup.json of a directory): every match traded and settled from its real result."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)
        parser.add_argument("--years", type=int, nargs="+", default=[2018, 2022])
        parser.add_argument("--bots", type=int, default=200, help="accounts (10 to 100,000)")
        parser.add_argument(
            "--orders", type=int, default=60, help="of a round of trading in one event (1 to 10,000)"
        )
        parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
        parser.add_argument("--twice", action="store_true", help="do it twice and compare the state roots")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 10 <= options["bots"] <= 100_000 or not 1 <= options["orders"] <= 10_000:
            raise CommandError("--bots must be from 10 to 100,000, --orders from 1 to 10,000.")
        try:
            cups = [
                read_cup(options["directory"] / f"{year}.worldcup.json") for year in sorted(options["years"])
            ]
        except DomainError as error:
            raise CommandError(str(error)) from error
        root, faults = self._replay(cups, options)
        if options["twice"] and not faults:
            again, _ = self._replay(cups, options, quiet=True)
            faults = [] if again == root else [f"the second run ends at {again}"]
            self.stdout.write(f"second run        {'the same state root' if not faults else faults[0]}")
        if faults:
            sys.exit(1)

    def _replay(self, cups: list[Cup], options: dict[str, Any], quiet: bool = False) -> tuple[str, list[str]]:
        """One run; its state root and what is wrong with it."""
        started = time.monotonic()
        stage = CupStage(options["bots"], cups[0].matches[0].kickoff_ms - 3 * LISTED_BEFORE_MS)
        random = Random(options["seed"])
        for cup in cups:
            progress = Progress(cup.name, len(cup.matches) * STEPS_PER_MATCH)
            CupReplay(stage, cup, random, options["orders"]).play(progress)
        outcome = examine_cups(stage)
        if not quiet:
            for line in cup_lines(cups, stage, outcome, time.monotonic() - started):
                self.stdout.write(line)
        return outcome.root, outcome.faults
