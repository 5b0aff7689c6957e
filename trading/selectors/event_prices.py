"""What the outcomes of an event are worth now, from the kernel, with the trend of the last day."""

from dataclasses import dataclass

from exchange_os.engine import client
from exchange_os.errors import DomainError
from trading.selectors.events import EventView
from trading.selectors.overview import listings
from venues.models import Market, Phase

PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class OutcomePrice:
    """One outcome: prices of its Yes side in ticks, 0 for none; ``fair_ticks`` is the chance as the market sees it."""

    market: Market
    fair_ticks: int
    best_bid: int
    best_ask: int
    payout_ticks: int
    closes: list[int]
    quote_volume: int
    day_open_ticks: int = 0
    interest_lots: int = 0
    trades_now: bool = True

    @property
    def percent(self) -> int:
        """Chance in whole per cent."""
        return round(self.fair_ticks * 100 / self.payout_ticks) if self.payout_ticks else 0

    @property
    def day_change_ticks(self) -> int:
        """How the chance moved within a day, in ticks; 0 if the outcome did not trade."""
        return self.fair_ticks - self.day_open_ticks if self.day_open_ticks else 0

    @property
    def yes_ticks(self) -> int:
        """What one Yes costs now; 0 if nobody sells."""
        return self.best_ask

    @property
    def no_ticks(self) -> int:
        """What one No costs now; 0 if nobody sells."""
        return self.payout_ticks - self.best_bid if self.best_bid else 0


def outcome_prices(view: EventView, now_ms: int) -> tuple[list[OutcomePrice], str]:
    """Outcomes of an event, likeliest first, and a sentence if the venue does not answer (prices are 0 then)."""
    days = {row.market.pk: row.day for row in listings(list(view.markets), now_ms)}
    error = ""
    live: dict[int, dict[str, int]] = {}
    try:
        answer = client.query(
            view.event.venue.group_id, {"q": "event", "event": view.event.number}, PATIENCE_SECONDS
        )
        outcomes = answer.get("event", {}).get("outcomes", ())
        live = {row["market"]: row for row in outcomes if row.get("market") is not None}
    except DomainError:
        error = "The venue does not answer at the moment. Prices come back by themselves."
    rows = []
    for market in view.markets:
        known, day = live.get(market.number, {}), days[market.pk]
        fair = known.get("fair_ticks") or day.last_ticks or market.reference_ticks
        rows.append(
            OutcomePrice(
                market=market,
                fair_ticks=fair,
                best_bid=known.get("best_bid", 0),
                best_ask=known.get("best_ask", 0),
                payout_ticks=market.payout_ticks,
                closes=day.closes,
                quote_volume=day.quote_volume,
                day_open_ticks=day.open_ticks,
                interest_lots=known.get("open_interest_lots", 0),
                trades_now=known.get("phase", Phase.OPEN) == Phase.OPEN,
            )
        )
    return sorted(rows, key=lambda row: (-row.fair_ticks, row.market.outcome)), error
