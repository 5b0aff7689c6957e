"""Sets the stage of the walks through the pages: a venue and a maker whose orders rest on both sides of its book.

``python -m tests.pages.stage`` prints JSON: ``{"venue": slug, "symbol": market, "console": the venue's number, "owner":
a session}``. It runs in a process of its own, because the private stack has a database of its own.
"""

import json
from decimal import Decimal

import django

django.setup()

from exchange_os.demo.stage import (  # noqa: E402
    VenuePlan,
    claim_from_faucet,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    move_to_venue,
)
from tests.trading.contract_stage import session_of  # noqa: E402
from trading.services.orders import OrderDraft, place_order  # noqa: E402
from venues.selectors import market_by_symbol  # noqa: E402

MARKETS = (
    {
        "base": "BTC", "quote": "USD", "tick_size": "0.5", "lot_size": "0.0001", "min_size": "0.0001",
        "reference_price": "65000", "band_percent": "20", "maker_fee_percent": "0.02", "taker_fee_percent": "0.05",
    },
)  # fmt: skip
LEVELS = 20


def main() -> None:
    """Make everything and print where it is."""
    deployer = ensure_person("deployer@test.example", None)
    ensure_stake(deployer, "Stage Hands")
    plan = VenuePlan("globe", "Globe Theatre", "#0ca678", "All the world's a market.", MARKETS)
    venue = ensure_venue(deployer, plan)
    maker = ensure_person("maker@test.example", None)
    for symbol in ("USD", "BTC"):
        claim_from_faucet(maker, symbol, 3)
    account = ensure_trading_account(maker, venue)
    move_to_venue(maker, account, {"USD": "20000", "BTC": "0.5"})
    market = market_by_symbol(venue, "BTC-USD")
    for rank in range(1, LEVELS + 1):
        for side, price in (("buy", 65_000 - rank * 5), ("sell", 65_000 + rank * 5)):
            size = Decimal("0.05" if rank == 1 else "0.01")  # several walks trade with the first
            place_order(account, market, OrderDraft(side, size, price=Decimal(price)))
    console = {"console": str(venue.pk), "owner": session_of(deployer)}
    print(json.dumps({"venue": venue.slug, "symbol": market.symbol, **console}))


if __name__ == "__main__":
    main()
