"""Self-dealing: trades of accounts that belong to the deployer or the team."""

from collections.abc import Mapping
from typing import Any

from exchange_os.engine.replaying import Replay
from governance.rules.finding import Finding, ParamsWrong, Rule, first


def run(replay: Replay, params: Mapping[str, Any]) -> Finding:
    """Find the fills of the accounts, and the trades in which both sides are theirs."""
    accounts = params["accounts"]
    if not isinstance(accounts, list) or not accounts or not all(isinstance(one, int) for one in accounts):
        raise ParamsWrong("accounts is a list of account numbers.")
    own = set(accounts)
    sides: dict[int, int] = {}
    rows: list[dict[str, int | str]] = []
    notional = 0
    for batch in replay.batches:
        for fill in batch.fills:
            if fill["account"] in own:
                sides[fill["trade_id"]] = sides.get(fill["trade_id"], 0) + 1
                notional += fill["notional"]
                rows.append(
                    {name: fill[name] for name in ("sequence", "trade_id", "market", "account", "notional")}
                )
    both = sum(count == 2 for count in sides.values())
    sentence = f"Accounts of the deployer or the team took part in {len(sides)} trades; in {both} they were both sides."
    facts: dict[str, int | str] = {"trades": len(sides), "both_sides": both, "notional": notional}
    return Finding(bool(sides), sentence, facts, first(rows))


RULE = Rule(
    "self_dealing",
    "Trades of the deployer's own accounts",
    {"accounts": "numbers of the accounts that belong to the deployer or the team"},
    run,
)
