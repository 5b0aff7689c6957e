"""Settlement differs from the recorded source: what was paid against what the source says, account by account."""

from collections.abc import Mapping
from typing import Any

from exchange_kernel import BILL_KINDS, FIRST_USER_ACCOUNT

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, ParamsWrong, Rule, add, counted, first, texts, whole

SETTLEMENT = BILL_KINDS["settlement"]
PPM = 1_000_000


def differences(
    paid: Mapping[tuple[int, int], tuple[int, int]], due_ticks: Mapping[int, int], tick_quote: int
) -> dict[int, int]:
    """``{account: what was due less what was paid}`` from ``{(account, market): (lots, paid)}`` and what a lot of each
    market pays by its source, in ticks. Positive: was paid too little. The sum is zero, as lots are."""
    found: dict[int, int] = {}
    for (account, market), (lots, amount) in paid.items():
        add(found, account, lots * due_ticks[market] * tick_quote - amount)
    return found


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Compare the settlement of an event with the payouts of its source."""
    event, shares = whole(params, "event"), params["payouts"]
    if not isinstance(shares, dict) or not shares or sum(shares.values()) != PPM:
        raise ParamsWrong("payouts maps outcomes to parts per million that sum to 1,000,000.")
    paid: dict[tuple[int, int], tuple[int, int]] = {}
    for batch in replay.batches:
        for bill in batch.bills:
            if bill["kind"] == SETTLEMENT and bill["extra"] == event:
                key = bill["account"], bill["market"]
                lots, amount = paid.get(key, (0, 0))
                paid[key] = lots + bill["lots"], amount + bill["amount"]
    known = replay.query(q="event", event=event)
    if "error" in known:
        raise ParamsWrong(f"There is no event {event} in this journal.")
    detail = known["event"]
    due_ticks = {
        row["market"]: int(shares.get(str(row["outcome"]), 0)) * detail["payout_ticks"] // PPM
        for row in detail["outcomes"]
        if row["market"] is not None
    }
    found = differences(paid, due_ticks, detail["tick_quote"])
    losses = texts({account: loss for account, loss in found.items() if account >= FIRST_USER_ACCOUNT})
    total = sum(losses.values())
    market = replay.query(q="market", market=min(due_ticks))["market"]
    wrong = any(found.values())
    sentence = (
        f"Event {event} was not settled as {params['source']} says: {counted(len(losses), 'account')} got too little."
        if wrong
        else f"Event {event} was settled as {params['source']} says."
    )
    rows = first(
        {"account": account, "due_less_paid": found[account]} for account in sorted(found) if found[account]
    )
    facts: dict[str, int | str] = {"accounts_settled": len({a for a, _ in paid}), "units_too_little": total}
    return Finding(wrong, sentence, facts, rows, losses, market["quote"])


RULE = Rule(
    "settlement",
    "Settlement against the recorded source",
    {
        "event": "number of the event in its risk group",
        "payouts": "what the source says: outcome number to parts per million, together 1,000,000",
        "source": "where that can be seen",
    },
    run,
)
