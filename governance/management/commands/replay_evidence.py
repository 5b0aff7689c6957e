"""``manage.py replay_evidence N``: replay the journal by a rule and compare the finding with what was recorded."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.errors import DomainError
from governance.models import Evidence
from governance.services.evidence import replay_evidence


class Command(BaseCommand):
    """Status 1 if the finding is not the recorded one."""

    help = "Replay a piece of evidence and print its finding."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        evidence = Evidence.objects.filter(pk=options["number"]).first()
        if evidence is None:
            raise CommandError(f"There is no evidence {options['number']}.")
        try:
            found = replay_evidence(evidence)
        except DomainError as refused:
            raise CommandError(refused.message) from refused
        self.stdout.write(
            f"Evidence {evidence.pk}, rule {evidence.rule}, commands {evidence.first_sequence} to "
            f"{evidence.last_sequence} of risk group {evidence.group_id}"
        )
        self.stdout.write(found.finding["sentence"])
        self.stdout.write(json.dumps(found.finding, indent=2, sort_keys=True))
        self.stdout.write(f"SHA-256 of the finding: {found.sha256}")
        if not found.same:
            raise CommandError(f"Recorded was another finding, with the SHA-256 {evidence.sha256}.")
        self.stdout.write("It is the finding that was recorded.")
