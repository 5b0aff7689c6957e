"""``manage.py engine_status``: workers that live, groups they hold, work that waits, incidents that are open."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchange_os.engine.models import RiskGroup
from exchange_os.engine.services import resume_group
from exchange_os.engine.status import engine_status


class Command(BaseCommand):
    help = "Show the state of the engine; --resume lets a halted or cancel-only group go on after review."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--resume", type=int, metavar="GROUP", help="set a risk group active again")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["resume"] is not None:
            resume_group(options["resume"])
        status = engine_status()
        self.stdout.write(f"workers: {', '.join(status.workers) or 'none'}")
        self.stdout.write(f"beat: {status.beat}")
        self.stdout.write(f"risk groups: {status.groups}, in memory: {status.held}")
        for group, depth in status.waiting.items():
            self.stdout.write(f"risk group {group}: {depth} commands wait")
        for row in RiskGroup.objects.exclude(status=RiskGroup.Status.ACTIVE).order_by("pk"):
            self.stdout.write(f"risk group {row.pk}: {row.get_status_display()}")
        for incident in status.incidents:
            self.stdout.write(
                f"incident of {incident.created_at:%Y-%m-%d %H:%M:%S} UTC: {incident}: {incident.message}"
            )
