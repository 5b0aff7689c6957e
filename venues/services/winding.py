"""The end of a venue: announced, reduce-only until then, settled by rule, closed.

Two people of the team (or one and the time lock) announce the end, at least ``WIND_DOWN_HOURS`` ahead. At once spot and
perpetual markets take nothing that adds risk; outcome markets trade on, since holders cannot reduce without buyers. At
the end the clock, not the team, moves perpetuals to SETTLING: the kernel closes every position at the mark of that
moment, which is bounded by its steps and its distance from the index, so that nobody chooses the price by choosing the
moment. Orders are cancelled, events are closed and resolved in their own way. When every market is settled the venue is
closed: balances can be withdrawn, and its stake backs nothing.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

import exchange_kernel as kernel
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.engine import client
from exchange_os.errors import DomainError
from venues.models import (
    VENUE_MOVES,
    Event,
    EventState,
    Market,
    MarketKind,
    PendingAct,
    Phase,
    Role,
    Venue,
    VenueState,
)
from venues.services.acts import note_act
from venues.services.asking import ask
from venues.services.capacity import send_sweep
from venues.services.deployer_notices import tell_fronts
from venues.services.events import close_in_time
from venues.services.opening import move_phase
from venues.services.roles import require_role
from venues.services.two_people import dangerous, request_act

log = logging.getLogger(__name__)

MAX_DAYS = 90
OVER = (EventState.RESOLVED, EventState.VOID)


def request_wind_down(user: AbstractBaseUser, venue: Venue, days: int, words: str) -> PendingAct:
    """Ask to end the venue ``days`` from now.

    Raises ``venue_move_refused``, ``days_invalid``, and as ``request_act``.
    """
    venue = require_role(user, venue, Role.OWNER)
    _check(venue)
    least = -(-settings.WIND_DOWN_HOURS // 24)
    if not least <= days <= MAX_DAYS:
        raise DomainError("days_invalid", f"Enter {least} to {MAX_DAYS} days.", field="days")
    ends = (timezone.now() + timedelta(days=days)).replace(microsecond=0)
    return request_act(user, venue, "wind_down", {"ends": ends.isoformat()}, words)


@dangerous("wind_down", "winding the venue down", Role.OWNER)
def _wind_down(user: AbstractBaseUser, venue: Venue, parameters: dict[str, Any]) -> None:
    """The end is agreed: no new risk from now on, and an end that everybody can read."""
    fresh = Venue.objects.get(pk=venue.pk)
    if fresh.state == VenueState.WINDING:
        return
    _check(fresh)
    least = timezone.now() + timedelta(hours=settings.WIND_DOWN_HOURS)
    ends = max(datetime.fromisoformat(parameters["ends"]), least)
    markets = Market.objects.filter(venue=fresh, phase__in=(Phase.OPEN, Phase.HALTED, Phase.AUCTION))
    reduced = list(markets.exclude(kind=MarketKind.OUTCOME).values_list("number", flat=True))
    reduced = move_phase(fresh, reduced, Phase.CLOSING)
    halted = markets.filter(kind=MarketKind.OUTCOME, phase=Phase.HALTED)
    traded = move_phase(fresh, list(halted.values_list("number", flat=True)), Phase.OPEN)
    with transaction.atomic():
        Market.objects.filter(venue=fresh, number__in=reduced).update(phase=Phase.CLOSING)
        Market.objects.filter(venue=fresh, number__in=traded).update(phase=Phase.OPEN)
        Venue.objects.filter(pk=fresh.pk).update(state=VenueState.WINDING, ends=ends, halt_ends=None)
        act = note_act(fresh, user, "announced the end of", fresh.name, after={"ends": ends.isoformat()})
        tell_fronts(act, f"winds down until {ends:%-d %B %Y, %H:%M} UTC")


def follow_winding() -> int:
    """What the clock brings to venues that wind down; how many were closed. One that is away waits."""
    closed = 0
    for venue in Venue.objects.filter(state=VenueState.WINDING, ends__lte=timezone.now()):
        try:
            closed += _settle(venue)
        except DomainError as away:
            log.warning("end of venue %s waits: %s", venue.slug, away.message)
    return closed


def _settle(venue: Venue) -> bool:
    """One step of the end; whether the venue is closed. The kernel is asked where it is: a step may be repeated."""
    events = Event.objects.filter(venue=venue).exclude(state__in=OVER)
    for event in events.filter(state=EventState.OPEN).select_related("venue__deployer", "settlement_asset"):
        close_in_time(event)
    own = Market.objects.filter(venue=venue).exclude(kind=MarketKind.OUTCOME).exclude(phase=Phase.PENDING)
    numbers = set(own.values_list("number", flat=True))
    for known in ask(venue.group_id, {"q": "markets"})["markets"]:
        number, phase = known["market"], known["phase"]
        if number not in numbers:
            continue
        if phase < Phase.SETTLING:
            move_phase(venue, [number], Phase.CLOSING)
            _tell(venue, number, Phase.SETTLING)
        elif phase == Phase.SETTLING and not known.get("open_interest") and not known["orders"]:
            _tell(venue, number, Phase.SETTLED)
    phases = {row["market"]: row["phase"] for row in ask(venue.group_id, {"q": "markets"})["markets"]}
    for number in numbers:
        Market.objects.filter(venue=venue, number=number).exclude(phase=phases[number]).update(
            phase=phases[number]
        )
    if events.exists() or any(phases[number] != Phase.SETTLED for number in numbers):
        return False
    with transaction.atomic():
        locked = Venue.objects.select_for_update().get(pk=venue.pk)
        if locked.state != VenueState.WINDING:
            return False
        Venue.objects.filter(pk=venue.pk).update(state=VenueState.CLOSED)
        tell_fronts(note_act(venue, None, "closed", venue.name), "is closed")
        transaction.on_commit(send_sweep)
    return True


def _tell(venue: Venue, number: int, phase: Phase) -> None:
    """One move; a refusal means that the kernel is not there yet, and the next call looks again."""
    ack = client.submit(venue.group_id, kernel.set_phase(number, int(phase)), urgent=True)
    if ack.code:
        log.info("market %s of venue %s cannot be %s yet", number, venue.slug, phase.label.lower())


def _check(venue: Venue) -> None:
    if VenueState.WINDING not in VENUE_MOVES[VenueState(venue.state)] or venue.held_by_decision is not None:
        raise DomainError(
            "venue_move_refused",
            f"{venue.name} is {venue.get_state_display().lower()}; it cannot be wound down now.",
        )
