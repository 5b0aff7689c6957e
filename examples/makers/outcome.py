"""A maker of an event: quotes every outcome around what its ratings say, with a loss that is bounded by its holdings.

    python -m examples.makers.outcome --url http://localhost:8000/v/demo-spot --ratings ratings.json

``ratings.json`` maps each outcome's symbol to a chance in per cent, for example ``{"WC30-300721-1800-SPAIN": 18}``; it
is read again whenever it changes. Of several outcomes exactly one wins, so their ratings are scaled to 100 together.

A contract of every outcome is worth exactly one whatever happens: a complete set carries no risk. Only what is held of
an outcome beyond the others does, so that is what the quotes lean against, and no outcome may be more than ``most``
contracts away from neutral: at worst the event costs that many.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ccxt

from examples.makers.maker import Maker, Quote, arguments, serve

LEVELS = 5
SKEW_TICKS = 3  # ticks that the middle moves when all that may be held is held

Ratings = Callable[[], Mapping[str, float]]


class OutcomeMaker(Maker):
    """Quotes the outcomes that ``ratings`` names, each with at most ``most`` contracts to either side."""

    def __init__(self, exchange: ccxt.okx, ratings: Ratings, *, most: float = 1000, size: float = 40) -> None:
        super().__init__(exchange, list(ratings()))
        self.ratings, self.most, self.size = ratings, most, size
        self.fair: dict[str, float] = {}
        self.lots: dict[str, float] = {}

    def observe(self) -> None:
        """What the ratings say, and what is held."""
        self.fair = fair_prices(self.ratings())
        rows = self.exchange.private_get_account_positions({"instType": "EVENTS"})["data"]
        self.lots = {row["instId"]: float(row["pos"]) for row in rows if row["instId"] in self.fair}

    def worst_case(self) -> float:
        """Contracts paid (or owed, below zero) at worst, whichever outcome wins."""
        return min(self.lots.get(symbol, 0.0) for symbol in self.symbols)

    def lean(self, symbol: str) -> float:
        """How far an outcome is from neutral, as a part of what it may be; complete sets do not count."""
        sets = sum(self.lots.values()) / len(self.symbols) if len(self.symbols) > 1 else 0.0
        return max(-1.0, min(1.0, (self.lots.get(symbol, 0.0) - sets) / self.most))

    def quotes(self, symbol: str) -> list[Quote]:
        """A few prices on each side of the rating, never outside of what a contract can be worth."""
        tick = float(self.exchange.market(symbol)["precision"]["price"])
        lean, fair = self.lean(symbol), self.fair[symbol]
        middle = fair - SKEW_TICKS * tick * lean
        found = []
        for level in range(LEVELS):
            for side, sign, full in (("buy", -1, lean), ("sell", 1, -lean)):
                price = round(middle / tick + sign * (level + 0.6)) * tick
                size = round(self.size * (1 + level / 2) * (1 - max(0.0, full)))
                if size >= 1 and tick / 2 < price < 1 - tick / 2:
                    found.append(Quote(side, price, float(size)))
        return found

    def order_params(self) -> dict[str, Any]:
        """All quotes are those of Yes; a bid of Yes is an offer of No."""
        return {"outcome": "yes", "tdMode": "isolated"}

    def tolerance(self, symbol: str, price: float) -> float:
        """Half a tick."""
        return float(self.exchange.market(symbol)["precision"]["price"]) / 2


def fair_prices(ratings: Mapping[str, float]) -> dict[str, float]:
    """Ratings as prices: of one outcome (a yes/no question) as they are, of several scaled to one together."""
    whole = sum(ratings.values()) if len(ratings) > 1 else 100.0
    return {symbol: max(0.0, rating) / whole for symbol, rating in ratings.items()}


def ratings_in(path: Path) -> Ratings:
    """The ratings in a file, read again when it changes; one that cannot be read leaves the last ones standing."""
    known: dict[str, Any] = {"time": 0.0, "ratings": {}}

    def ratings() -> Mapping[str, float]:
        changed = path.stat().st_mtime
        if changed != known["time"]:
            try:
                known["ratings"] = {
                    str(key): float(value) for key, value in json.loads(path.read_text()).items()
                }
                known["time"] = changed
            except (ValueError, AttributeError):
                if not known["ratings"]:
                    raise
        found: dict[str, float] = known["ratings"]
        return found

    return ratings


if __name__ == "__main__":
    told = arguments(
        __doc__ or "",
        ("--ratings", {"type": Path, "required": True, "help": "JSON: symbol to chance in per cent"}),
        (
            "--most",
            {"type": float, "default": 1000.0, "help": "contracts of an outcome beyond the others at most"},
        ),
        ("--size", {"type": float, "default": 40.0, "help": "contracts of the first quote"}),
    )
    serve(
        lambda exchange: OutcomeMaker(exchange, ratings_in(told.ratings), most=told.most, size=told.size),
        told.url,
        told.seconds,
    )
