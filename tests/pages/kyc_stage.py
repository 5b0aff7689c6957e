"""Sets the stage of the walk through a regulated venue: its desk, an officer, a maker who is known there and quotes.

``python -m tests.pages.kyc_stage`` prints JSON: ``{"venue", "symbol", "venue_id", "officer": session,
"case"}``, the case being the maker's, approved.
"""

import json
from decimal import Decimal
from typing import Any

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
from tests.pages.stage import MARKETS  # noqa: E402
from tests.trading.contract_stage import session_of  # noqa: E402
from tests.venues.access_cast import approved  # noqa: E402
from trading.services.orders import OrderDraft, place_order  # noqa: E402
from venues.models import Role, VenueMember  # noqa: E402
from venues.selectors import market_by_symbol  # noqa: E402
from venues.services.access_policies import ask_for_credentials  # noqa: E402


def main() -> dict[str, Any]:
    """Make everything."""
    deployer = ensure_person("fund@test.example", None)
    ensure_stake(deployer, "Meridian Asset Management")
    plan = VenuePlan("meridian", "Meridian Fund", "#0b7285", "A fund for those it knows.", MARKETS)
    venue = ensure_venue(deployer, plan)
    ask_for_credentials(deployer, venue, level=2, blocked=["KP"])
    venue.refresh_from_db()
    officer, maker = (ensure_person(f"{name}@test.example", None) for name in ("officer", "known-maker"))
    VenueMember.objects.create(venue=venue, user=officer, role=Role.COMPLIANCE)
    known = approved(officer, maker, venue.issuers.get(), venue, name="Mira Maker")
    for symbol in ("USD", "BTC"):
        claim_from_faucet(maker, symbol, 1)
    account = ensure_trading_account(maker, venue)
    move_to_venue(maker, account, {"BTC": "0.2"})
    market = market_by_symbol(venue, "BTC-USD")
    place_order(account, market, OrderDraft("sell", Decimal("0.1"), price=Decimal("65005")))
    return {
        "venue": venue.slug,
        "symbol": market.symbol,
        "venue_id": venue.pk,
        "officer": session_of(officer),
        "case": known.case_id,
    }


if __name__ == "__main__":
    print(json.dumps(main()))
