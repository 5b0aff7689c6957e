"""Pyth through a Hermes service, version 2: ``GET /v2/updates/price/latest?ids[]=<feed>&parsed=true``.

The answer carries ``parsed: [{id, price: {price, conf, expo, publish_time}, ...}]``; the price is ``price * 10**expo``,
``conf`` its confidence in the same unit, ``publish_time`` in seconds. A price less certain than
``max_confidence_ppm`` of itself is none.
"""

from decimal import Decimal, localcontext
from typing import Any

import httpx

from exchange_os.oracles.adapters import settings
from exchange_os.oracles.egress import ask_json
from exchange_os.oracles.readings import WIDE, Reading, SourceError, exact_decimal

HERMES = "https://hermes.pyth.network"
PPM = 1_000_000
MAX_EXPONENT = 18


def check(config: dict[str, Any]) -> None:
    """``feed_id`` (64 hex digits), optional ``url`` of the service and ``max_confidence_ppm``."""
    settings.address(config, default=HERMES)
    settings.text(config, "feed_id", r"(0x)?[0-9a-fA-F]{64}")
    settings.number(config, "max_confidence_ppm", 1, PPM, default=10_000)


async def fetch(client: httpx.AsyncClient, config: dict[str, Any], timeout_ms: int, now_ms: int) -> Reading:
    """The latest price of the feed. Raises ``SourceError``."""
    feed = config["feed_id"].removeprefix("0x").lower()
    base = config.get("url", HERMES).rstrip("/")
    url = f"{base}/v2/updates/price/latest?ids%5B%5D={feed}&parsed=true"
    answer = await ask_json(client, url, timeout_ms)
    return parse(answer, feed, config.get("max_confidence_ppm", 10_000))


def parse(answer: Any, feed: str, max_confidence_ppm: int) -> Reading:
    """The price of ``feed`` in a Hermes answer. Raises ``SourceError`` ``malformed`` or ``uncertain``."""
    try:
        found = next(entry for entry in answer["parsed"] if entry["id"].removeprefix("0x").lower() == feed)
        told = found["price"]
        price, confidence = exact_decimal(told["price"]), exact_decimal(told["conf"], "the confidence")
        exponent = int(exact_decimal(told["expo"], "the exponent"))
        published_ms = int(exact_decimal(told["publish_time"], "the time")) * 1_000
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise SourceError("malformed", "the answer does not tell the price of the feed") from error
    if abs(exponent) > MAX_EXPONENT:
        raise SourceError("malformed", "the exponent is out of range")
    if confidence < 0 or confidence * PPM > price * max_confidence_ppm:
        raise SourceError("uncertain", f"the price is {price} give or take {confidence}")
    with localcontext(WIDE):
        return Reading(price * Decimal(10) ** exponent, published_ms)
