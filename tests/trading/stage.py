"""Sets the stage of the trading tests on a private stack: a venue, a maker, a taker, a stranger, and their
keys.

``python -m tests.trading.stage PEOPLE`` prints JSON: ``{"venue", "other", "people": [{"key", "secret",
"passphrase", "reader", "account", "email", "password"}]}``. It runs in a process of its own, because the
stack has a database of its own.
"""

import json
import sys
from typing import Any

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
)
from exchange_os.ledger.selectors import asset_by_symbol, to_units  # noqa: E402
from trading.services.keys import create_api_key  # noqa: E402

PASSWORD = "a-password-for-the-tests"
MARKETS = (
    {
        "base": "BTC", "quote": "USD", "tick_size": "0.1", "lot_size": "0.0001", "min_size": "0.0001",
        "reference_price": "50000", "band_percent": "50", "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
    },
    {
        "base": "ETH", "quote": "USD", "tick_size": "0.01", "lot_size": "0.001", "min_size": "0.001",
        "reference_price": "3000", "band_percent": "50", "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
    },
)  # fmt: skip
FUNDS = {"USD": "100000", "BTC": "2", "ETH": "20"}


def key_of(account: Any, permissions: list[str]) -> dict[str, str]:
    """A new key, as clients need it."""
    made = create_api_key(account, permissions)
    return {"key": made.key, "secret": made.secret, "passphrase": made.passphrase}


def set_stage(people: int) -> dict[str, Any]:
    """Make everything; people are numbered from 0."""
    deployer = ensure_person("deployer@test.example", None)
    ensure_stake(deployer, "Testers")
    venue = ensure_venue(deployer, VenuePlan("arena", "Arena", "#2f6feb", "A venue of tests.", MARKETS))
    other = ensure_venue_of_another()
    assets = [asset_by_symbol(symbol) for symbol in FUNDS]
    cast, deposits = [], []
    for number in range(people):
        user = ensure_person(f"trader{number}@test.example", PASSWORD)
        for symbol in FUNDS:
            claim_from_faucet(user, symbol, 3)
        account = ensure_trading_account(user, venue)
        deposits += [
            (user, venue, account.number, asset, to_units(FUNDS[asset.symbol], asset)) for asset in assets
        ]
        cast.append(
            {
                **key_of(account, ["read", "trade", "withdraw"]),
                "reader": key_of(account, ["read"]),
                "account": account.number,
                "email": user.email,
                "password": PASSWORD,
            }
        )
    deposit_all(deposits)
    return {"venue": venue.slug, "other": other, "people": cast}


def ensure_venue_of_another() -> str:
    """A second venue, where nobody of the cast has an account."""
    deployer = ensure_person("other@test.example", None)
    ensure_stake(deployer, "Others")
    return ensure_venue(
        deployer, VenuePlan("elsewhere", "Elsewhere", "#2f6feb", "Another.", MARKETS[:1])
    ).slug


if __name__ == "__main__":
    print(json.dumps(set_stage(int(sys.argv[1]))))
