"""``manage.py verify_journal [--group N]``: replay journals from zero and compare everything that can be compared."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.engine.models import RiskGroup
from exchange_os.engine.verification import verify_group


class Command(BaseCommand):
    help = (
        "Verify the journal of one risk group, or of all: chain of hashes, replay, tables, snapshots, escrow."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--group", type=int, help="number of one risk group")

    def handle(self, *args: Any, **options: Any) -> None:
        groups = RiskGroup.objects.order_by("pk").values_list("pk", flat=True)
        if options["group"] is not None:
            groups = groups.filter(pk=options["group"])
            if not groups:
                raise CommandError(f"There is no risk group {options['group']}.")
        broken = 0
        for group in groups.iterator():
            audit = verify_group(group)
            broken += bool(audit.problems)
            verdict = "holds" if not audit.problems else "DOES NOT HOLD"
            self.stdout.write(
                f"risk group {group}: {verdict}; {audit.kernel.sequence} commands in {audit.batches} batches, "
                f"{audit.trades} trades, state root {audit.root}"
            )
            for problem in audit.problems:
                self.stdout.write(f"  {problem}")
        if broken:
            raise CommandError(f"{broken} journals do not hold.")
