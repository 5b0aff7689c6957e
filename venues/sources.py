"""Price sources as a deployer types them: one a line, a kind and what it reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exchange_os.errors import DomainError
from exchange_os.oracles.adapters import CHECKS
from exchange_os.oracles.models import SourceKind
from venues.models import Market, MarketKind, Phase
from venues.selectors import LIVE_STATES

MAX_SOURCES = 8


@dataclass(frozen=True)
class SourceSpec:
    """One source: its kind and configuration (``exchange_os.oracles.adapters``), and the line it was read from."""

    kind: str
    config: dict[str, Any]
    line: str

    @property
    def name(self) -> str:
        """What it is called in lists."""
        return self.line[:60]


def _pyth(feed_id: str) -> dict[str, Any]:
    return {"feed_id": feed_id}


def _chainlink(url: str, address: str, decimals: str = "8") -> dict[str, Any]:
    return {"url": url, "address": address, "decimals": int(decimals)}


def _http(url: str, pointer: str) -> dict[str, Any]:
    return {"url": url, "price_pointer": pointer}


def _market(path: str) -> dict[str, Any]:
    """A market of this platform by its address, ``north/BTC-USD``: the middle of its book, or a perpetual's index."""
    slug, _, symbol = path.partition("/")
    market = (
        Market.objects.filter(venue__slug=slug, venue__state__in=LIVE_STATES, symbol=symbol.upper())
        .exclude(phase=Phase.PENDING)
        .exclude(kind=MarketKind.OUTCOME)
        .select_related("venue")
        .first()
    )
    if market is None:
        raise ValueError(path)
    price = "index" if market.kind == MarketKind.PERPETUAL else "mid"
    return {
        "group": market.venue.group_id, "market": market.number, "tick_size": market.tick_size, "price": price,
    }  # fmt: skip


def _push(public_key: str) -> dict[str, Any]:
    return {"public_key": public_key}


def _replay(file: str, column: str = "close") -> dict[str, Any]:
    return {"file": file, "column": column}


#: What a line begins with: the kind of source, and how the rest of the line is read.
WORDS: dict[str, tuple[str, Callable[..., dict[str, Any]], str]] = {
    "market": (SourceKind.INTERNAL, _market, "market north/BTC-USD"),
    "pyth": (SourceKind.PYTH, _pyth, "pyth and the 64 digits of the feed"),
    "chainlink": (SourceKind.CHAINLINK, _chainlink, "chainlink https://node.example 0x… 8"),
    "http": (SourceKind.HTTP, _http, "http https://prices.example/btc /data/last"),
    "push": (SourceKind.PUSH, _push, "push and your public key in base64"),
    "replay": (SourceKind.REPLAY, _replay, "replay and the name of a recording"),
}


def read_sources(text: str) -> tuple[SourceSpec, ...]:
    """Sources, one a line; ``sources_missing``, ``source_invalid`` or ``sources_invalid`` at the field ``sources``."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    if not lines:
        raise DomainError(
            "sources_missing", "Name at least one price source, better three, one a line.", field="sources"
        )
    if len(lines) > MAX_SOURCES or len(set(lines)) < len(lines):
        raise DomainError(
            "sources_invalid", f"Name each source once, at most {MAX_SOURCES} of them.", field="sources"
        )
    return tuple(_source(line) for line in lines)


def _source(line: str) -> SourceSpec:
    word, *rest = line.split(" ")
    if word not in WORDS:
        raise DomainError(
            "source_invalid",
            f"A source begins with one of {', '.join(WORDS)}; not with {word[:20]}.",
            field="sources",
        )
    kind, read, example = WORDS[word]
    try:
        config = read(*rest)
        CHECKS[kind](config)
    except (TypeError, ValueError):
        raise DomainError(
            "source_invalid", f"“{line[:60]}” cannot be read; write it as: {example}.", field="sources"
        ) from None
    except DomainError as refused:
        raise DomainError("source_invalid", f"“{line[:60]}”: {refused.message}", field="sources") from refused
    return SourceSpec(kind, config, line)
