"""Opening sealed votes: all at once, when their time is up, each into exactly what was signed."""

import logging

from governance.canonical import digest
from governance.models import Decision
from governance.selectors.ballots import said_in
from governance.selectors.decisions import last_votes

log = logging.getLogger(__name__)


def open_votes(decision: Decision) -> int:
    """Open the sealed votes of the present round that may count; how many. Raises ``vote_key_missing``.

    Call it in the transaction that ends the vote. Votes that their members replaced stay sealed. Each opening is an
    update of a watched table, so the audit trail has it, and PostgreSQL refuses a text that has another digest.
    """
    opened = 0
    for vote in last_votes(decision):
        if not vote.sealed:
            continue
        said = said_in(vote)
        assert digest(said.message) == vote.digest, f"vote {vote.pk} is not what was signed"
        vote.message, vote.sealed = said.message, b""
        vote.choice, vote.share_ppm = said.choice, said.share_ppm
        vote.option, vote.rationale = said.option, said.rationale
        vote.save(update_fields=["message", "sealed", "choice", "share_ppm", "option", "rationale"])
        opened += 1
    if opened:
        log.info("decision %s, round %s: %s sealed votes opened", decision.pk, decision.round, opened)
    return opened
