"""``manage.py replay_funding FILE``: funding rates recorded elsewhere against our formula, through a kernel."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.demo.funding_replay import read_rates, replay, report_lines
from exchange_os.errors import DomainError


class Command(BaseCommand):
    """Compare and sum up; status 1 if what longs paid is not what shorts received, dust aside."""

    help = "Charge recorded funding rates (CSV, plain or gzipped: funding_time_s, venue, symbol, rate) by our formula."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--intervals", type=int, default=200, help="of each series, evenly chosen")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            series = read_rates(options["file"])
        except DomainError as error:
            raise CommandError(error.message) from error
        if not series or options["intervals"] < 1:
            raise CommandError("There is nothing to compare.")
        results = [replay(name, rates, options["intervals"]) for name, rates in series.items() if rates]
        for line in report_lines(results):
            self.stdout.write(line)
        if any(result.faults for result in results):
            sys.exit(1)
