"""Rows of what is listed: markets, events and price sources that the kernel does not know yet.

However many are listed at once, they cost a handful of statements: events in one, markets in one.
"""

from collections.abc import Iterable

from django.db.models import Max

from exchange_os.errors import DomainError
from exchange_os.oracles.services.sources import add_source
from venues.contract_specs import PerpetualSpec
from venues.event_specs import EventSpec
from venues.models import Event, Market, MarketKind, Venue
from venues.specs import Listing, MarketSpec


def create_listings(venue: Venue, number: int, specs: Iterable[Listing]) -> int:
    """The rows of what is listed, from market ``number`` on; answers how many markets. Raises ``code_taken``."""
    specs = list(specs)
    events = iter(_create_events(venue, [spec for spec in specs if isinstance(spec, EventSpec)]))
    markets: list[Market] = []
    perpetuals: list[tuple[int, PerpetualSpec]] = []
    for spec in specs:
        at = number + len(markets)
        if isinstance(spec, MarketSpec):
            markets.append(_spot_row(venue, at, spec))
        elif isinstance(spec, PerpetualSpec):
            perpetuals.append((at, spec))
            markets.append(_perpetual_row(venue, at, spec))
        else:
            event = next(events)
            markets += [
                _outcome_row(event, at + outcome, outcome, name, symbol, spec)
                for outcome, (name, symbol) in enumerate(spec.outcomes)
            ]
    Market.objects.bulk_create(markets)
    for at, perpetual in perpetuals:
        _add_sources(venue, at, perpetual)
    return len(markets)


def _spot_row(venue: Venue, number: int, spec: MarketSpec) -> Market:
    return Market(
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
        params={"collateral": True} if spec.collateral else {},
    )


def _perpetual_row(venue: Venue, number: int, spec: PerpetualSpec) -> Market:
    """A perpetual; its lot is one contract."""
    return Market(
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


def _add_sources(venue: Venue, number: int, spec: PerpetualSpec) -> None:
    for source in spec.sources:
        add_source(
            venue.group_id,
            number,
            name=source.name,
            kind=source.kind,
            tick_size=format(spec.tick_size, "f"),
            config=source.config,
        )


def _create_events(venue: Venue, specs: list[EventSpec]) -> list[Event]:
    """Events in the order of ``specs``, numbered on from the venue's last; raises ``code_taken``."""
    if not specs:
        return []
    events = Event.objects.filter(venue=venue)
    codes = [spec.code for spec in specs]
    taken = set(events.filter(code__in=codes).values_list("code", flat=True))
    for code in codes:
        if code in taken:
            raise DomainError(
                "code_taken", f"{venue.name} has an event {code} already; choose another code.", field="code"
            )
        taken.add(code)
    last = events.aggregate(last=Max("number"))["last"]
    first = 0 if last is None else last + 1
    return Event.objects.bulk_create(
        _event_row(venue, number, spec) for number, spec in enumerate(specs, first)
    )


def _event_row(venue: Venue, number: int, spec: EventSpec) -> Event:
    return Event(
        venue=venue,
        number=number,
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


def _outcome_row(event: Event, number: int, outcome: int, name: str, symbol: str, spec: EventSpec) -> Market:
    """An outcome's market; its lot is one contract, which pays one unit of the settlement asset."""
    return Market(
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
