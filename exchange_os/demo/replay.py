"""Replaying recorded order events through the public bulk entry.

``created`` becomes a limit order with the file's id as client order id, ``deleted`` with volume left becomes a cancel
of that id, and ``changed`` (the venue's own fills) is left out: the trades are to be made here. The orders of one real
book are spread over several accounts. Which one is decided by the side and a hash of the id, so a buyer and a seller
are never the same account, self-trade prevention stays out of the way, and an order's cancel comes from its owner.

Order is everything for a book, so the items go out exactly in file order: consecutive items of the same account share
a signed body, some hundred bodies travel as one joint request, which the exchange applies in order, and a request is
sent when the one before it has been answered. Hence equal files lead to equal histories.
"""

import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from exchange_os.demo.client import Credentials, ItemAck, Refused, Unanswered, VenueClient
from exchange_os.demo.order_events import PRICE_SCALE, BadRow, OrderEvent
from exchange_os.demo.progress import Progress

LOT_E8 = 100
TICK_E8 = 1_000_000
REQUEST_ITEMS = 400
REQUESTS_PER_SECOND = 20
GIVE_UP_SECONDS = 60.0
DUPLICATE_CLIENT_ID = "51016"
ROWS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the bulk entry and the place of the account that sends it."""

    account: int
    body: dict[str, str]


@dataclass(slots=True)
class Tally:
    """What a replay did. Times of acks are in seconds, one for each request, weighted by its items when summed up."""

    rows: int = 0
    bad_rows: list[BadRow] = field(default_factory=list)
    bad_row_count: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    rounded: int = 0
    repeated_rows: int = 0
    commands: int = 0
    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    bodies: int = 0
    requests: int = 0
    waits: int = 0
    resent: int = 0
    seconds: float = 0.0
    ack_seconds: list[tuple[float, int]] = field(default_factory=list)

    def quantile_ms(self, per_mille: int) -> float:
        """The time to ack in ms below which ``per_mille`` of the items were answered."""
        target = sum(items for _, items in self.ack_seconds) * per_mille / 1000
        seen = 0
        for seconds, items in sorted(self.ack_seconds):
            seen += items
            if seen >= target:
                return seconds * 1000
        return 0.0


def items_of(rows: Iterable[OrderEvent | BadRow], symbol: str, accounts: int, tally: Tally) -> Iterator[Item]:
    """Turn rows into items, counting in ``tally`` what is left out and why."""
    seen: set[tuple[str, str]] = set()
    for row in rows:
        tally.rows += 1
        if isinstance(row, BadRow):
            tally.bad_row_count += 1
            if len(tally.bad_rows) < ROWS_NAMED:
                tally.bad_rows.append(row)
            continue
        if row.action != "changed":
            tally.repeated_rows += (row.order_id, row.action) in seen
            seen.add((row.order_id, row.action))
        reason = _left_out(row)
        if reason:
            tally.skipped[reason] += 1
            continue
        account = account_of(row, accounts)
        if row.action == "deleted":
            yield Item(account, {"op": "cancel", "instId": symbol, "clOrdId": row.order_id})
            continue
        tally.rounded += row.volume_e8 % LOT_E8 != 0
        yield Item(
            account,
            {
                "op": "place",
                "instId": symbol,
                "clOrdId": row.order_id,
                "side": row.side,
                "ordType": "limit",
                "px": decimal_text(row.price_e8),
                "sz": decimal_text(row.volume_e8 // LOT_E8 * LOT_E8),
            },
        )


def account_of(event: OrderEvent, accounts: int) -> int:
    """Place of the account an order belongs to: one half buys, the other sells, by hash of the id within it."""
    buyers = max(1, accounts // 2)
    number = zlib.crc32(event.order_id.encode())
    if event.side == "buy" or accounts == 1:
        return number % buyers
    return buyers + number % (accounts - buyers)


def decimal_text(value_e8: int) -> str:
    """Whole 1e-8 as a decimal without trailing zeros."""
    whole, part = divmod(value_e8, 10**PRICE_SCALE)
    return f"{whole}.{part:08d}".rstrip("0").rstrip(".")


def requests_of(items: Iterable[Item], limit: int) -> Iterator[list[Item]]:
    """Cut items into requests of at most ``limit``, keeping their order."""
    request: list[Item] = []
    for item in items:
        request.append(item)
        if len(request) == limit:
            yield request
            request = []
    if request:
        yield request


def bodies_of(request: Sequence[Item]) -> list[tuple[int, list[dict[str, str]]]]:
    """Cut a request into bodies of one account each, keeping the order of its items."""
    bodies: list[tuple[int, list[dict[str, str]]]] = []
    for item in request:
        if not bodies or bodies[-1][0] != item.account:
            bodies.append((item.account, []))
        bodies[-1][1].append(item.body)
    return bodies


def replay(
    items: Iterable[Item],
    client: VenueClient,
    keys: Sequence[Credentials],
    tally: Tally,
    progress: Progress,
    rate: int = 0,
) -> None:
    """Send all items in order, each by its account's key, and count the answers.

    At most ``rate`` items a second if it is not 0. Raises :class:`Refused` or :class:`Unanswered` when the server has
    not taken a request for a minute.
    """
    started = time.monotonic()
    limit = max(1, min(REQUEST_ITEMS, rate // REQUESTS_PER_SECOND)) if rate else REQUEST_ITEMS
    for request in requests_of(items, limit):
        if rate:
            time.sleep(max(0.0, started + tally.commands / rate - time.monotonic()))
        bodies = bodies_of(request)
        parts = [(keys[account], body) for account, body in bodies]
        acks, seconds, uncertain = _send(parts, client, tally)
        tally.requests += 1
        tally.bodies += len(bodies)
        tally.commands += len(request)
        tally.ack_seconds.append((seconds, len(request)))
        for item, ack in zip(request, acks, strict=True):
            _count(item, ack, uncertain, tally)
        progress.show(tally.commands)
    tally.seconds = time.monotonic() - started
    progress.end()


def _count(item: Item, ack: ItemAck, uncertain: bool, tally: Tally) -> None:
    """Count one answer; a place that an earlier try had already brought in counts as accepted."""
    verb = item.body["op"]
    if ack.code == "0" or (uncertain and verb == "place" and ack.code == DUPLICATE_CLIENT_ID):
        tally.accepted += 1
    else:
        tally.rejected[f"{verb}: {ack.message or ack.code}"] += 1


def _send(
    parts: Sequence[tuple[Credentials, list[dict[str, str]]]], client: VenueClient, tally: Tally
) -> tuple[list[ItemAck], float, bool]:
    """One request until it is answered: acks, seconds of the last try, and whether an earlier try went unanswered.

    A busy server is waited for. After a try without answer the request is sent again: client order ids make a second
    place harmless, and a second cancel finds nothing.
    """
    give_up = time.monotonic() + GIVE_UP_SECONDS
    uncertain = False
    while True:
        started = time.monotonic()
        try:
            return client.joint(parts), time.monotonic() - started, uncertain
        except Refused as refused:
            if not _is_passing(refused) or started > give_up:
                raise
            tally.waits += 1
            time.sleep(refused.retry_after_seconds)
        except Unanswered:
            if started > give_up:
                raise
            uncertain = True
            tally.resent += 1


def _is_passing(refused: Refused) -> bool:
    """Whether waiting can help: busy, too fast, or the server is restarting."""
    return refused.status in (0, 429, 503)


def _left_out(event: OrderEvent) -> str:
    """Why an event is not sent, or nothing."""
    if event.action == "changed":
        return "changed: a fill of the recorded venue"
    if event.action == "deleted":
        return "" if event.volume_e8 else "deleted with nothing left: filled at the recorded venue"
    if event.volume_e8 < LOT_E8:
        return "created below one lot"
    if event.price_e8 % TICK_E8:
        return "created between two ticks"
    return ""
