"""Downtime: how long a market stood still by command."""

from collections.abc import Mapping
from typing import Any

from exchange_kernel import PHASE_HALTED

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, Rule, first, whole


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Add up the time between commands that halt the market and commands that move it on, to the end of the range."""
    market, limit = whole(params, "market"), whole(params, "limit_ms", 1)
    halted_ms: int | None = None
    rows: list[dict[str, int | str]] = []
    for batch in replay.batches:
        for command in batch.commands:
            if command["kind"] != "set_phase" or command["market"] != market:
                continue
            if command["phase"] == PHASE_HALTED and halted_ms is None:
                halted_ms = batch.now_ms
            elif command["phase"] != PHASE_HALTED and halted_ms is not None:
                rows.append({"from_ms": halted_ms, "until_ms": batch.now_ms})
                halted_ms = None
    if halted_ms is not None:
        rows.append({"from_ms": halted_ms, "until_ms": replay.now_ms})
    total = sum(int(row["until_ms"]) - int(row["from_ms"]) for row in rows)
    sentence = f"Market {market} was halted by command for {total // 1000} s; {limit // 1000} s are allowed."
    facts: dict[str, int | str] = {"halted_ms": total, "halts": len(rows)}
    return Finding(total > limit, sentence, facts, first(rows))


RULE = Rule(
    "downtime",
    "Time a market was halted by command",
    {"market": "number of the market", "limit_ms": "how long it may be halted, in milliseconds"},
    run,
)
