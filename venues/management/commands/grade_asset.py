"""``manage.py grade_asset``: the operator gives an asset another grade as collateral."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Grade
from exchange_os.ledger.selectors import asset_by_symbol
from exchange_os.ledger.services import set_grade
from venues.services.collateral import tell_collateral


class Command(BaseCommand):
    """Keeps who changed the grade and why, and tells the venues where the asset counts."""

    help = "Grade an asset as collateral, A to D; venues where it counts are told."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``grade_asset GOLD B --by ops@example.com --reason "Two deep venues quote it"``."""
        parser.add_argument("symbol")
        parser.add_argument("grade", choices=Grade.values)
        parser.add_argument("--by", required=True, help="e-mail address of the member of staff")
        parser.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Change it."""
        by = get_user_model().objects.filter(email=options["by"]).first()
        if by is None:
            raise CommandError(f"Nobody has the address {options['by']}.")
        try:
            asset = set_grade(asset_by_symbol(options["symbol"]), options["grade"], by, options["reason"])
        except DomainError as refused:
            raise CommandError(refused.message) from refused
        told = tell_collateral()
        self.stdout.write(
            self.style.SUCCESS(f"{asset.symbol} has grade {asset.grade}; markets told: {told}.")
        )
