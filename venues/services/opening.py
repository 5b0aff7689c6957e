"""Opening markets in the kernel: what PostgreSQL holds of a venue, made true in its risk group.

The kernel is asked what it knows, only what is missing is sent, and the kernel is asked again. So the work can be cut
off anywhere and taken up by anyone, any number of times, and two workers at once do no harm: whatever either of them
adds, the other finds.
"""

from collections import deque
from collections.abc import Iterable
from functools import cache

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.engine.errors import OutcomeUnknown
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from venues.models import Market, MarketKind, Phase, Venue
from venues.services.asking import KernelRefused, ask
from venues.services.capacity import capacity_of
from venues.services.collateral import collateral_commands
from venues.services.event_opening import EventWork

SETUP_TIMEOUT_SECONDS = 20.0


def open_in_kernel(venue: Venue, markets: list[Market]) -> None:
    """See to it that the venue's risk group knows every asset of ``markets`` and has every one of them OPEN.

    ``markets`` are all the venue's markets that are to exist, by number, with base and quote. A market that the kernel
    already has in another phase than PENDING is left in it. Raises the engine's ``DomainError`` if the outcome is not
    known (call again), ``KernelRefused`` if the kernel will not have a command.
    """
    commands = _missing(venue, markets)
    if not commands:
        return
    acks = kernel.decode_acks(
        client.submit_packed(venue.group_id, b"".join(commands), len(commands), SETUP_TIMEOUT_SECONDS)
    )
    if not _missing(venue, markets):
        return
    refused = next((ack.code for ack in acks if ack.code), 0)
    if not refused:
        raise OutcomeUnknown
    raise KernelRefused(*kernel.REJECTS[refused])


#: Base of a contract market in the kernel.
NO_ASSET = 0xFFFFFFFF
KINDS = {
    MarketKind.SPOT: kernel.SPOT,
    MarketKind.PERPETUAL: kernel.PERPETUAL,
    MarketKind.OUTCOME: kernel.OUTCOME,
}
#: How far a market order reaches in a market without a band.
OUTCOME_SLIPPAGE_PPM = 500_000
#: Half a contract side of a book that funding looks at, in whole units of the settlement asset.
IMPACT_AMOUNT = 10_000


def move_phase(venue: Venue, numbers: Iterable[int], target: Phase) -> list[int]:
    """Bring markets of the kernel to ``target`` by allowed moves; those already there stay. Raises as above.

    Answers the markets that are there now: one whose trading has ended meanwhile, as that of an event, is left out.
    """
    known = {item["market"]: item["phase"] for item in ask(venue.group_id, {"q": "markets"})["markets"]}
    movable = [number for number in numbers if known[number] < Phase.CLOSING or known[number] == target]
    commands = [
        kernel.set_phase(number, phase)
        for number in movable
        for phase in phase_path(known[number], int(target))
    ]
    if not commands:
        return movable
    packed = client.submit_packed(
        venue.group_id, b"".join(commands), len(commands), SETUP_TIMEOUT_SECONDS, urgent=True
    )
    for ack in kernel.decode_acks(packed):
        if ack.code:
            raise KernelRefused(*kernel.REJECTS[ack.code])
    return movable


@cache
def phase_path(start: int, target: int) -> tuple[int, ...]:
    """The phases to go through from ``start`` (left out) to ``target``, shortest way by the kernel's moves.

    Raises ``phase_move_refused`` if there is no way.
    """
    paths: deque[list[int]] = deque([[start]])
    seen = {start}
    while paths:
        path = paths.popleft()
        if path[-1] == target:
            return tuple(path[1:])
        for phase in kernel.PHASE_MOVES.get(path[-1], ()):
            if phase not in seen:
                seen.add(phase)
                paths.append([*path, phase])
    raise DomainError(
        "phase_move_refused", f"A market cannot go from {kernel.PHASES[start]} to {kernel.PHASES[target]}."
    )


def _missing(venue: Venue, markets: list[Market]) -> list[bytes]:
    """The commands that the kernel still needs: assets, then markets by number, then their opening."""
    contracts = [market for market in markets if market.kind != MarketKind.SPOT]
    assets = {item["asset"] for item in ask(venue.group_id, {"q": "assets"})["assets"]}
    phases = {item["market"]: item["phase"] for item in ask(venue.group_id, {"q": "markets"})["markets"]}
    needed: dict[int, Asset] = {asset.pk: asset for market in markets for asset in market.balance_assets}
    commands = [
        kernel.add_asset(asset.pk, scale=asset.scale, symbol=asset.symbol)
        for asset in sorted(needed.values(), key=lambda item: item.pk)
        if asset.pk not in assets
    ]
    opening: list[bytes] = []
    events = EventWork.of(venue, markets)
    to_open = [market for market in markets if phases.get(market.number, Phase.PENDING) == Phase.PENDING]
    if any(market.kind != MarketKind.SPOT for market in to_open):
        commands.append(kernel.set_capacity(capacity_of(venue, contracts[0].quote)))
    for market in sorted(markets, key=lambda item: item.number):
        if market.number not in phases:
            commands.append(_add_market(venue, market))
            commands += _rules(market)
        phase = phases.get(market.number, int(Phase.PENDING))
        if phase in (Phase.PENDING, Phase.AUCTION) and market.number not in events.splitting:
            opening += [kernel.set_phase(market.number, step) for step in phase_path(phase, int(Phase.OPEN))]
        if market.number in events.to_reopen and phase == Phase.HALTED:
            opening.append(kernel.set_phase(market.number, int(Phase.OPEN)))
    haircuts = collateral_commands(markets) if to_open else []
    return commands + haircuts + events.commands + opening


def _rules(market: Market) -> list[bytes]:
    """What a perpetual is told before it opens: margin tiers, how its price is made, funding."""
    if market.kind != MarketKind.PERPETUAL:
        return []
    params = market.params
    return [
        kernel.set_margin_tiers(
            market.number,
            [(up_to, initial, maintenance) for up_to, initial, maintenance in params["tiers"]],
            interest_cap=params.get("interest_cap", 0),
        ),
        kernel.set_price_rules(market.number, **params.get("price_rules", {})),
        kernel.set_funding(
            market.number,
            cap_ppm=params.get("funding_cap_ppm", 40_000),
            impact_notional=IMPACT_AMOUNT * 10**market.quote.scale,
        ),
    ]


def _add_market(venue: Venue, market: Market) -> bytes:
    return kernel.add_market(
        market.number,
        kind=KINDS[MarketKind(market.kind)],
        base=market.base_id if market.kind == MarketKind.SPOT and market.base_id else NO_ASSET,
        quote=market.quote_id,
        lot_size=market.lot_units,
        tick_quote=market.tick_quote,
        reference_ticks=market.reference_ticks,
        maker_ppm=market.maker_fee_ppm,
        taker_ppm=market.taker_fee_ppm,
        protocol_share_ppm=venue.protocol_share_ppm,
        band_ppm=market.band_ppm,
        slippage_ppm=market.band_ppm or OUTCOME_SLIPPAGE_PPM,
        payout_ticks=market.payout_ticks,
        min_lots=market.min_size_lots,
        symbol=market.symbol,
    )
