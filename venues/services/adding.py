"""Adding to a venue that trades: markets, events, outcomes that come late. What trades goes on trading."""

from functools import partial

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Max

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import amount_words
from venues.event_specs import EventSpec, late_outcome
from venues.models import Event, EventState, Market, Phase, Role, Venue, VenueState
from venues.selectors import min_stake, stake_standing
from venues.services.acts import note_act
from venues.services.launch import send_drive
from venues.services.listing import create_listings
from venues.services.roles import require_event_role, require_own_books, require_role
from venues.specs import MAX_MARKETS, Listing


def add_market(user: AbstractBaseUser, venue: Venue, spec: Listing) -> list[Market]:
    """Add a market, or an event with its markets; as ``add_listings`` of the one."""
    return add_listings(user, venue, [spec])


def add_listings(user: AbstractBaseUser, venue: Venue, specs: list[Listing]) -> list[Market]:
    """Add markets and events to the user's open venue, all or none; they trade when the drive is done.

    Raises ``venue_not_open``, ``market_pending`` while other markets are being added, ``symbol_taken``,
    ``code_taken``, ``too_many_markets``, ``stake_too_small`` if a new kind of market asks for more stake.
    """
    require_own_books(venue)
    symbols = [symbol for spec in specs for symbol in spec.symbols]
    with transaction.atomic():
        require_role(user, venue, Role.OWNER)
        locked = Venue.objects.select_for_update().get(pk=venue.pk)
        if locked.state != VenueState.OPEN:
            raise DomainError(
                "venue_not_open", f"{locked.name} is not open; resume it before adding a market."
            )
        markets = Market.objects.filter(venue=locked)
        seen = set(markets.filter(symbol__in=symbols).values_list("symbol", flat=True))
        for spec in specs:
            if taken := seen.intersection(spec.symbols):
                field = "series" if isinstance(spec, EventSpec) else "base"
                raise DomainError(
                    "symbol_taken", f"{locked.name} already has a market {min(taken)}.", field=field
                )
            seen.update(spec.symbols)
        if markets.filter(phase=Phase.PENDING).exists():
            raise DomainError("market_pending", "Another market is being added; try again in a moment.")
        number = (markets.aggregate(last=Max("number"))["last"] or 0) + 1
        if number + len(symbols) > MAX_MARKETS:
            raise DomainError("too_many_markets", f"A venue has at most {MAX_MARKETS} markets.")
        _check_stake(locked, {spec.market_kind for spec in specs})
        Venue.objects.filter(pk=locked.pk).update(launch_error="")
        create_listings(locked, number, specs)
        about = symbols[0] if len(symbols) == 1 else f"{len(symbols)} markets"
        note_act(locked, user, "added", about, after={"markets": ", ".join(symbols)})
        transaction.on_commit(partial(send_drive, locked.pk))
    return list(markets.filter(number__gte=number).order_by("number"))


def _check_stake(venue: Venue, added: set[str]) -> None:
    traded = set(Market.objects.filter(venue=venue).values_list("kind", flat=True))
    standing = stake_standing(venue.deployer.user_id)
    more = min_stake(traded | added) - standing.needs.get(venue.pk, 0)
    if more > standing.free:
        asset = standing.asset
        raise DomainError(
            "stake_too_small",
            f"With this market {venue.name} needs {amount_words(min_stake(traded | added), asset)} of stake. "
            f"Stake {amount_words(more - standing.free, asset)} more first.",
        )


def add_outcome(user: AbstractBaseUser, event: Event, name: str) -> Market:
    """Take one more outcome out of an event's fallback; it trades when the drive that this starts is done.

    Raises ``event_unknown``, ``no_fallback``, ``event_over``, ``market_pending``, ``outcomes_alike``,
    ``too_many_markets``.
    """
    with transaction.atomic():
        require_event_role(user, event, Role.OWNER)
        locked = Venue.objects.select_for_update().get(pk=event.venue_id)
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
        note_act(locked, user, "added", symbol)
        transaction.on_commit(partial(send_drive, locked.pk))
    return last
