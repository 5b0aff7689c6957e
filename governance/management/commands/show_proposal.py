"""``manage.py show_proposal N``: the effect of a decision, from its stored bytes, with the digest members sign."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_os.errors import DomainError
from governance.canonical import digest
from governance.selectors.decisions import decision_numbered, effect_of, is_sealed, last_votes, tally_of
from governance.services import KINDS
from governance.services.panels import draw_holds


class Command(BaseCommand):
    """Print what a decision would do; compare text and digest with what the page shows before you vote."""

    help = "Show the effect, the stored text and the SHA-256 digest of a decision."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            decision = decision_numbered(options["number"])
            if not decision.digest:
                raise CommandError(f"Decision {decision.pk} is a draft: its text is not frozen yet.")
            self.stdout.write(f"Decision {decision.pk}: {decision.title}")
            self.stdout.write(f"{KINDS[decision.kind]}, {decision.get_state_display().lower()}")
            for line in effect_of(decision):
                self.stdout.write(f"  {line.label}: {line.text}")
            tally = tally_of(decision)
        except DomainError as refused:
            raise CommandError(refused.message) from refused
        self.stdout.write(f"Text: {bytes(decision.text).decode()}")
        self.stdout.write(f"SHA-256: {digest(bytes(decision.text))}")
        for draw in decision.draws.select_related("decision"):
            held = "holds" if draw_holds(draw) else "DOES NOT HOLD"
            self.stdout.write(
                f"Panel of round {draw.round}: {draw.seats} of {len(draw.members)} drawn by seed {draw.seed}; {held}"
            )
        if is_sealed(decision):
            self.stdout.write(f"Votes are sealed: {tally.cast} of {tally.seats} cast, {tally.quorum} must")
            for vote in last_votes(decision):
                self.stdout.write(f"  {vote.member.name}: sealed, SHA-256 of what was signed {vote.digest}")
            return
        self.stdout.write(
            f"Votes that count: {tally.approve} for, {tally.reject} against, {tally.abstain} abstained, "
            f"of {tally.seats} seats; {tally.quorum} must vote"
        )
