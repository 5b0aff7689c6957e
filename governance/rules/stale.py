"""Stale feed: the longest time in which no source said anything about a market's price."""

from collections.abc import Mapping
from typing import Any

from exchange_kernel import PRICE_INDEX

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, Rule, first, whole


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Measure the gaps between observations of the market's index, the last one to the end of the range."""
    market, limit = whole(params, "market"), whole(params, "limit_ms", 1)
    heard_ms: int | None = None
    rows: list[dict[str, int | str]] = []
    longest = 0

    def gap(until_ms: int) -> None:
        nonlocal longest
        if heard_ms is None:
            return
        longest = max(longest, until_ms - heard_ms)
        if until_ms - heard_ms > limit:
            rows.append({"from_ms": heard_ms, "until_ms": until_ms})

    for batch in replay.batches:
        for command in batch.commands:
            if command["kind"] == "observe_prices" and any(
                what == PRICE_INDEX and where == market and ticks > 0
                for what, where, _, ticks, _ in command["observations"]
            ):
                gap(batch.now_ms)
                heard_ms = batch.now_ms
    gap(replay.now_ms)
    sentence = f"No source said anything about market {market} for {longest // 1000} s; {limit // 1000} s are allowed."
    facts: dict[str, int | str] = {"longest_ms": longest, "gaps": len(rows)}
    return Finding(bool(rows), sentence, facts, first(rows))


RULE = Rule(
    "stale",
    "Time without any price from a source",
    {"market": "number of the market", "limit_ms": "how long a feed may be silent, in milliseconds"},
    run,
)
