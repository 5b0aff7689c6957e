"""``manage.py load_sanctions``: replace a sanctions list kept here by a file, and screen anew whom it could concern."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from venues.services.kyc_cases import screen_again
from venues.services.screening import load_list


class Command(BaseCommand):
    """Reads CSV with a heading and the columns ``name``, ``reference`` and ``born`` (a year or a date, or nothing)."""

    help = "Replace a sanctions list by a CSV file with the columns name, reference, born; then screen again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which list, and from where."""
        parser.add_argument("source", help="name of the list, such as EU")
        parser.add_argument("file", help="CSV file in UTF-8")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, then screen."""
        try:
            with Path(options["file"]).open(encoding="utf-8-sig", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError) as unread:
            raise CommandError(f"The file cannot be read: {unread}.") from unread
        if not rows or "name" not in rows[0]:
            raise CommandError("The file has no column called name; its first line names the columns.")
        loaded = load_list(
            options["source"],
            [(row["name"] or "", row.get("reference") or "", row.get("born") or "") for row in rows],
        )
        again = screen_again()
        self.stdout.write(f"{loaded} names on {options['source']}; {again} holders screened again.")
