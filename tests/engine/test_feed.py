"""Live data: every change in order and numbered, after the commit; a whole for whoever starts or missed something."""

import asyncio
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine.feed import get_event_feed, get_market_feed
from exchange_os.engine.gateway import get_gateway
from tests.engine.cast import MAKER, MARKET, TAKER, order


class Follower:
    """A subscriber that keeps a book from a whole and the changes after it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.interruptions = 0
        self.changed = asyncio.Event()

    def message(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.changed.set()

    def some_events(self, events: list[dict[str, Any]]) -> None:
        self.events.extend(events)
        self.changed.set()

    def interrupted(self) -> None:
        self.interruptions += 1
        self.changed.set()

    async def until(self, condition: Any) -> None:
        while not condition(self):
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30.0)

    def book(self, whole: dict[str, Any]) -> dict[tuple[str, int], int]:
        """Levels after the whole and the messages that follow it."""
        sequence = whole["seq"]
        levels = {(side, price): lots for side in ("bids", "asks") for price, lots, _ in whole[side]}
        for message in self.messages:
            if message["seq"] <= sequence:
                continue
            if message["checkpoint"]:
                levels.clear()
            else:
                assert message["prev"] == sequence
            for side in ("bids", "asks"):
                for price, lots, _ in message[side]:
                    levels[(side, price)] = lots
            sequence = message["seq"]
        return {key: lots for key, lots in levels.items() if lots}


def test_a_whole_and_the_changes_after_it_give_the_book(market_group: int) -> None:
    async def main() -> None:
        gateway, feed, follower = get_gateway(), get_market_feed(), Follower()
        await gateway.submit(market_group, order(MAKER, kernel.BUY, 980, 4))
        await feed.subscribe(market_group, MARKET, follower.message, follower.interrupted)
        await follower.until(lambda f: f.interruptions)
        whole = await gateway.query(market_group, {"q": "feed", "market": MARKET})
        await gateway.submit(market_group, order(MAKER, kernel.SELL, 1_000, 5))
        await gateway.submit(market_group, order(TAKER, kernel.BUY, 1_000, 2))
        await follower.until(lambda f: any(m["trades"] for m in f.messages))
        assert follower.book(whole) == {("bids", 980): 4, ("asks", 1_000): 3}
        trades = [trade for message in follower.messages for trade in message["trades"]]
        assert [(price, size, side) for _, price, size, side, _ in trades] == [(1_000, 2, kernel.BUY)]
        last = follower.messages[-1]
        assert last["committed_ms"] > 0 and last["phase"] == kernel.PHASE_OPEN
        await feed.unsubscribe(market_group, MARKET, follower.message)
        await gateway.close()

    asyncio.run(main())


def test_private_events_reach_their_account_and_no_other(market_group: int) -> None:
    async def main() -> None:
        gateway, feed = get_gateway(), get_event_feed()
        maker, stranger = Follower(), Follower()
        await feed.subscribe(market_group, MAKER, maker.some_events, maker.interrupted)
        await feed.subscribe(market_group, 99, stranger.some_events, stranger.interrupted)
        await maker.until(lambda f: f.interruptions)
        # Whether anybody listens is asked a few times a second, after a commit.
        while not maker.events:
            await gateway.submit(market_group, order(MAKER, kernel.BUY, 900, 1))
        await gateway.submit(market_group, order(MAKER, kernel.SELL, 1_000, 5))
        await gateway.submit(market_group, order(TAKER, kernel.BUY, 1_000, 2))
        await maker.until(lambda f: any(event["kind"] == "fill" for event in f.events))
        assert {event["account"] for event in maker.events} == {MAKER}
        fill = next(event for event in maker.events if event["kind"] == "fill")
        assert (fill["fill_price_ticks"], fill["fill_size_lots"], fill["role"]) == (1_000, 2, kernel.MAKER)
        assert stranger.events == []
        await gateway.close()

    asyncio.run(main())


def test_an_unknown_market_has_no_feed(market_group: int) -> None:
    async def main() -> dict[str, Any]:
        gateway = get_gateway()
        try:
            return await gateway.query(market_group, {"q": "feed", "market": 7})
        finally:
            await gateway.close()

    assert "error" in asyncio.run(main())
