"""``manage.py verify_published``: replay every journal up to its last published head, compare hash and root."""

import tempfile
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from exchange_kernel.journal_file import verify

from exchange_os.transparency.models import Night
from exchange_os.transparency.selectors import journal_parts, statement_of


class Command(BaseCommand):
    help = "Verify every journal with the kernel's own package up to the heads that the last night published."

    def handle(self, *args: Any, **options: Any) -> None:
        night = Night.objects.first()
        if night is None:
            self.stdout.write("No night is published yet: no root to compare with.")
            return
        heads = statement_of(night)["groups"]
        broken = [head["group"] for head in heads if not self._holds(head)]
        if broken:
            raise CommandError(f"Published heads that the journals do not meet: groups {broken}.")
        self.stdout.write(
            f"{len(heads)} journals meet the roots published on {night.day}, digest {night.digest}"
        )

    def _holds(self, head: dict[str, Any]) -> bool:
        with tempfile.TemporaryFile() as file:
            for part in journal_parts(head["group"], head["sequence"]):
                file.write(part)
            file.seek(0)
            verdict = verify(file)
        for fault in verdict.faults:
            self.stderr.write(f"group {head['group']}: {fault}")
        return not verdict.faults and (verdict.hash.hex(), verdict.root) == (head["hash"], head["root"])
