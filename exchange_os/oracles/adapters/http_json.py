"""Any HTTP service that tells a price in JSON: where in the answer price and time are is said by JSON pointers
(RFC 6901: ``/data/0/last``; ``~1`` is a slash, ``~0`` a tilde)."""

from typing import Any

import httpx

from exchange_os.oracles.adapters import settings
from exchange_os.oracles.egress import ask_json
from exchange_os.oracles.readings import Reading, SourceError, exact_decimal

POINTER = r"(/[^/]{0,100}){1,12}"
UNITS = {"ms": 1, "s": 1_000}


def check(config: dict[str, Any]) -> None:
    """``url``, ``price_pointer``; optional ``time_pointer`` and ``time_unit`` (``ms`` or ``s``)."""
    settings.address(config)
    settings.text(config, "price_pointer", POINTER)
    if "time_pointer" in config:
        settings.text(config, "time_pointer", POINTER)
    settings.text(config, "time_unit", "ms|s", default="ms")


async def fetch(client: httpx.AsyncClient, config: dict[str, Any], timeout_ms: int, now_ms: int) -> Reading:
    """The price the service tells, published when it says so or now. Raises ``SourceError``."""
    answer = await ask_json(client, config["url"], timeout_ms)
    price = exact_decimal(follow(answer, config["price_pointer"]))
    if "time_pointer" not in config:
        return Reading(price, now_ms)
    told = exact_decimal(follow(answer, config["time_pointer"]), "the time")
    return Reading(price, int(told * UNITS[config.get("time_unit", "ms")]))


def follow(document: Any, pointer: str) -> Any:
    """What a JSON pointer leads to. Raises ``SourceError`` ``malformed`` if it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        try:
            document = document[_place(key)] if isinstance(document, list) else document[key]
        except (KeyError, IndexError, TypeError) as error:
            raise SourceError("malformed", f"there is nothing at {pointer}") from error
    return document


def _place(key: str) -> int:
    if not key.isascii() or not key.isdigit():
        raise KeyError(key)
    return int(key)
