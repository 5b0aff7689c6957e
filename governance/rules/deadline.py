"""Missed deadline: when the first result of an event was proposed, if ever."""

from collections.abc import Mapping
from typing import Any

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, Rule, whole

PROPOSALS = ("resolve_event", "void_event")


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Find the first proposal of a result for the event and compare its time with the deadline."""
    event, deadline = whole(params, "event"), whole(params, "deadline_ms", 1)
    proposed: int | None = None
    for batch in replay.batches:
        for command in batch.commands:
            if proposed is None and command["kind"] in PROPOSALS and command["event"] == event:
                proposed = batch.now_ms
    late = (replay.now_ms if proposed is None else proposed) - deadline
    if proposed is None:
        sentence = (
            f"No result of event {event} was proposed; the deadline passed {max(0, late) // 1000} s ago."
        )
    elif late > 0:
        sentence = f"The result of event {event} was proposed {late // 1000} s after the deadline."
    else:
        sentence = f"The result of event {event} was proposed in time."
    facts: dict[str, int | str] = {"late_ms": max(0, late), "proposed_ms": proposed or 0}
    return Finding(late > 0, sentence, facts)


RULE = Rule(
    "deadline",
    "Result proposed by the deadline",
    {"event": "number of the event", "deadline_ms": "until when a result is due, in ms since 1970"},
    run,
)
