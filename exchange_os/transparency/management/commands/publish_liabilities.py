"""``manage.py publish_liabilities``: publish tonight's roots now, or say what was published."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from exchange_os.transparency.selectors import statement_of
from exchange_os.transparency.services import PublicationRefused, publish_night


class Command(BaseCommand):
    help = "Publish the Merkle-sum roots of everything owed to users, as of now, under today's date (UTC)."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            night = publish_night(timezone.now().date())
        except PublicationRefused as refused:
            raise CommandError(refused.message) from refused
        for tree in statement_of(night)["trees"]:
            self.stdout.write(
                f"{tree['asset']}: {tree['sum']} units owed to {tree['leaves']} users, {tree['held']} held"
            )
        self.stdout.write(f"digest of {night.day}: {night.digest}")
