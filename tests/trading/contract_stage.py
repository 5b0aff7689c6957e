"""Sets the stage of the tests of contracts on a private stack: a venue with a spot market, a perpetual whose price is
known, and an event of three outcomes; traders with their keys and a signed-in browser session each.

``python -m tests.trading.contract_stage PEOPLE`` prints JSON: ``{"venue", "event", "outcomes", "people": [{"key",
"secret", "passphrase", "account", "session"}]}``.
"""

import json
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

import exchange_kernel as kernel  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import AbstractBaseUser  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from exchange_os.demo.stage import (  # noqa: E402
    VenuePlan,
    claim_from_faucet,
    deposit_all,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
)
from exchange_os.engine import client  # noqa: E402
from exchange_os.ledger.selectors import asset_by_symbol, to_units  # noqa: E402
from tests.trading.stage import MARKETS, PASSWORD, key_of  # noqa: E402
from venues.models import Event, Market, Venue  # noqa: E402

CLOSES = timezone.now() + timedelta(days=30)
PERPETUAL = {
    "kind": "swap", "base": "BTC", "quote": "USD", "contract_value": "0.001", "tick_size": "0.1",
    "reference_price": "50000", "max_leverage": "20", "tier_value": "50000", "band_percent": "5",
    "maker_fee_percent": "0.02", "taker_fee_percent": "0.05", "sources": f"push {'A' * 43}=",
}  # fmt: skip
EVENT = {
    "kind": "outcome", "event_kind": "multiple", "title": "Who wins the cup?", "series": "cup", "code": "final",
    "category": "Football", "quote": "USD", "closes": f"{CLOSES:%Y-%m-%d %H:%M}", "window_hours": "2",
    "tick_size": "0.01", "rules": "The winner after penalties, if there are any.", "source": "https://example.com/cup",
    "cut_off": "The end of the match.", "tie": "Penalties decide.", "void": "The match is abandoned.",
    "outcomes": "Argentina\nFrance\nAny other", "maker_fee_percent": "0", "taker_fee_percent": "1",
}  # fmt: skip
PRICE_TICKS = 500_000
STALE_MS = 3_600_000  # longer than the tests
SOURCES = 3
USD, BTC = "50000", "0.5"


def tell_price(venue: Venue, market: Market) -> None:
    """Three sources that agree on the price of the perpetual, which stays fresh for as long as the tests last."""
    now = time.time_ns() // 1_000_000
    observed = [
        (kernel.PRICE_INDEX, market.number, source, PRICE_TICKS, now) for source in range(1, SOURCES + 1)
    ]
    for frame in (
        kernel.set_price_rules(market.number, stale_ms=STALE_MS),
        kernel.observe_prices(observed),
    ):
        ack = client.submit(venue.group_id, frame)
        assert ack.code == 0, kernel.REJECTS[ack.code]


def session_of(user: AbstractBaseUser) -> str:
    """A signed-in session, as a browser would keep it."""
    browser = Client()
    browser.force_login(user)
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def set_stage(people: int) -> dict[str, Any]:
    """Make everything; people are numbered from 0, and the last one has BTC, too."""
    deployer = ensure_person("pit@test.example", None)
    ensure_stake(deployer, "Pit")
    plan = VenuePlan("pit", "The Pit", "#2f6feb", "A venue of contracts.", (MARKETS[0], PERPETUAL, EVENT))
    venue = ensure_venue(deployer, plan)
    tell_price(venue, Market.objects.get(venue=venue, symbol="BTC-USD-SWAP"))
    usd, cast, deposits = asset_by_symbol("USD"), [], []
    for number in range(people):
        user = ensure_person(f"pit{number}@test.example", PASSWORD)
        claim_from_faucet(user, "USD", 3)
        account = ensure_trading_account(user, venue)
        deposits.append((user, venue, account.number, usd, to_units(USD, usd)))
        cast.append(
            {
                **key_of(account, ["read", "trade", "withdraw"]),
                "account": account.number,
                "session": session_of(user),
            }
        )
    claim_from_faucet(user, "BTC", 1)
    btc = asset_by_symbol("BTC")
    deposits.append((user, venue, account.number, btc, to_units(BTC, btc)))
    deposit_all(deposits)
    event = Event.objects.get(venue=venue)
    outcomes = list(event.markets.order_by("outcome").values_list("symbol", flat=True))
    return {"venue": venue.slug, "event": event.code, "outcomes": outcomes, "people": cast}


if __name__ == "__main__":
    print(json.dumps(set_stage(int(sys.argv[1]))))
