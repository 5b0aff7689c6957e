"""Unanswered: how long a risk group left money waiting that was on its way in or out."""

from collections.abc import Mapping
from typing import Any

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, Rule, counted, first, whole


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Compare when each transfer was issued, which its command says, with when it was first answered.

    A transfer is sent again until it is answered, so only its first answer counts; one issued before the range may have
    had it earlier and is left out.
    """
    limit = whole(params, "limit_ms", 1)
    since_ms: int | None = None
    answered: set[int] = set()
    rows: list[dict[str, int | str]] = []
    longest = 0
    for batch in replay.batches:
        since_ms = batch.now_ms if since_ms is None else since_ms
        for transfer in batch.transfers:
            number, issued_ms = transfer["transfer_id"], transfer["issued_ms"]
            if issued_ms < since_ms or number in answered:
                continue
            answered.add(number)
            waited = batch.now_ms - issued_ms
            longest = max(longest, waited)
            if waited > limit:
                rows.append({"transfer": number, "issued_ms": issued_ms, "answered_ms": batch.now_ms})
    sentence = (
        f"{counted(len(rows), 'transfer')} waited for an answer longer than the {limit // 1000} s that are allowed, "
        f"the longest {longest // 1000} s."
    )
    facts: dict[str, int | str] = {"longest_ms": longest, "transfers": len(rows)}
    return Finding(bool(rows), sentence, facts, first(rows))


RULE = Rule(
    "unanswered",
    "Time a risk group left transfers unanswered",
    {"limit_ms": "how long an answer may take, in milliseconds"},
    run,
)
