"""Each kind of source in its real format, and all that is refused of it."""

import asyncio
import gzip
import json
import sys
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from exchange_os.errors import DomainError
from exchange_os.oracles.adapters import CHECKS, FETCHED, READ, chainlink, http_json, pyth
from exchange_os.oracles.egress import make_client
from exchange_os.oracles.readings import MAX_TICKS, Reading, SourceError, exact_decimal, parse_json, to_ticks
from tests.oracles.world import AGGREGATOR, FEED, World, hermes, reply, round_data

NOW_MS = 1_714_746_105_000
KEY = "A" * 43 + "="


def fetch(kind: str, config: dict[str, Any], timeout_ms: int = 2_000) -> Reading:
    async def ask() -> Reading:
        async with make_client() as client:
            return await FETCHED[kind](client, config, timeout_ms, NOW_MS)

    CHECKS[kind](config)
    return asyncio.run(ask())


def test_pyth_speaks_hermes(world: World) -> None:
    world.pyth = hermes(FEED, 6140993501000, 3287868567, -8, 1_714_746_101)
    reading = fetch("pyth", {"url": world.url, "feed_id": "0x" + FEED})
    assert reading == Reading(Decimal("61409.93501"), 1_714_746_101_000)
    with pytest.raises(SourceError, match="status: answered 404"):
        fetch("pyth", {"url": world.url, "feed_id": "0" * 64})


@pytest.mark.parametrize(
    ("price", "conf", "expo", "code"),
    [
        (100, 1, 0, None),
        (100, 2, 0, "uncertain"),
        (0, 1, 0, "uncertain"),
        (-100, 0, 0, "uncertain"),
        (100, -1, 0, "uncertain"),
        (100, 0, 19, "malformed"),
        (100, 0, -19, "malformed"),
    ],
)
def test_pyth_is_certain(price: int, conf: int, expo: int, code: str | None) -> None:
    answer = parse_json(json.dumps(hermes(FEED, price, conf, expo, 1)))
    if code is None:
        assert pyth.parse(answer, FEED, 10_000).price == price
        return
    with pytest.raises(SourceError) as refused:
        pyth.parse(answer, FEED, 10_000)
    assert refused.value.code == code


def test_chainlink_speaks_json_rpc(world: World) -> None:
    config = {"url": world.url + "/rpc", "address": AGGREGATOR, "decimals": 8}
    round_id = 110680464442257320164  # a phase in the upper bits, as proxies number rounds
    world.rounds[AGGREGATOR] = round_data(round_id, 6_141_200_000_000, 1_714_746_095)
    assert fetch("chainlink", config) == Reading(Decimal(61412), 1_714_746_095_000)
    with pytest.raises(SourceError, match="refused"):
        fetch("chainlink", config | {"address": "0x" + "0" * 40})


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"result": round_data(7, -5, 9)}, None),
        ({"result": round_data(7, 5, 0)}, "unanswered"),
        ({"result": round_data(7, 5, 9, answered_in=6)}, "unanswered"),
        ({"result": round_data(7, 5, 2**64)}, "malformed"),
        ({"result": "0x"}, "malformed"),
        ({"result": round_data(7, 5, 9)[:-2]}, "malformed"),
        ({"result": "0xzz"}, "malformed"),
        ({"result": None}, "malformed"),
        ({"error": {"code": -32000, "message": "header not found"}}, "refused"),
        ([], "refused"),
    ],
)
def test_chainlink_rounds(answer: Any, code: str | None) -> None:
    if code is None:
        assert chainlink.parse(answer, 2) == Reading(Decimal("-0.05"), 9_000)
        return
    with pytest.raises(SourceError) as refused:
        chainlink.parse(answer, 8)
    assert refused.value.code == code


def test_http_json_by_pointers(world: World) -> None:
    world.ticker = {"code": "0", "data": [{"last": "61410.5", "ts": "1714746104123", "a/b": 1}]}
    config = {"url": world.url + "/ticker", "price_pointer": "/data/0/last", "time_pointer": "/data/0/ts"}
    assert fetch("http", config) == Reading(Decimal("61410.5"), 1_714_746_104_123)
    without = {name: value for name, value in config.items() if name != "time_pointer"}
    assert fetch("http", without).published_ms == NOW_MS
    for pointer in ("/data/1/last", "/data/last", "/data/0/bid", "/code/0", "/data/-1/last"):
        with pytest.raises(SourceError, match="malformed"):
            fetch("http", config | {"price_pointer": pointer})
    assert http_json.follow(world.ticker, "/data/0/a~1b") == 1


@pytest.mark.parametrize(
    "told", [b'{"p": NaN}', b'{"p": Infinity}', b'{"p": "NaN"}', b'{"p": "abc"}', b'{"p": true}', b'{"p": null}',
             b'{"p": [1]}', b'{"p": 1e400}', b"not json", b"<!doctype html><title>Sign in</title>",
             b"[" * 100_000, b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_number_is_no_price(world: World, told: bytes) -> None:
    world.tricks["/ticker"] = lambda handler: reply(handler, told)
    with pytest.raises(SourceError, match="malformed"):
        fetch("http", {"url": world.url + "/ticker", "price_pointer": "/p"})


def test_nothing_the_programs_import_lets_a_deep_answer_exhaust_the_stack() -> None:
    """A package that raises the limit of recursion for the whole process makes 100 kB of brackets its end."""
    for program in ("exchange_os.asgi", "exchange_os.urls", "exchange_os.celery"):
        import_module(program)
    assert sys.getrecursionlimit() <= 1_000


def test_numbers_stay_exact() -> None:
    assert parse_json('{"p": 0.1000000000000000055511151231257827}')["p"] == Decimal(
        "0.1000000000000000055511151231257827"
    )
    assert exact_decimal(" 61409.93501 ") == Decimal("61409.93501")
    for price, multiplier, tick_size, ticks in [
        ("61409.93501", "1", "0.1", 614_099),
        ("61409.95", "1", "0.1", 614_100),
        ("61409.85", "1", "0.1", 614_098),
        ("0.00001234", "1000", "0.0001", 123),
        ("-1", "1", "0.5", -2),
        ("1e30", "1", "1e-8", MAX_TICKS),
    ]:
        value, found = to_ticks(Decimal(price), Decimal(multiplier), Decimal(tick_size))
        assert (value, found) == (Decimal(price) * Decimal(multiplier), ticks)


def test_recorded_bars(settings: Any, tmp_path: Path) -> None:
    settings.ORACLE_REPLAY_DIR = str(tmp_path)
    rows = (
        "timestamp,open,high,low,close\n2021-12-31 23:01:00,1,4,0.0001,2.5\n2021-12-31 23:02:00,2.5,3,2,3\n"
    )
    (tmp_path / "day.csv").write_text(rows)
    with gzip.open(tmp_path / "day.csv.gz", "wt") as stream:
        stream.write(rows)
    for name in ("day.csv", "day.csv.gz"):
        config = {"file": name, "bar_ms": 5_000, "started_ms": NOW_MS}
        CHECKS["replay"](config)
        read = READ["replay"]
        assert read(config, 0, NOW_MS + 4_999) == Reading(Decimal("2.5"), NOW_MS + 4_999)
        assert read(config | {"column": "low"}, 0, NOW_MS).price == Decimal("0.0001")
        assert read(config, 0, NOW_MS + 5_000).price == 3
        for outside in (NOW_MS - 1, NOW_MS + 10_000):
            with pytest.raises(SourceError, match="ended"):
                read(config, 0, outside)
    with pytest.raises(DomainError):
        CHECKS["replay"]({"file": "../day.csv"})


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("pyth", {"feed_id": "12"}),
        ("pyth", {"feed_id": FEED, "url": "ftp://hermes.pyth.network"}),
        ("chainlink", {"url": "https://rpc.example.com", "address": "0x12"}),
        ("chainlink", {"url": "https://rpc.example.com", "address": AGGREGATOR, "decimals": 99}),
        ("chainlink", {"address": AGGREGATOR}),
        ("http", {"url": "https://api.example.com/t", "price_pointer": "data.last"}),
        ("http", {"url": "https://api.example.com/t", "price_pointer": "/p", "time_unit": "h"}),
        ("http", {"url": "http://api.example.com/t", "price_pointer": "/p"}),
        ("http", {"url": "https://user:pass@api.example.com/t", "price_pointer": "/p"}),
        ("http", {"url": "https://api.example.com:8080/t", "price_pointer": "/p"}),
        ("internal", {"group": 1, "market": 0, "tick_size": "0"}),
        ("internal", {"group": 1, "market": 0, "tick_size": "0.1", "price": "last"}),
        ("push", {"public_key": "AAAA"}),
        ("replay", {"file": "missing.csv"}),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_set(kind: str, config: dict[str, Any]) -> None:
    with pytest.raises(DomainError) as refused:
        CHECKS[kind](config)
    assert refused.value.code == "source_config_invalid"
