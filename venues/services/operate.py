"""Operating a venue: halt, resume, and the fees it has earned.

A halt by one person ends by itself after ``HALT_HOURS``, so that nobody holds positions hostage alone; two can agree on
longer. Halts of governance and of stake that is too small have ends of their own.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

import exchange_kernel as kernel
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Direction, Transfer, TransferState
from exchange_os.ledger.selectors import amount_text, amount_words, stake_asset
from venues.models import VENUE_MOVES, Market, PendingAct, Phase, Role, Venue, VenueState
from venues.services.acts import note_act
from venues.services.asking import ask
from venues.services.capacity import missing_stake
from venues.services.deployer_notices import tell_fronts
from venues.services.opening import move_phase
from venues.services.roles import require_own_books, require_role
from venues.services.transfers import start_withdrawal
from venues.services.two_people import dangerous, request_act

log = logging.getLogger(__name__)

MAX_HALT_DAYS = 30
DONE = {Phase.HALTED: "halted", Phase.OPEN: "resumed"}
SAID = {Phase.HALTED: "is halted", Phase.OPEN: "trades again"}
HALTED_STATES = {VenueState.OPEN: Phase.OPEN, VenueState.HALTED: Phase.HALTED}


def halt_venue(user: AbstractBaseUser, venue: Venue, reason: str = "") -> Venue:
    """Make every market of the venue cancel-only. Raises ``venue_move_refused`` unless it is open."""
    return _move(user, venue, VenueState.HALTED, reason)


def resume_venue(user: AbstractBaseUser, venue: Venue, reason: str = "") -> Venue:
    """Open every halted market of the venue again.

    Raises ``venue_move_refused`` unless it is halted, ``stake_short`` while its stake does not carry what is open.
    """
    return _move(user, venue, VenueState.OPEN, reason)


def halt_market(user: AbstractBaseUser, venue: Venue, number: int, reason: str = "") -> Market:
    """Make one market of an open venue cancel-only. Raises ``venue_unknown``, ``market_move_refused``."""
    return _move_market(user, venue, number, Phase.HALTED, reason)


def resume_market(user: AbstractBaseUser, venue: Venue, number: int, reason: str = "") -> Market:
    """Open one halted market of an open venue again. Raises as ``halt_market``."""
    return _move_market(user, venue, number, Phase.OPEN, reason)


def _move_market(user: AbstractBaseUser, venue: Venue, number: int, target: Phase, reason: str) -> Market:
    """The kernel first, then the row, as for a venue as a whole."""
    venue = require_role(user, venue, Role.HALTER)
    require_own_books(venue)
    before = Phase.OPEN if target == Phase.HALTED else Phase.HALTED
    market = Market.objects.filter(venue=venue, number=number).first()
    if market is None or venue.state != VenueState.OPEN or market.phase != before:
        raise DomainError(
            "market_move_refused",
            f"Only markets of an open venue that are {before.label.lower()} can do this.",
        )
    if not move_phase(venue, [number], target):
        raise DomainError("market_move_refused", f"Trading of {market.symbol} has ended.")
    with transaction.atomic():
        Market.objects.filter(pk=market.pk, phase=before).update(phase=target)
        act = note_act(venue, user, DONE[target], market.symbol, words=reason)
        tell_fronts(act, SAID[target], warning=target == Phase.HALTED)
    market.refresh_from_db()
    return market


def halt_by_decision(venue_id: int, decision: int) -> Venue:
    """Keep a venue halted by a decision of governance, until ``release_by_decision``; repeating it does no harm.

    A venue that its deployer has halted stays as it is and cannot be resumed by them. Raises the engine's errors.
    """
    Venue.objects.filter(pk=venue_id, held_by_decision=None).update(held_by_decision=decision)
    venue = Venue.objects.get(pk=venue_id)
    if venue.state != VenueState.OPEN:
        return venue
    return _move_to(venue, VenueState.HALTED, None, f"Decision {decision} of the committee.")


def release_by_decision(venue_id: int, decision: int, *, reopen: bool) -> Venue:
    """End the halt of that decision, and open the venue again with ``reopen``; one that another holds is left alone.

    Repeating it does no harm. Raises the engine's errors.
    """
    venue = Venue.objects.get(pk=venue_id)
    if venue.held_by_decision != decision:
        return venue
    if reopen and venue.state == VenueState.HALTED:
        venue = _move_to(venue, VenueState.OPEN, None, f"The halt by decision {decision} has ended.")
    Venue.objects.filter(pk=venue_id, held_by_decision=decision).update(held_by_decision=None)
    venue.refresh_from_db()
    return venue


@dangerous("halt_longer", "halting for longer", Role.HALTER, lock_hours=1)
def _halt_longer(user: AbstractBaseUser, venue: Venue, parameters: dict[str, Any]) -> None:
    """A second person agrees that the halt goes on: it ends later, or is made anew if it has ended."""
    until = datetime.fromisoformat(parameters["until"])
    fresh = Venue.objects.get(pk=venue.pk)
    if fresh.state == VenueState.OPEN:
        fresh = _move(user, fresh, VenueState.HALTED, "Two people of the team keep it halted.")
    Venue.objects.filter(pk=venue.pk, state=VenueState.HALTED).update(halt_ends=until)


def request_longer_halt(user: AbstractBaseUser, venue: Venue, days: int, words: str) -> PendingAct:
    """Ask to keep a halted venue halted for 1 to 30 days from now; a second person must agree.

    Raises ``venue_not_halted``, ``days_invalid``, and as ``request_act``.
    """
    venue = require_role(user, venue, Role.HALTER)
    if venue.state != VenueState.HALTED:
        raise DomainError("venue_not_halted", f"{venue.name} is not halted.")
    if not 1 <= days <= MAX_HALT_DAYS:
        raise DomainError("days_invalid", f"Enter 1 to {MAX_HALT_DAYS} days.", field="days")
    until = (timezone.now() + timedelta(days=days)).replace(microsecond=0)
    return request_act(user, venue, "halt_longer", {"until": until.isoformat()}, words)


def end_halts() -> int:
    """Resume every venue whose team's halt has lasted as long as one person may halt it; how many."""
    over = Venue.objects.filter(state=VenueState.HALTED, halt_ends__lte=timezone.now(), held_by_decision=None)
    ended = 0
    for venue in over:
        try:
            _move_to(venue, VenueState.OPEN, None, "The halt has lasted as long as it was announced for.")
            ended += 1
        except DomainError as away:
            log.warning("halt of venue %s goes on: %s", venue.slug, away.message)
    return ended


def halt_short_venue(venue: Venue) -> Venue:
    """Halt an open venue whose stake no longer carries it; its deployer may resume it once it does."""
    return _move_to(
        venue, VenueState.HALTED, None, "The stake behind the venue no longer carries what is open."
    )


def _move(user: AbstractBaseUser, venue: Venue, target: VenueState, reason: str) -> Venue:
    venue = require_role(user, venue, Role.HALTER)
    require_own_books(venue)
    if venue.held_by_decision is not None:
        raise DomainError(
            "venue_held",
            f"The committee keeps {venue.name} halted by decision {venue.held_by_decision}; it resumes when that ends.",
            decision=venue.held_by_decision,
        )
    if target == VenueState.OPEN and (missing := missing_stake(venue)):
        raise DomainError(
            "stake_short",
            f"The stake no longer carries what is open at {venue.name}. Add {amount_words(missing, stake_asset())}, "
            "then resume.",
            missing=missing,
        )
    return _move_to(venue, target, user, reason)


def _move_to(venue: Venue, target: VenueState, user: AbstractBaseUser | None, reason: str) -> Venue:
    """The kernel first, then the row: a failure in between shows the old state, and the move can be repeated."""
    if (
        venue.state not in HALTED_STATES
        or target not in HALTED_STATES
        or target not in VENUE_MOVES[VenueState(venue.state)]
    ):
        raise DomainError(
            "venue_move_refused",
            f"{venue.name} is {venue.get_state_display().lower()}; it cannot become {target.label.lower()}.",
        )
    before, after = HALTED_STATES[VenueState(venue.state)], HALTED_STATES[target]
    halts = target == VenueState.HALTED
    numbers = list(Market.objects.filter(venue=venue, phase=before).values_list("number", flat=True))
    numbers = move_phase(venue, numbers, after)
    with transaction.atomic():
        Market.objects.filter(venue=venue, number__in=numbers).update(phase=after)
        until = timezone.now() + timedelta(hours=settings.HALT_HOURS) if halts and user else None
        Venue.objects.filter(pk=venue.pk).update(state=target, halt_ends=until)
        act = note_act(venue, user, DONE[after], venue.name, words=reason)
        tell_fronts(act, SAID[after], warning=halts)
    venue.refresh_from_db()
    return venue


def fees_held(venue: Venue) -> dict[int, int]:
    """``{asset id: units}`` on the venue's fee account, as the kernel holds it; a front has none.

    Raises the engine's ``DomainError``.
    """
    if venue.fronts_id is not None:
        return {}
    rows = ask(venue.group_id, {"q": "assets"}, timeout=1.5)["assets"]
    return {row["asset"]: row["venue_fees"] for row in rows if row["venue_fees"]}


def fees_collected(venue: Venue) -> dict[int, int]:
    """``{asset id: units}`` of fees that the deployer has moved to their wallet."""
    if venue.fronts_id is not None:
        return {}
    rows = Transfer.objects.filter(
        group_id=venue.group_id,
        account=kernel.VENUE_FEES,
        direction=Direction.WITHDRAW,
        state=TransferState.SETTLED,
    )
    return {
        row["asset_id"]: int(row["units"]) for row in rows.values("asset_id").annotate(units=Sum("amount"))
    }


def collect_fees(user: AbstractBaseUser, venue: Venue) -> list[Transfer]:
    """Move everything on the venue's fee account to the deployer's wallet; answers the transfers on their way.

    Whoever collects, the deployer gets it. Raises ``nothing_to_collect``, ``role_missing``, the engine's refusals.
    """
    venue = require_role(user, venue, Role.TREASURER)
    require_own_books(venue)
    held = fees_held(venue)
    if not held:
        raise DomainError("nothing_to_collect", f"{venue.name} has no fees to collect yet.")
    assets = Asset.objects.in_bulk(list(held))
    deployer = venue.deployer.user
    started = [
        start_withdrawal(deployer, venue, kernel.VENUE_FEES, assets[asset_id], units)
        for asset_id, units in sorted(held.items())
    ]
    amounts = {
        assets[asset_id].symbol: amount_text(units, assets[asset_id]) for asset_id, units in held.items()
    }
    note_act(venue, user, "collected fees", venue.name, after=amounts)
    return started


def payouts_of(venue: Venue) -> QuerySet[Transfer]:
    """Every payout of the venue's fees to its deployer's wallet, newest first."""
    return (
        Transfer.objects.filter(
            group_id=venue.group_id, account=kernel.VENUE_FEES, direction=Direction.WITHDRAW
        )
        .select_related("asset")
        .order_by("-pk")
    )
