"""Launching a venue: one step that is all or nothing, then a drive that can be repeated until it is done.

``launch_venue`` writes the venue, its markets and its risk group in one transaction, in state LAUNCHING, with the
deployer's stake counted as its backing under the deployer's lock. Nobody can see such a venue yet. ``drive_launch``
opens its markets in the kernel and turns it OPEN; it is started at once and, should anything be away, again by the
sweeper until it succeeds. Only a refusal by the kernel ends it otherwise: then the venue is FAILED, its address is free
again, its stake backs nothing, and the draft can be mended and launched anew.
"""

import logging
from functools import partial

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine.services import create_group
from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_text, amount_words
from exchange_os.oracles.services.sources import add_source, remove_sources
from venues.contract_specs import PerpetualSpec
from venues.event_specs import EventSpec, late_outcome
from venues.models import (
    VENUE_MOVES,
    Deployer,
    Event,
    EventState,
    LaunchDraft,
    Market,
    MarketKind,
    Phase,
    Venue,
    VenueState,
)
from venues.selectors import stake_standing
from venues.services.asking import KernelRefused
from venues.services.deployers import require_deployer
from venues.services.opening import open_in_kernel
from venues.specs import MAX_MARKETS, Listing, MarketSpec, VenueSpec, market_specs, venue_spec

log = logging.getLogger(__name__)

DRIVE_TASK = "venues.drive_launch"


def launch_venue(user: AbstractBaseUser, draft: LaunchDraft) -> Venue:
    """Launch what the draft holds; answers the venue, LAUNCHING. The drive begins when the transaction commits.

    Raises ``not_a_deployer``, ``stake_too_small``, ``draft_launched``, or ``Refusals`` with every field at fault.
    A draft leads to one venue: a second call for it answers the venue of the first.
    """
    deployer = require_deployer(user)
    with transaction.atomic():
        Deployer.objects.select_for_update().get(pk=deployer.pk)
        draft = LaunchDraft.objects.select_related("venue").get(pk=draft.pk, user_id=user.pk)
        if draft.venue is not None and draft.venue.state != VenueState.FAILED:
            return draft.venue
        spec = venue_spec(draft.data.get("venue", {}))
        markets = market_specs(draft.data.get("markets", []))
        check_stake(user)
        venue = _create_venue(deployer, spec, markets)
        number = 0
        for market in markets:
            number += create_listing(venue, number, market)
        draft.venue = venue
        draft.save(update_fields=["venue", "updated"])
        transaction.on_commit(partial(send_drive, venue.pk))
    return venue


def check_stake(user: AbstractBaseUser) -> None:
    """Refuse with ``stake_too_small`` unless the user's stake can back one more venue."""
    standing = stake_standing(user.pk)
    if standing.short_for_next:
        raise DomainError(
            "stake_too_small",
            f"Every venue needs {amount_words(standing.per_venue, standing.asset)} of stake. "
            f"Stake {amount_words(standing.short_for_next, standing.asset)} more to launch.",
            field="stake",
            missing=amount_text(standing.short_for_next, standing.asset),
        )


def _create_venue(deployer: Deployer, spec: VenueSpec, markets: list[Listing]) -> Venue:
    try:
        with transaction.atomic():
            return Venue.objects.create(
                slug=spec.slug,
                name=spec.name,
                deployer=deployer,
                group_id=create_group().pk,
                accent=spec.accent,
                description=spec.description,
                maker_fee_ppm=markets[0].maker_fee_ppm,
                taker_fee_ppm=markets[0].taker_fee_ppm,
                protocol_share_ppm=settings.PROTOCOL_SHARE_PPM,
            )
    except IntegrityError as taken:
        raise DomainError(
            "slug_taken", f"Another venue has the address {spec.slug}; choose another.", field="slug"
        ) from taken


def create_listing(venue: Venue, number: int, spec: Listing) -> int:
    """The rows of what is listed, which the kernel does not know yet, from market ``number`` on; how many markets."""
    if isinstance(spec, MarketSpec):
        create_market(venue, number, spec)
        return 1
    if isinstance(spec, PerpetualSpec):
        create_perpetual(venue, number, spec)
        return 1
    event = create_event(venue, spec)
    for outcome, (name, symbol) in enumerate(spec.outcomes):
        create_outcome(event, number + outcome, outcome, name, symbol, spec)
    return len(spec.outcomes)


def create_market(venue: Venue, number: int, spec: MarketSpec) -> Market:
    """The row of a spot market that the kernel does not know yet."""
    return Market.objects.create(
        venue=venue,
        number=number,
        symbol=spec.symbol,
        base=spec.base,
        quote=spec.quote,
        tick_size=format(spec.tick_size, "f"),
        lot_size=format(spec.lot_size, "f"),
        price_scale=spec.price_scale,
        size_scale=spec.size_scale,
        lot_units=spec.lot_units,
        tick_quote=spec.tick_quote,
        min_size_lots=spec.min_size_lots,
        reference_ticks=spec.reference_ticks,
        band_ppm=spec.band_ppm,
        maker_fee_ppm=spec.maker_fee_ppm,
        taker_fee_ppm=spec.taker_fee_ppm,
    )


def create_perpetual(venue: Venue, number: int, spec: PerpetualSpec) -> Market:
    """The rows of a perpetual market that the kernel does not know yet, and of its sources; its lot is one contract."""
    market = Market.objects.create(
        venue=venue,
        number=number,
        symbol=spec.symbol,
        kind=MarketKind.PERPETUAL,
        base=spec.base,
        quote=spec.quote,
        tick_size=format(spec.tick_size, "f"),
        lot_size="1",
        price_scale=spec.price_scale,
        size_scale=0,
        lot_units=1,
        tick_quote=spec.tick_quote,
        contract_value=format(spec.contract_value, "f"),
        reference_ticks=spec.reference_ticks,
        band_ppm=spec.band_ppm,
        maker_fee_ppm=spec.maker_fee_ppm,
        taker_fee_ppm=spec.taker_fee_ppm,
        params=spec.params,
    )
    for source in spec.sources:
        add_source(
            venue.group_id,
            number,
            name=source.name,
            kind=source.kind,
            tick_size=format(spec.tick_size, "f"),
            config=source.config,
        )
    return market


def create_event(venue: Venue, spec: EventSpec) -> Event:
    """The row of an event that the kernel does not know yet; raises ``code_taken``."""
    events = Event.objects.filter(venue=venue)
    if events.filter(code=spec.code).exists():
        raise DomainError(
            "code_taken", f"{venue.name} has an event {spec.code} already; choose another code.", field="code"
        )
    last = events.aggregate(last=Max("number"))["last"]
    return Event.objects.create(
        venue=venue,
        number=0 if last is None else last + 1,
        kind=spec.kind,
        series=spec.series,
        code=spec.code,
        title=spec.title,
        category=spec.category,
        rules=spec.rules,
        source=spec.source,
        settlement_asset=spec.quote,
        closes=spec.closes,
        window_seconds=spec.window_seconds,
        fallback=spec.fallback,
        low=spec.low,
        high=spec.high,
        measure=spec.measure,
    )


def create_outcome(
    event: Event, number: int, outcome: int, name: str, symbol: str, spec: EventSpec
) -> Market:
    """The row of an outcome's market; its lot is one contract, which pays one unit of the settlement asset."""
    return Market.objects.create(
        venue=event.venue,
        number=number,
        symbol=symbol,
        kind=MarketKind.OUTCOME,
        quote=spec.quote,
        tick_size=format(spec.tick_size, "f"),
        lot_size="1",
        price_scale=spec.price_scale,
        size_scale=0,
        lot_units=1,
        tick_quote=spec.tick_quote,
        payout_ticks=spec.payout_ticks,
        event=event,
        outcome=outcome,
        outcome_name=name,
        reference_ticks=spec.reference_ticks,
        band_ppm=0,
        maker_fee_ppm=spec.maker_fee_ppm,
        taker_fee_ppm=spec.taker_fee_ppm,
    )


def add_market(user: AbstractBaseUser, venue: Venue, spec: Listing) -> list[Market]:
    """Add a market, or an event with its markets, to the user's open venue; they trade when the drive is done.

    Raises ``venue_not_open``, ``market_pending`` while another market is being added, ``symbol_taken``,
    ``code_taken``, ``too_many_markets``.
    """
    with transaction.atomic():
        locked = Venue.objects.select_for_update().get(pk=venue.pk, deployer__user_id=user.pk)
        if locked.state != VenueState.OPEN:
            raise DomainError(
                "venue_not_open", f"{locked.name} is not open; resume it before adding a market."
            )
        markets = Market.objects.filter(venue=locked)
        taken = markets.filter(symbol__in=spec.symbols).first()
        if taken is not None:
            field = "series" if isinstance(spec, EventSpec) else "base"
            raise DomainError(
                "symbol_taken", f"{locked.name} already has a market {taken.symbol}.", field=field
            )
        if markets.filter(phase=Phase.PENDING).exists():
            raise DomainError("market_pending", "Another market is being added; try again in a moment.")
        number = (markets.aggregate(last=Max("number"))["last"] or 0) + 1
        if number + len(spec.symbols) > MAX_MARKETS:
            raise DomainError("too_many_markets", f"A venue has at most {MAX_MARKETS} markets.")
        Venue.objects.filter(pk=locked.pk).update(launch_error="")
        create_listing(locked, number, spec)
        transaction.on_commit(partial(send_drive, locked.pk))
    return list(markets.filter(number__gte=number).order_by("number"))


def add_outcome(user: AbstractBaseUser, event: Event, name: str) -> Market:
    """Take one more outcome out of an event's fallback; it trades when the drive that this starts is done.

    Raises ``event_unknown``, ``no_fallback``, ``event_over``, ``market_pending``, ``outcomes_alike``,
    ``too_many_markets``.
    """
    with transaction.atomic():
        locked = (
            Venue.objects.select_for_update().filter(pk=event.venue_id, deployer__user_id=user.pk).first()
        )
        if locked is None:
            raise DomainError("event_unknown", "You have no such event.")
        event = Event.objects.select_related("venue").get(pk=event.pk)
        if event.fallback is None:
            raise DomainError(
                "no_fallback", "The event has no “Any other” that an outcome could come out of."
            )
        if event.state != EventState.OPEN or locked.state != VenueState.OPEN:
            raise DomainError("event_over", "An outcome can be added while the event trades.")
        markets = Market.objects.filter(venue=locked)
        if markets.filter(phase=Phase.PENDING).exists():
            raise DomainError("market_pending", "Another market is being added; try again in a moment.")
        last = markets.filter(event=event).order_by("-outcome")[0]
        name, symbol = late_outcome(event.series, event.closes, name)
        if markets.filter(symbol=symbol).exists():
            raise DomainError("outcomes_alike", f"There is an outcome {symbol} already.", field="outcome")
        number = (markets.aggregate(last=Max("number"))["last"] or 0) + 1
        if number >= MAX_MARKETS:
            raise DomainError("too_many_markets", f"A venue has at most {MAX_MARKETS} markets.")
        last.pk, last.number, last.outcome = None, number, last.outcome + 1
        last.outcome_name, last.symbol, last.phase, last.opened = name, symbol, Phase.PENDING, None
        last.reference_ticks = max(1, last.payout_ticks // (last.outcome + 1))
        last.save(force_insert=True)
        transaction.on_commit(partial(send_drive, locked.pk))
    return last


def drive_launch(venue_id: int) -> VenueState:
    """Open every market of the venue that is not open yet, and the venue with them; answers its state.

    Safe to repeat and to run twice at once. Raises the engine's ``DomainError`` if it must be called again; a refusal
    by the kernel is recorded in ``launch_error`` and ends the launch (or drops the market that was being added).
    """
    venue = Venue.objects.get(pk=venue_id)
    markets = list(venue.markets.select_related("base", "quote", "event").order_by("number"))
    if venue.state not in (VenueState.LAUNCHING, VenueState.OPEN) or not any(
        m.phase == Phase.PENDING for m in markets
    ):
        return VenueState(venue.state)
    Venue.objects.filter(pk=venue.pk).update(launch_attempts=F("launch_attempts") + 1)
    try:
        open_in_kernel(venue, markets)
    except KernelRefused as refused:
        log.warning("launch of venue %s refused: %s", venue.slug, refused.message)
        return _give_up(venue, refused)
    with transaction.atomic():
        now = timezone.now()
        Market.objects.filter(venue=venue, phase=Phase.PENDING).update(phase=Phase.OPEN, opened=now)
        Event.objects.filter(venue=venue, state=EventState.PENDING).update(state=EventState.OPEN)
        Venue.objects.filter(pk=venue.pk, state=VenueState.LAUNCHING).update(
            state=VenueState.OPEN, opened=now
        )
    return VenueState.OPEN


def _give_up(venue: Venue, refused: DomainError) -> VenueState:
    """A launch fails as a whole; a market that was being added to an open venue is dropped."""
    with transaction.atomic():
        locked = Venue.objects.select_for_update().get(pk=venue.pk)
        locked.launch_error = refused.message[:300]
        if locked.state == VenueState.LAUNCHING:
            assert VenueState.FAILED in VENUE_MOVES[VenueState.LAUNCHING]
            locked.state = VenueState.FAILED
        else:
            dropped = Market.objects.filter(venue=locked, phase=Phase.PENDING)
            remove_sources(locked.group_id, list(dropped.values_list("number", flat=True)))
            dropped.delete()
            Event.objects.filter(venue=locked, state=EventState.PENDING).delete()
        locked.save(update_fields=["state", "launch_error"])
    return VenueState(locked.state)


def send_drive(venue_id: int) -> bool:
    """Ask a worker to drive a launch now; whether the broker took it. A lost message is made up by the sweeper."""
    try:
        current_app.send_task(DRIVE_TASK, args=[venue_id], retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("drive of venue %s not sent: %s", venue_id, error)
        return False
    return True


def unfinished_launches() -> list[int]:
    """Venues that launch, or to which a market is being added: what the sweeper drives."""
    pending = Market.objects.filter(
        phase=Phase.PENDING, venue__state__in=(VenueState.LAUNCHING, VenueState.OPEN)
    )
    return sorted(set(pending.values_list("venue_id", flat=True)))
