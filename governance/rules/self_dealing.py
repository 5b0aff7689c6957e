"""Self-dealing: trades of accounts that belong to the deployer or the team, and what they cost those on the other side.

Somebody who bought from an insider lost what they paid above the average price at which all others traded in the
range, and whoever sold to one what they got below it, each with the fee; net for each account, in whole units, rounded
in favour of the accused. Where nobody else traded there is no such price, and no loss is computed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from exchange_kernel import BUY, FIRST_USER_ACCOUNT

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, ParamsWrong, Rule, add, counted, first, texts, whole

Fill = Mapping[str, Any]


def losses_of(trades: Iterable[tuple[Fill, Fill]], own: set[int]) -> dict[int, int]:
    """What each stranger lost to the accounts ``own``, from the trades of one market, a fill of each side."""
    pairs = list(trades)
    apart = [one for one, other in pairs if one["account"] not in own and other["account"] not in own]
    lots, value = sum(fill["size_lots"] for fill in apart), sum(fill["notional"] for fill in apart)
    net: dict[int, int] = {}
    for pair in pairs:
        strangers = [fill for fill in pair if fill["account"] not in own]
        if len(strangers) != 1 or not lots:
            continue
        fill = strangers[0]
        fair = (
            -(-value * fill["size_lots"] // lots)
            if fill["side"] == BUY
            else value * fill["size_lots"] // lots
        )
        cost = fill["notional"] - fair if fill["side"] == BUY else fair - fill["notional"]
        add(net, fill["account"], cost + fill["fee"])
    return {account: loss for account, loss in net.items() if loss > 0 and account >= FIRST_USER_ACCOUNT}


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Find the trades of the accounts in a market, those with them on both sides, and what they cost others."""
    market, accounts = whole(params, "market"), params["accounts"]
    if not isinstance(accounts, list) or not accounts or not all(isinstance(one, int) for one in accounts):
        raise ParamsWrong("accounts is a list of account numbers.")
    own = set(accounts)
    sides: dict[int, list[Fill]] = {}
    for batch in replay.batches:
        for fill in batch.fills:
            if fill["market"] == market:
                sides.setdefault(fill["trade_id"], []).append(fill)
    trades = [(pair[0], pair[1]) for pair in sides.values() if len(pair) == 2]
    insiders = [[fill for fill in pair if fill["account"] in own] for pair in trades]
    rows = [
        {name: fill[name] for name in ("sequence", "trade_id", "account", "size_lots", "notional")}
        for pair in insiders
        for fill in pair
    ]
    count, both = sum(bool(pair) for pair in insiders), sum(len(pair) == 2 for pair in insiders)
    losses = texts(losses_of(trades, own))
    lost = sum(losses.values())
    sentence = (
        f"Accounts of the deployer or the team took part in {counted(count, 'trade')}, in {both} on both sides; "
        f"{counted(len(losses), 'other account')} lost by it."
    )
    facts: dict[str, int | str] = {"trades": count, "both_sides": both, "units_lost": lost}
    quote = replay.query(q="market", market=market).get("market", {}).get("quote")
    return Finding(bool(count), sentence, facts, first(rows), losses, quote)


RULE = Rule(
    "self_dealing",
    "Trades of the deployer's own accounts",
    {
        "market": "number of the market",
        "accounts": "numbers of the accounts that belong to the deployer or the team",
    },
    run,
)
