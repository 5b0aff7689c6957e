"""Sets the stage of the API benchmarks on a private stack: a venue and funded traders with keys, printed as
JSON.

``python -m benchmarks.api_stage PEOPLE`` prints ``{"venue", "people": [{"key", "secret", "passphrase"}]}``.
It runs in a process of its own, because the stack has a database of its own.
"""

import json
import sys

import django

django.setup()

from exchange_os.demo.stage import (  # noqa: E402
    VenuePlan,
    claim_from_faucet,
    deposit_all,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    make_credentials,
)
from exchange_os.ledger.selectors import asset_by_symbol, to_units  # noqa: E402

MARKET = {
    "base": "BTC", "quote": "USD", "tick_size": "0.1", "lot_size": "0.00001", "min_size": "0.00001",
    "reference_price": "50000", "band_percent": "50", "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
}  # fmt: skip
FUNDS = {"USD": "100000", "BTC": "2"}


def set_stage(people: int) -> dict[str, object]:
    """Make everything."""
    deployer = ensure_person("deployer@bench.example", None)
    ensure_stake(deployer, "Benchmarks")
    venue = ensure_venue(
        deployer, VenuePlan("bench", "Bench", "#2f6feb", "A venue of benchmarks.", (MARKET,))
    )
    assets = [asset_by_symbol(symbol) for symbol in FUNDS]
    cast, deposits = [], []
    for number in range(people):
        user = ensure_person(f"trader{number}@bench.example", None)
        for symbol in FUNDS:
            claim_from_faucet(user, symbol, 3)
        account = ensure_trading_account(user, venue)
        deposits += [
            (user, venue, account.number, asset, to_units(FUNDS[asset.symbol], asset)) for asset in assets
        ]
        made = make_credentials(account, "bench")
        cast.append({"key": made.key, "secret": made.secret, "passphrase": made.passphrase})
    deposit_all(deposits)
    return {"venue": venue.slug, "people": cast}


if __name__ == "__main__":
    print(json.dumps(set_stage(int(sys.argv[1]))))
