"""Seeded clients that send orders through the public bulk entry and remember all they sent and were told.

Each client is a thread with an account, a key and a connection of its own. It never looks at anything but the answers,
so its record is what a customer could bring to court.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from exchange_os.demo.client import Credentials, ItemAck, Refused, Unanswered, VenueClient

MID_TICKS = 10_000
SPREAD_TICKS = 40
MAX_ITEMS = 24


class Fate(Enum):
    """What the client knows about an item: answered, refused for certain as a whole body, or not known."""

    ACKED = "acked"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Sent:
    """One item and what became of it. ``client_id`` names the order; times are monotonic seconds."""

    op: str
    client_id: str
    sent_at: float
    fate: Fate = Fate.UNKNOWN
    code: str = ""
    order_id: str = ""
    answered_at: float = 0.0


@dataclass(slots=True)
class Trader:
    """Who a client trades as: its account number in the risk group and its key."""

    account: int
    credentials: Credentials


@dataclass
class OrderClient(threading.Thread):
    """Sends bodies of places and cancels until :meth:`stop`; ``sent`` is its record.

    ``symbol``'s tick and lot must both be 1 of their unit as text: prices and sizes are sent as whole numbers.
    """

    base_url: str
    slug: str
    symbol: str
    trader: Trader
    seed: int
    pause_seconds: float = 0.01
    timeout_seconds: float = 6.0
    max_items: int = MAX_ITEMS
    sent: list[Sent] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    acked: int = 0

    def __post_init__(self) -> None:
        super().__init__(name=f"chaos-client-{self.trader.account}", daemon=True)
        self._draws = Random(f"{self.seed}:{self.trader.account}")
        self._halt = threading.Event()
        self._numbers = 0
        self._open: list[str] = []

    def __hash__(self) -> int:
        return id(self)

    def stop(self) -> None:
        """Ask the client to end after the body in flight; ``join`` to wait for it."""
        self._halt.set()

    def run(self) -> None:
        """Send until stopped. A refusal is waited out; an unanswered body is recorded as such and never repeated."""
        client = VenueClient(self.base_url, self.slug, self.trader.credentials, self.timeout_seconds)
        while not self._halt.is_set():
            items = list(self._items())
            now = time.monotonic()
            records = [Sent(item["op"], item["clOrdId"], now) for item in items]
            self.sent.extend(records)
            try:
                self._note(records, client.bulk(items))
                pause = self.pause_seconds
            except Refused as refused:
                for record in records:
                    record.fate, record.code = Fate.REFUSED, refused.code
                pause = min(refused.retry_after_seconds, 0.25)
            except Unanswered as unanswered:
                for record in records:
                    record.code = str(unanswered)
                pause = 0.05
            self._halt.wait(pause)
        client.close()

    def _note(self, records: list[Sent], acks: list[ItemAck]) -> None:
        now = time.monotonic()
        for record, ack in zip(records, acks, strict=True):
            if ack.client_id and ack.client_id != record.client_id:
                self.complaints.append(f"asked about {record.client_id}, answered about {ack.client_id}")
            record.fate, record.code, record.order_id, record.answered_at = (
                Fate.ACKED,
                ack.code,
                ack.order_id,
                now,
            )
            if record.op == "place" and ack.code == "0":
                self._open.append(record.client_id)
        self.acked += len(records)

    def _items(self) -> Iterator[dict[str, str]]:
        """A body: mostly limit orders about the middle, some that take, cancels of own orders, each at most once."""
        for _ in range(self._draws.randint(1, self.max_items)):
            if len(self._open) > 60 or (self._open and self._draws.random() < 0.35):
                place = self._draws.randrange(len(self._open))
                self._open[place], self._open[-1] = self._open[-1], self._open[place]
                yield {"op": "cancel", "instId": self.symbol, "clOrdId": self._open.pop()}
                continue
            self._numbers += 1
            side = self._draws.choice(("buy", "sell"))
            away = self._draws.randint(-4, SPREAD_TICKS)
            yield {
                "op": "place",
                "instId": self.symbol,
                "clOrdId": f"c{self.seed % 100_000}a{self.trader.account}n{self._numbers}",
                "side": side,
                "ordType": self._draws.choice(("limit",) * 8 + ("post_only", "ioc")),
                "px": str(MID_TICKS - away if side == "buy" else MID_TICKS + away),
                "sz": str(self._draws.randint(1, 50)),
            }


def impatient(client: OrderClient) -> OrderClient:
    """The same client sending single items and giving up on each soon: its first ack tells when a fault is over."""
    client.pause_seconds, client.timeout_seconds, client.max_items = 0.02, 0.4, 1
    return client


def seconds_to_first_ack(clients: list[OrderClient], since: float) -> float | None:
    """Seconds from a moment (monotonic) to the first answer to anything sent after it; ``None`` if there is none."""
    answered = [
        record.answered_at
        for client in clients
        for record in client.sent
        if record.fate is Fate.ACKED and record.sent_at >= since
    ]
    return min(answered) - since if answered else None
