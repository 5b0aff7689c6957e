"""The demo's regulated venue: shares of a fund that its deployer issues, traded by verified holders.

Made through the wizard's services from the template, as any deployer would. The issuer quotes the shares with orders
that rest; to trade them a visitor applies to the venue's desk, which the demo's deployer runs.
"""

import logging
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.demo import cast
from exchange_os.demo.stage import (
    PATIENCE_SECONDS,
    claim_from_faucet,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    move_to_venue,
    wait_for,
)
from exchange_os.ledger.models import Transfer
from trading.models import TradingAccount
from trading.selectors.orders import open_orders
from trading.services.orders import OrderDraft, place_order
from venues.launch_templates import BY_KEY
from venues.models import Credential, Issuer, Role, Venue, VenueMember, VenueState
from venues.selectors import market_by_symbol
from venues.services import launch_venue
from venues.services.drafts import new_draft
from venues.services.kyc_cases import Details, apply_for, approve_case
from venues.services.kyc_documents import Upload

log = logging.getLogger(__name__)

SLUG, SYMBOL = "demo-fund", "DFUND"
NAME, DESCRIPTION = (
    "Demo Fund",
    "Shares of a demonstration fund, for holders whom its desk has verified. Test money.",
)
FUNDS = {SYMBOL: "50000", "USD": "50000"}
FAIR, STEP, LEVELS, SHARES = Decimal("100.00"), Decimal("0.05"), 8, Decimal(10)


def ensure_fund() -> Venue:
    """The venue, launched if it is not there, with the issuer's orders. Raises what the steps raise."""
    deployer = ensure_person(cast.DEPLOYER.email, cast.DEPLOYER.password)
    venue = Venue.objects.filter(slug=SLUG).exclude(state=VenueState.FAILED).first()
    if venue is None:
        ensure_stake(deployer, cast.DEPLOYER_NAME)
        template = BY_KEY["fund"]
        form = {**template.venue, "name": NAME, "slug": SLUG, "description": DESCRIPTION}
        asset = {**template.assets[0], "symbol": SYMBOL, "name": "Demo Fund share"}
        market = {**template.markets[0], "base": SYMBOL}
        draft = new_draft(deployer, {"venue": form, "assets": [asset], "markets": [market]})
        venue = launch_venue(deployer, draft)

    def opened() -> bool:
        venue.refresh_from_db()
        return venue.state != VenueState.LAUNCHING

    wait_for(opened, f"the venue {SLUG} to open", PATIENCE_SECONDS)
    _verify(deployer, venue)
    account = ensure_trading_account(deployer, venue)
    if not Transfer.objects.filter(user_id=deployer.pk, group_id=venue.group_id).exists():
        claim_from_faucet(deployer, "USD", 1)
        move_to_venue(deployer, account, FUNDS)
    if not open_orders(account):
        _quote(account, venue)
    return venue


def _verify(deployer: AbstractBaseUser, venue: Venue) -> None:
    """The issuer is verified like anyone, by an officer of the desk who is somebody else."""
    desk = Issuer.objects.get(venue=venue)
    if Credential.objects.filter(holder_id=deployer.pk, issuer=desk).exists():
        return
    officer = ensure_person("compliance@bots.demo.example", None)
    VenueMember.objects.get_or_create(venue=venue, user_id=officer.pk, role=Role.COMPLIANCE)
    details = Details(
        name="Dana Deployer", born="1980-05-17", country="CH", address="1 Demo Street, 8001 Zurich"
    )
    case = apply_for(deployer, desk, 2, details, [Upload("identity", b"%PDF-1.7 demonstration")], venue)
    approve_case(officer, venue, case.pk)


def _quote(account: TradingAccount, venue: Venue) -> None:
    """Orders around the share's value, larger further out."""
    market = market_by_symbol(venue, f"{SYMBOL}-USD")
    for level in range(1, LEVELS + 1):
        for side, sign in (("buy", -1), ("sell", 1)):
            price = FAIR + sign * STEP * level
            place_order(account, market, OrderDraft(side, SHARES * level, price=price))
