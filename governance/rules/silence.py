"""Silence: how long a risk group's journal stood still while commands waited in its stream."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, Rule, whole


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """The longest time without a batch between two moments, at which and between which commands waited.

    That they waited is what the platform's samples of the stream say; that nothing was answered is what the journal
    shows, however long it has grown since.
    """
    since, until, limit = (whole(params, name, 1) for name in ("since_ms", "until_ms", "limit_ms"))
    answers = [batch.now_ms for batch in replay.batches if since <= batch.now_ms <= until]
    silent = max((later - earlier for earlier, later in pairwise([since, *answers, until])), default=0)
    sentence = (
        f"Commands waited for {max(0, until - since) // 1000} s, and for {silent // 1000} s of it the journal stood "
        f"still; {limit // 1000} s are allowed."
    )
    return Finding(silent > limit, sentence, {"silent_ms": silent, "batches": len(answers)})


RULE = Rule(
    "silence",
    "Time a risk group answered nothing while commands waited",
    {
        "since_ms": "since when the oldest command waited",
        "until_ms": "when it was last seen to wait",
        "limit_ms": "how long an answer may take, in milliseconds",
    },
    run,
)
