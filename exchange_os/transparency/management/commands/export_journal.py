"""``manage.py export_journal GROUP FILE``: a group's journal as a file for ``python -m exchange_kernel verify``."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.errors import DomainError
from exchange_os.transparency.selectors import journal_head, journal_parts


class Command(BaseCommand):
    help = "Write the journal of a risk group, up to its head, to a file that anybody can verify."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("group", type=int)
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            head = journal_head(options["group"])
        except DomainError as refused:
            raise CommandError(refused.message) from refused
        with options["file"].open("wb") as file:
            for part in journal_parts(head.pk, head.head_sequence):
                file.write(part)
        self.stdout.write(
            f"{options['file']}: risk group {head.pk} up to sequence {head.head_sequence}, "
            f"hash {bytes(head.head_hash).hex()}"
        )
