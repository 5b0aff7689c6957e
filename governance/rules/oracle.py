"""Oracle deviation: one source against the median of the others, and what was liquidated or funded meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

from exchange_kernel import BILL_KINDS, FIRST_USER_ACCOUNT, PRICE_INDEX

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, Rule, add, first, texts, whole

PPM = 1_000_000
FRESH_MS = 60_000
AFTERMATH_MS = 60_000
OTHERS_NEEDED = 2
LIQUIDATION, FUNDING, INSURANCE = (BILL_KINDS[name] for name in ("liquidation", "funding", "insurance"))


def deviation_ppm(ticks: int, others: Sequence[int]) -> int:
    """How far a price is from the median of others, in parts per million.

    Of an even number the median is all there is between the two in the middle: one liar among two others makes
    nobody else a liar.
    """
    ordered = sorted(others)
    low, high = ordered[(len(others) - 1) // 2], ordered[len(others) // 2]
    nearest = min(max(ticks, low), high)
    return abs(ticks - nearest) * PPM // nearest


def percent(ppm: int) -> str:
    """Parts per million as per cent with two decimals, cut off."""
    return f"{ppm // 10_000}.{ppm % 10_000 // 100:02d}%"


def losses_of(bills: Sequence[Mapping[str, int]]) -> tuple[dict[int, int], int]:
    """(what each account lost by liquidations with their fees and by funding, net; what the insurance fund lost)."""
    net: dict[int, int] = {}
    fund = 0
    for bill in bills:
        if bill["kind"] in (LIQUIDATION, FUNDING) and bill["account"] >= FIRST_USER_ACCOUNT:
            add(net, bill["account"], bill["amount"] - bill["fee"])
        elif bill["kind"] == INSURANCE:
            fund += bill["amount"]
    return {account: -amount for account, amount in net.items() if amount < 0}, max(0, -fund)


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Look for observations of a source that are beyond the limit, and for losses from the first to after the last."""
    market, accused = whole(params, "market"), whole(params, "source")
    limit, least = whole(params, "limit_ppm", 1), whole(params, "count", 1)
    newest: dict[int, tuple[int, int]] = {}
    beyond: list[dict[str, int | str]] = []
    bills: list[dict[str, Any]] = []
    observed = 0
    for batch in replay.batches:
        bills += [bill for bill in batch.bills if bill["market"] == market]
        for command in batch.commands:
            if command["kind"] != "observe_prices":
                continue
            for what, where, source, ticks, _ in command["observations"]:
                if what != PRICE_INDEX or where != market or ticks <= 0:
                    continue
                newest[source] = ticks, batch.now_ms
                others = [
                    price
                    for number, (price, time_ms) in newest.items()
                    if number != accused and batch.now_ms - time_ms <= FRESH_MS
                ]
                if source != accused or len(others) < OTHERS_NEEDED:
                    continue
                observed += 1
                away = deviation_ppm(ticks, others)
                if away >= limit:
                    beyond.append(
                        {
                            "sequence": command["sequence"],
                            "time_ms": batch.now_ms,
                            "ticks": ticks,
                            "ppm": away,
                        }
                    )
    found = len(beyond) >= least
    losses: dict[int, int] = {}
    fund = 0
    if found:
        since, until = int(beyond[0]["time_ms"]), int(beyond[-1]["time_ms"]) + AFTERMATH_MS
        losses, fund = losses_of([bill for bill in bills if since <= bill["time_ms"] <= until])
    worst = max((int(row["ppm"]) for row in beyond), default=0)
    sentence = (
        f"Source {accused} of market {market} was {percent(limit)} or more away from the median of the others in "
        f"{len(beyond)} of {observed} observations, at worst {percent(worst)}."
    )
    facts: dict[str, int | str] = {"observations": observed, "beyond": len(beyond), "worst_ppm": worst}
    quote = replay.query(q="market", market=market).get("market", {}).get("quote")
    return Finding(found, sentence, facts, first(beyond), texts(losses), quote, fund)


RULE = Rule(
    "oracle",
    "Price source against the median of the others",
    {
        "market": "number of the market",
        "source": "number of the source that is accused",
        "limit_ppm": "how far from the median is too far, in parts per million",
        "count": "how many such observations are needed",
    },
    run,
)
