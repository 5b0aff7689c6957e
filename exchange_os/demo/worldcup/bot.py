"""One bot that quotes every outcome of the cup, and one that trades with it: few requests, nothing sent that stands.

The quoting bot remembers what it has in the book and sends only what changed, hundreds of orders in one body of the
bulk entry. Between new results, fills and moods of its beliefs it is silent. Should it die, the venue cancels what
it left.
"""

import itertools
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from random import Random

from exchange_os.demo.client import Refused, Unanswered, VenueClient
from exchange_os.demo.worldcup.beliefs import Beliefs
from venues.instruments import Instrument

log = logging.getLogger(__name__)

DEAD_MAN_SECONDS, RENEW_SECONDS = 120, 40.0
#: (distance from the belief in ticks and in parts of a thousand of it, contracts) of each quote.
LEVELS = ((0.6, 8, 80), (2.0, 22, 200))
MOST_LOTS = 1500
LEAN_TICKS = 4.0
AT_ONCE = 1500
#: Events with more outcomes than this are what everybody comes for.
WIDE = 8


class Board:
    """Open events and their markets: ``{code: [instrument of outcome 0, 1, ...]}``."""

    def __init__(self, instruments: Iterable[tuple[str, Instrument]]) -> None:
        self.events: dict[str, list[Instrument]] = {}
        for code, item in instruments:
            self.events.setdefault(code, []).append(item)
        for items in self.events.values():
            items.sort(key=lambda item: item.outcome)

    def names(self, code: str) -> list[str]:
        """The outcomes' names."""
        return [item.outcome_name for item in self.events[code]]


class Quoter:
    """Keeps quotes around beliefs on every market of a board."""

    def __init__(self, client: VenueClient, beliefs: Beliefs, run: str) -> None:
        self.client, self.beliefs, self.run = client, beliefs, run
        self.board = Board([])
        self._resting: dict[str, list[str]] = {}
        self._fair: dict[str, float] = {}
        self._lots: dict[str, int] = {}
        self._due: set[str] = set()
        self._ids = itertools.count(1)
        self._renew_at = 0.0
        self._lost = True

    def begin(self) -> None:
        """Cancel whatever is there, and quote all of it anew."""
        self.client.request("POST", "/api/v5/trade/mass-cancel", {"instType": "EVENTS"})
        self._resting.clear()
        self._due.update(self._fair)
        self._lost = False

    def show(self, board: Board) -> None:
        """Quote these events from now on; markets that are gone need no cancelling, the venue has done it."""
        new = {item.symbol for items in board.events.values() for item in items}
        self._resting = {symbol: ids for symbol, ids in self._resting.items() if symbol in new}
        self._lots = {symbol: lots for symbol, lots in self._lots.items() if symbol in new}
        self._fair = {symbol: fair for symbol, fair in self._fair.items() if symbol in new}
        self.board = board

    def think(self, codes: Iterable[str] | None = None) -> None:
        """Ask the beliefs anew, of all events or of some, and note which quotes have to move."""
        for code in list(self.board.events if codes is None else codes):
            items = self.board.events.get(code, [])
            chances = self.beliefs.chances(code, self.board.names(code)) if items else []
            for item, chance in zip(items, chances, strict=True):
                fair = chance * item.payout_ticks
                known = self._fair.get(item.symbol)
                if known is None or abs(fair - known) >= max(0.4, known * 0.01):
                    self._fair[item.symbol] = fair
                    self._due.add(item.symbol)

    def observe(self) -> None:
        """See what is held: a market where that changed was traded in, and is quoted anew."""
        rows = self.client.request("GET", "/api/v5/account/positions?instType=EVENTS").get("data", [])
        held = {row["instId"]: int(row["pos"]) for row in rows}
        for symbol in self._fair:
            lots = held.get(symbol, 0)
            if lots != self._lots.get(symbol, 0):
                self._lots[symbol] = lots
                self._due.add(symbol)

    def send(self) -> int:
        """Send what has to move, and renew the dead-man switch; how many orders were sent."""
        now = time.monotonic()
        if self._lost:
            self.begin()
        if now >= self._renew_at:
            self._renew_at = now + RENEW_SECONDS
            self.client.request("POST", "/api/v5/trade/cancel-all-after", {"timeOut": str(DEAD_MAN_SECONDS)})
        due, self._due = self._due, set()
        items = [item for code in self.board.events for item in self.board.events[code] if item.symbol in due]
        sent = 0
        for start in range(0, len(items), AT_ONCE // 8):
            chunk = items[start : start + AT_ONCE // 8]
            orders = [order for item in chunk for order in self._moves(item)]
            if orders:
                sent += self._bulk(orders, chunk)
        return sent

    def _bulk(self, orders: list[dict[str, str]], items: list[Instrument]) -> int:
        try:
            acks = self.client.bulk(orders)
        except Refused as refused:
            self._due.update(item.symbol for item in items)
            log.info("quotes refused: %s", refused)
            return 0
        except Unanswered:
            self._lost = True  # whether they rest is not known: begin anew
            raise
        bad = [
            ack for order, ack in zip(orders, acks, strict=True) if order["op"] == "place" and ack.code != "0"
        ]
        if bad:
            log.info("%d of %d quotes refused, such as: %s", len(bad), len(orders), bad[0].message)
        return len(orders)

    def _moves(self, item: Instrument) -> Iterator[dict[str, str]]:
        """Cancels of what rests in a market, and its new quotes."""
        for client_id in self._resting.pop(item.symbol, ()):
            yield {"op": "cancel", "instId": item.symbol, "clOrdId": client_id}
        placed = []
        for side, ticks, lots in quotes(
            self._fair[item.symbol], item.payout_ticks, self._lots.get(item.symbol, 0)
        ):
            client_id = f"{self.run}q{next(self._ids):x}"
            placed.append(client_id)
            yield {
                "op": "place", "instId": item.symbol, "clOrdId": client_id, "side": side, "ordType": "post_only",
                "px": item.price_text(ticks), "sz": str(lots),
            }  # fmt: skip
        self._resting[item.symbol] = placed


def quotes(fair: float, one: int, held_lots: int) -> list[tuple[str, int, int]]:
    """(side, price in ticks, contracts) around a belief in ticks, leaning against what is held."""
    lean = max(-1.0, min(1.0, held_lots / MOST_LOTS))
    middle = fair - LEAN_TICKS * lean
    found: list[tuple[str, int, int]] = []
    for ticks, per_mille, lots in LEVELS:
        away = max(ticks, min(middle, one - middle) * per_mille / 1000)
        bid, ask = int((middle - away) // 1), -int(-(middle + away) // 1)
        if 0 < bid < one and lean < 1:
            found.append(("buy", bid, max(1, round(lots * (1 - max(0.0, lean))))))
        if 0 < ask < one and lean > -1:
            found.append(("sell", ask, max(1, round(lots * (1 + min(0.0, lean))))))
    return found


class Crowd:
    """Takes a quote now and then, like visitors would: mostly of what closes next and of the whole tournament."""

    def __init__(self, client: VenueClient, beliefs: Beliefs, run: str, seed: int) -> None:
        self.client, self.beliefs, self.run = client, beliefs, run
        self._draw = Random(f"{seed}:crowd:{run}")
        self._ids = itertools.count(1)

    def step(self, board: Board, closing: Mapping[str, float]) -> None:
        """One order at once. ``closing`` is in how many seconds each event closes."""
        if not board.events:
            return
        near = sorted(board.events, key=lambda code: closing.get(code, 0.0))
        wide = [found for found in board.events if len(board.events[found]) > WIDE]
        luck = self._draw.random()
        pool = near[: 10 + len(near) // 8] if luck < 0.5 else wide or near if luck < 0.8 else near
        code = self._draw.choice(pool)
        items = board.events[code]
        item = items[self._draw.choices(range(len(items)), self.beliefs.chances(code, board.names(code)))[0]]
        fair = self.beliefs.chances(code, board.names(code))[item.outcome] * item.payout_ticks
        side = "buy" if self._draw.random() < 0.55 else "sell"
        ticks = round(fair + (1 if side == "buy" else -1) * max(2.0, fair * 0.02))
        order = {
            "op": "place", "instId": item.symbol, "clOrdId": f"{self.run}c{next(self._ids):x}", "side": side,
            "ordType": "ioc", "px": item.price_text(min(max(1, ticks), item.payout_ticks - 1)),
            "sz": str(self._draw.choice((5, 10, 10, 20, 25, 40, 60, 80, 120, 200))),
        }  # fmt: skip
        self.client.bulk([order])
