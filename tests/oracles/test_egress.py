"""The way out: public addresses only, small answers, in time."""

import asyncio
import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from exchange_os.oracles.egress import ask_json, check_url, is_public, make_client, resolve
from exchange_os.oracles.readings import SourceError
from tests.oracles.world import World, reply


def ask(url: str, timeout_ms: int = 2_000) -> Any:
    async def once() -> Any:
        async with make_client() as client:
            return await ask_json(client, url, timeout_ms)

    return asyncio.run(once())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_names_of_private_addresses_are_refused(settings: Any) -> None:
    settings.ORACLE_ALLOW_PRIVATE = False
    for host in ("localhost", "127.0.0.1", "2130706433", "0x7f.1"):
        with pytest.raises(SourceError) as refused:
            ask(f"https://{host}/latest/meta-data")
        assert refused.value.code in ("forbidden_address", "unresolved")
    with pytest.raises(SourceError, match="forbidden_address"):
        asyncio.run(resolve("localhost", 443))


def test_a_name_with_one_private_address_is_refused(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ORACLE_ALLOW_PRIVATE = False

    async def mixed(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("127.0.0.1", 443))]

    async def once() -> str:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", mixed, raising=False)
        return await resolve("rebind.example.com", 443)

    with pytest.raises(SourceError, match="forbidden_address"):
        asyncio.run(once())


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "file:///etc/passwd", "https://", "https://e.com:22/", "https://a:b@e.com/", "x"],
)
def test_addresses_that_are_never_asked(url: str, settings: Any) -> None:
    settings.ORACLE_ALLOW_PRIVATE = False
    with pytest.raises(SourceError, match="forbidden_address"):
        check_url(url)


def test_bad_answers(world: World) -> None:
    tricks: list[tuple[str, Callable[[BaseHTTPRequestHandler], None]]] = [
        ("too_large", lambda handler: reply(handler, b"1" * 300_000)),
        ("status", lambda handler: reply(handler, {}, 302, Location="http://127.0.0.1:1/")),
        ("status", lambda handler: reply(handler, {}, 500)),
        ("malformed", lambda handler: reply(handler, gzip.compress(b"1"), Content_Encoding="gzip")),
        ("unreachable", lambda handler: handler.connection.close()),
    ]
    for code, trick in tricks:
        world.tricks["/bad"] = trick
        with pytest.raises(SourceError) as refused:
            ask(world.url + "/bad")
        assert refused.value.code == code
    with pytest.raises(SourceError, match="unreachable"):
        ask("http://127.0.0.1:1/")


def test_a_silent_service_is_given_up(world: World) -> None:
    over = threading.Event()
    world.tricks["/slow"] = lambda handler: over.wait(20) and None
    try:
        with pytest.raises(SourceError, match="timeout: no answer within 200 ms"):
            ask(world.url + "/slow", 200)
    finally:
        over.set()
