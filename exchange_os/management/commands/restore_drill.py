"""``manage.py restore_drill``: back up, restore beside, prove."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.embedded.problems import SetupProblem
from exchange_os.restore_drill import DrillFailed, restore_drill


class Command(BaseCommand):
    help = "Take a backup (or use one), restore it beside, and prove journals, ledger and published roots."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--backup", type=Path, help="a directory made by pg_dump -Fd; without it one is taken now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = restore_drill(options["backup"], self.stdout.write)
        except (DrillFailed, SetupProblem, OSError) as problem:
            raise CommandError(str(getattr(problem, "message", problem))) from problem
        for line in report.said:
            self.stdout.write(f"  {line}")
        seconds = sum(report.seconds.values())
        self.stdout.write(
            f"The backup of {report.bytes / 1e6:.1f} MB is restored and holds ({seconds:.1f} s)."
        )
