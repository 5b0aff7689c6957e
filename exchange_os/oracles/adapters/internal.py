"""The price of another market on this platform, asked of its kernel: the middle of its book, or its index."""

from decimal import Decimal
from typing import Any

from exchange_os.engine import client
from exchange_os.engine.errors import Busy, GroupHalted, OutcomeUnknown
from exchange_os.errors import DomainError
from exchange_os.oracles.adapters import settings
from exchange_os.oracles.readings import Reading, SourceError, exact_decimal

MID, INDEX = "mid", "index"
DECIMAL = r"[0-9]{1,20}(\.[0-9]{1,18})?"
RELIABLE = ("valid", "thin")


def check(config: dict[str, Any]) -> None:
    """``group`` and ``market`` to look at, its ``tick_size``, and ``price``: ``mid`` or ``index``."""
    settings.number(config, "group", 1, 2**62)
    settings.number(config, "market", 0, 65_535)
    settings.text(config, "price", f"{MID}|{INDEX}", default=MID)
    if Decimal(settings.text(config, "tick_size", DECIMAL)) <= 0:
        raise DomainError("source_config_invalid", "The tick size is above zero.", field="tick_size")


def read(config: dict[str, Any], timeout_ms: int, now_ms: int) -> Reading:
    """The price now. Raises ``SourceError``: ``one_sided`` book, ``unreliable`` index, ``unreachable`` group."""
    question = {"q": "market" if config.get("price", MID) == MID else "prices", "market": config["market"]}
    try:
        answer = client.query(config["group"], question, timeout_ms / 1_000)
    except (Busy, GroupHalted, OutcomeUnknown) as error:
        raise SourceError("unreachable", error.message) from error
    if "error" in answer:
        raise SourceError("refused", str(answer.get("message", "")))
    tick_size = exact_decimal(config["tick_size"], "the tick size")
    return Reading(_ticks(answer) * tick_size, now_ms)


def _ticks(answer: dict[str, Any]) -> Decimal:
    if "market" in answer:
        bid, ask = answer["market"]["best_bid"], answer["market"]["best_ask"]
        if not bid or not ask:
            raise SourceError("one_sided", "the book has not both sides")
        return Decimal(bid + ask) / 2
    if not answer["markets"] or answer["markets"][0]["grade"] not in RELIABLE:
        raise SourceError("unreliable", "the index has not the grade")
    return Decimal(answer["markets"][0]["index_ticks"])
