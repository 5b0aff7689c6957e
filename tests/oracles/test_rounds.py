"""Whole rounds: claimed, fetched together, kept, told to a real kernel, graded, alarmed, recovered."""

import threading
from collections.abc import Iterator
from typing import Any

import exchange_kernel as kernel
import pytest

from exchange_os.engine import client
from exchange_os.engine.clock import wall_ms
from exchange_os.engine.models import PriceCandle
from exchange_os.engine.services import create_group
from exchange_os.engine.wire import unpack_acks
from exchange_os.errors import DomainError
from exchange_os.oracles.models import AlarmCode, Observation, OracleAlarm, PriceSource
from exchange_os.oracles.selectors import due_groups, market_prices, open_alarms, recent_observations
from exchange_os.oracles.services.observing import claim_due, observe_group
from exchange_os.oracles.services.retention import DAY_MS, forget_observations
from exchange_os.oracles.services.sources import MAX_SOURCES, add_source, enable_source
from tests.engine.cast import MAKER, MARKET, QUOTE, open_market, order, send
from tests.engine.conftest import LocalWorker, local_worker, wait_until
from tests.oracles.world import AGGREGATOR, FEED, World, hermes, reply, round_data

__all__ = ["LocalWorker", "local_worker"]

PERP = 1


@pytest.fixture
def group(redis_client: object, local_worker: LocalWorker) -> Iterator[int]:
    """A group with a spot market and a perpetual, both with a tick of 0.1."""
    number = create_group().pk
    open_market(number)
    frames = [
        kernel.add_market(
            PERP, kind=kernel.PERPETUAL, base=0xFFFFFFFF, quote=QUOTE, lot_size=1, tick_quote=10,
            reference_ticks=600_000, symbol="BTC-USD-SWAP",
        ),
        kernel.set_phase(PERP, kernel.PHASE_OPEN),
        kernel.set_price_rules(PERP, interval_ms=1_000, stale_ms=60_000),
    ]  # fmt: skip
    acks = unpack_acks(client.submit_packed(number, b"".join(frames), len(frames), 20.0))
    assert [ack.code for ack in acks] == [0, 0, 0]
    yield number
    client.close()


class Cast:
    """Three sources of the perpetual's index: Pyth, Chainlink and a ticker."""

    def __init__(self, world: World, group: int) -> None:
        self.world = world
        self.group = group
        self.pyth = self._add("Pyth", "pyth", {"url": world.url, "feed_id": FEED})
        rpc = {"url": world.url + "/rpc", "address": AGGREGATOR, "decimals": 8}
        self.chainlink = self._add("Chainlink", "chainlink", rpc)
        ticker = {"url": world.url + "/ticker", "price_pointer": "/last"}
        self.ticker = self._add("Ticker", "http", ticker)
        self.now_ms = wall_ms()

    def _add(self, name: str, kind: str, config: dict[str, Any]) -> PriceSource:
        return add_source(
            self.group,
            PERP,
            name=name,
            kind=kind,
            tick_size="0.1",
            config=config,
            poll_ms=1_000,
            timeout_ms=2_000,
        )

    def say(self, pyth: int, chainlink: int, ticker: str | int) -> None:
        """What the three say from now on, in whole dollars."""
        seconds = wall_ms() // 1_000
        self.world.pyth = hermes(FEED, pyth * 10**8, 10**8, -8, seconds)
        self.world.rounds[AGGREGATOR] = round_data(9, chainlink * 10**8, seconds)
        self.world.ticker = {"last": ticker}

    def round(self) -> dict[str, Any]:
        """One round of all three; the perpetual's prices after it."""
        PriceSource.objects.update(next_poll_ms=0)
        done = observe_group(self.group)
        assert (done.asked, done.delivered) == (3, True)
        return market_prices(self.group, PERP)[0]

    def alarms(self) -> set[tuple[str, str | None]]:
        """(code, source) of what is wrong now."""
        return {(alarm.code, alarm.source and alarm.source.name) for alarm in open_alarms(self.group)}


@pytest.fixture
def cast(world: World, group: int) -> Cast:
    """The three sources."""
    return Cast(world, group)


def test_three_sources_make_a_valid_price(cast: Cast) -> None:
    cast.say(60_000, 60_010, "60020.04")
    shown = cast.round()
    assert (shown["index_ticks"], shown["mark_ticks"], shown["grade"]) == (600_100, 600_100, "valid")
    assert [(told["name"], told["ticks"]) for told in shown["sources"]] == [
        ("Pyth", 600_000), ("Chainlink", 600_100), ("Ticker", 600_200),
    ]  # fmt: skip
    kept = [recent_observations(source)[0] for source in (cast.pyth, cast.chainlink, cast.ticker)]
    assert [row.price for row in kept] == ["60000", "60010", "60020.04"]
    assert all(row.price_ticks and row.published_ms and not row.error for row in kept)
    assert cast.alarms() == set()


def test_sources_are_asked_together(cast: Cast) -> None:
    cast.say(60_000, 60_000, 60_000)
    together = threading.Barrier(3, timeout=10)
    answers = {
        "/v2/updates/price/latest": lambda: cast.world.pyth,
        "/ticker": lambda: cast.world.ticker,
        "/rpc": lambda: {"jsonrpc": "2.0", "id": 1, "result": cast.world.rounds[AGGREGATOR]},
    }
    for path, answer in answers.items():
        cast.world.tricks[path] = lambda handler, answer=answer: (together.wait(), reply(handler, answer()))
    assert cast.round()["grade"] == "valid", "each is answered only when all three have asked"


def test_a_failing_source_is_alarmed_put_off_and_recovers(cast: Cast) -> None:
    cast.say(60_000, 60_000, 60_000)
    cast.world.tricks["/ticker"] = lambda handler: reply(handler, {}, 503)
    for _ in range(3):
        shown = cast.round()
    assert shown["grade"] == "thin"
    assert cast.alarms() == {("price_thin", None), ("source_failing", "Ticker")}
    cast.ticker.refresh_from_db()
    assert (cast.ticker.failures, cast.ticker.last_error) == (3, "status: answered 503")
    assert cast.ticker.observations.exclude(error="").count() == 3
    [claimed] = [source for source in claim_due_now(cast) if source.pk == cast.ticker.pk]
    assert claimed.next_poll_ms == cast.now_ms + 8_000, "a failing source is asked more rarely"
    cast.world.tricks.clear()
    assert cast.round()["grade"] == "valid"
    assert cast.alarms() == set()
    closed = OracleAlarm.objects.get(code=AlarmCode.SOURCE_FAILING)
    assert closed.closed is not None


def claim_due_now(cast: Cast) -> list[PriceSource]:
    """Claim all as if nothing had been asked yet."""
    PriceSource.objects.update(next_poll_ms=0)
    return claim_due(cast.group, cast.now_ms)


def test_garbage_is_told_apart_and_alarmed(cast: Cast) -> None:
    cast.say(60_000, 60_000, 60_000)
    cast.round()
    for garbage in ("0", "-5", "1e30", "6000000"):
        cast.say(60_000, 60_000, garbage)
        shown = cast.round()
        assert shown["index_ticks"] == 600_000
    assert [told["garbage"] for told in shown["sources"]] == [0, 0, 4]
    assert cast.alarms() == {("price_thin", None), ("source_demoted", "Ticker")}
    for _ in range(4):
        cast.say(60_000, 60_000, 60_000)
        shown = cast.round()
    assert (shown["grade"], cast.alarms()) == ("valid", set())


def test_a_source_that_diverges_is_named(cast: Cast) -> None:
    cast.say(60_000, 60_000, 30_000)
    shown = cast.round()
    assert (shown["index_ticks"], shown["grade"]) == (600_000, "thin")
    assert cast.alarms() == {("price_thin", None), ("source_divergent", "Ticker")}


def test_sources_that_say_nothing_new_grow_stale(cast: Cast) -> None:
    cast.say(60_000, 60_000, 60_000)
    cast.round()
    rules = kernel.set_price_rules(PERP, interval_ms=1_000, stale_ms=1_000)
    assert client.submit(cast.group, rules).code == 0
    for path in ("/v2/updates/price/latest", "/rpc", "/ticker"):
        cast.world.tricks[path] = lambda handler: reply(handler, {}, 500)
    stale = {("source_stale", name) for name in ("Pyth", "Chainlink", "Ticker")} | {("price_stale", None)}
    deadline = wall_ms() + 15_000
    while not (cast.round()["grade"] == "stale" and stale <= cast.alarms()):
        assert wall_ms() < deadline, cast.alarms()
    cast.world.tricks.clear()
    deadline = wall_ms() + 15_000
    while not (cast.say(60_000, 60_000, 60_000), cast.round()["grade"] == "valid")[1]:
        assert wall_ms() < deadline
    assert cast.alarms() == set()


def test_a_source_is_asked_once_a_period(cast: Cast) -> None:
    assert due_groups(cast.now_ms) == [cast.group]
    assert len(claim_due(cast.group, cast.now_ms)) == 3
    assert claim_due(cast.group, cast.now_ms + 999) == [], "delivered twice, asked once"
    assert due_groups(cast.now_ms + 999) == []
    assert len(claim_due(cast.group, cast.now_ms + 1_000)) == 3
    enable_source(cast.pyth.pk, False)
    assert len(claim_due(cast.group, cast.now_ms + 5_000)) == 2
    PriceSource.objects.update(enabled=False)
    assert due_groups(cast.now_ms + 9_000) == [], "quiet groups cost nothing"
    assert observe_group(cast.group).asked == 0


def test_another_market_of_the_platform_is_a_source(cast: Cast) -> None:
    config = {"group": cast.group, "market": MARKET, "tick_size": "0.1", "price": "mid"}
    inside = add_source(cast.group, PERP, name="Spot", kind="internal", tick_size="0.1", config=config)
    observe_group(cast.group)
    assert recent_observations(inside)[0].error == "one_sided: the book has not both sides"
    send(cast.group, order(price=995))
    send(cast.group, order(MAKER, kernel.SELL, price=1_004))
    PriceSource.objects.update(next_poll_ms=0)
    observe_group(cast.group)
    row = recent_observations(inside)[0]
    assert (row.price, row.price_ticks) == ("99.95", 1_000)
    index = add_source(
        cast.group, PERP, name="Index", kind="internal", tick_size="0.1", config=config | {"price": "index"}
    )
    observe_group(cast.group)
    assert recent_observations(index)[0].error == "unreliable: the index has not the grade"


def test_a_halted_group_raises_the_alarm(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.say(60_000, 60_000, 60_000)
    cast.round()
    PriceSource.objects.update(group_id=10**9)
    done = observe_group(10**9)
    assert (done.asked, done.delivered) == (0, True), "nothing is due"
    PriceSource.objects.update(next_poll_ms=0)
    monkeypatch.setattr("exchange_os.oracles.services.observing.ANSWER_SECONDS", 0.3)
    assert observe_group(10**9).delivered is False
    assert {alarm.code for alarm in open_alarms(10**9)} == {AlarmCode.UNDELIVERED}
    assert Observation.objects.count() == 6, "what was said is kept all the same"


def test_a_market_the_kernel_does_not_know_yet_holds_up_no_other(cast: Cast) -> None:
    add_source(cast.group, 7, name="Early", kind="http", tick_size="0.1", config=cast.ticker.config)
    cast.say(60_000, 60_000, 60_000)
    assert observe_group(cast.group).delivered is False
    assert market_prices(cast.group, PERP)[0]["grade"] == "valid"
    assert [(alarm.market, alarm.code) for alarm in open_alarms(cast.group)] == [(7, AlarmCode.UNDELIVERED)]


def test_minutes_of_mark_and_index_are_stored(cast: Cast) -> None:
    cast.say(60_000, 60_010, 60_020)
    cast.round()
    wait_until(lambda: PriceCandle.objects.count() == 2)
    minutes = PriceCandle.objects.order_by("what")
    assert [(row.market, row.what, row.open, row.close) for row in minutes] == [
        (PERP, PriceCandle.What.MARK, 600_100, 600_100), (PERP, PriceCandle.What.INDEX, 600_100, 600_100),
    ]  # fmt: skip


def test_old_observations_are_forgotten(cast: Cast) -> None:
    cast.say(60_000, 60_000, 60_000)
    cast.round()
    assert forget_observations() == 0
    assert forget_observations(wall_ms() + 8 * DAY_MS) == 3
    assert Observation.objects.count() == 0


def test_sources_have_bounds(cast: Cast) -> None:
    for broken in (
        {"tick_size": "0"},
        {"tick_size": "x"},
        {"multiplier": "-1"},
        {"poll_ms": 10},
        {"timeout_ms": 9_000},
    ):
        with pytest.raises(DomainError, match=r"number above zero|lies between"):
            _add_ticker(cast, **broken)
    with pytest.raises(DomainError, match="no source of this kind"):
        _add_ticker(cast, kind="rumour")
    for _ in range(MAX_SOURCES - 3):
        _add_ticker(cast)
    with pytest.raises(DomainError, match="at most 16"):
        _add_ticker(cast)


def _add_ticker(cast: Cast, **changed: Any) -> PriceSource:
    given: dict[str, Any] = {"kind": "http", "tick_size": "0.1", "config": cast.ticker.config} | changed
    return add_source(cast.group, PERP, name="More", **given)
