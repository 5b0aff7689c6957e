"""Executing a slash: one transaction that takes the stake, pays the harmed, and says so on the case."""

import logging
from datetime import datetime
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Slash
from exchange_os.ledger.services.slashing import slash, slashable
from exchange_os.ledger.services.stakes import lock_stake
from governance.allocation import allocate
from governance.models import Case, Decision, Harmed
from governance.selectors.decisions import content_of
from governance.tally import PPM
from venues.models import Venue, VenueState
from venues.selectors import LIVE_STATES
from venues.services.capacity import missing_stake, send_sweep
from venues.services.operate import halt_short_venue

log = logging.getLogger(__name__)


def execute_slash(decision: Decision, case: Case, harmed_sha256: str) -> dict[str, Any]:
    """Slash as the signed text says, in the caller's transaction; answers the receipt, amounts in stake units.

    Raises ``harmed_changed`` if the list is not the one that was voted on, ``offence_slashed`` if the act was slashed
    already, ``nothing_slashable``, and what the ledger refuses.
    """
    content = content_of(decision)
    if content["harmed_sha256"] != harmed_sha256:
        raise DomainError("harmed_changed", "The list of the harmed is not the one that was voted on.")
    assert decision.share_ppm is not None
    deployer, offence_at = content["deployer"], datetime.fromisoformat(content["offence_at"])
    lock_stake(deployer)
    if Slash.objects.filter(offence_id=content["offence_key"]).exists():
        raise DomainError("offence_slashed", "This act has been slashed already, in another case.")
    reach = min(slashable(deployer, offence_at), content["slashable"])  # never more than was voted on
    amount = reach * decision.share_ppm // PPM
    if not amount:
        raise DomainError("nothing_slashable", "No stake is left that this offence could reach.")
    rows = list(Harmed.objects.filter(case=case).order_by("account"))
    shares = allocate(amount, {row.account: row.owed for row in rows}, content["insurance_owed"])
    assert shares.total == amount
    made = slash(
        deployer,
        amount,
        offence_at=offence_at,
        offence_id=content["offence_key"],
        payments=[(row.user_id, shares.harmed[row.account]) for row in rows],
        insurance_group=content["group"] if shares.insurance else None,
        burn=shares.burned,
    )
    for row in rows:
        row.paid = shares.harmed[row.account]
    Harmed.objects.bulk_update(rows, ["paid"])
    Case.objects.filter(pk=case.pk).update(halt_due=True)
    return {
        "slash": made.pk,
        "share_ppm": decision.share_ppm,
        "slashed": amount,
        "harmed": shares.paid,
        "insurance": shares.insurance,
        "burned": shares.burned,
    }


def finish_slash(decision_number: int) -> bool:
    """After a slash: tell capacities, and halt what of the deployer's venues carries more than it now may.

    It is repeated until every venue has answered; whether that is done.
    """
    case = Case.objects.select_related("venue__deployer").filter(pk=decision_number, halt_due=True).first()
    if case is None:
        return True
    send_sweep()
    venues = Venue.objects.filter(deployer=case.venue.deployer, state__in=LIVE_STATES)
    for venue in venues.select_related("deployer"):
        try:
            if venue.state == VenueState.OPEN and missing_stake(venue):
                halt_short_venue(venue)
        except DomainError as away:
            log.warning(
                "capacity of %s not looked at after decision %s: %s", venue.slug, case.pk, away.message
            )
            return False
    Case.objects.filter(pk=case.pk).update(halt_due=False)
    return True


def unfinished_slashes() -> list[int]:
    """Executed cases whose venues have not all been looked at."""
    return list(Case.objects.filter(halt_due=True).values_list("pk", flat=True))
