"""Setting a stage: people, funds, a venue with its markets, accounts and keys, through the public services only.

Each step does what a person would do on the pages, under the same rules and limits, and can be repeated: what is there
already is left as it is. The steps need a running engine worker and default worker, as the pages do.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from exchange_os.demo.client import Credentials
from exchange_os.errors import DomainError
from exchange_os.ledger.faucet import FUNDING_SOURCE
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import asset_by_symbol, stake_asset, to_units, wallet_balance
from trading.models import TradingAccount
from trading.services.accounts import ensure_account
from trading.services.keys import create_api_key
from venues.models import Market, Phase, Venue, VenueState
from venues.selectors import deployer_of, stake_standing
from venues.services import add_market, launch_venue, register_deployer, stake, start_deposit
from venues.services.drafts import new_draft, save_markets_step, save_venue_step
from venues.specs import Listing

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class VenuePlan:
    """A venue as its deployer would type it; markets as in the launch form, all values text."""

    slug: str
    name: str
    accent: str
    description: str
    markets: tuple[Mapping[str, str], ...]


class StageError(DomainError):
    """A step did not finish in time: a worker is not running."""


def ensure_person(email: str, password: str | None) -> AbstractBaseUser:
    """The user with this address, made with it confirmed if there is none; without a password nobody can sign in."""
    users = get_user_model()
    user = users.objects.filter(email=email).first()
    if user is None:
        user = users.objects.create_user(username=email, email=email, password=password)
    EmailAddress.objects.get_or_create(user=user, email=email, defaults={"verified": True, "primary": True})
    return user


def claim_from_faucet(user: AbstractBaseUser, symbol: str, portions: int) -> None:
    """Take up to ``portions`` portions of a test asset; fewer if today's limit is reached first."""
    asset = asset_by_symbol(symbol)
    for _ in range(portions):
        try:
            FUNDING_SOURCE.claim(user, asset)
        except DomainError as refused:
            if refused.code != "faucet_limit":
                raise
            return


def ensure_stake(user: AbstractBaseUser, name: str) -> None:
    """Make the user a deployer whose stake can back one more venue, with funds from the faucet."""
    if deployer_of(user.pk) is None:
        register_deployer(user, name)
    short = stake_standing(user.pk).short_for_next
    asset = stake_asset()
    if short and wallet_balance(user.pk, asset) < short:
        claim_from_faucet(user, asset.symbol, 3)
    if short:
        stake(user, short)


def ensure_venue(
    deployer: AbstractBaseUser, plan: VenuePlan, patience_seconds: float = PATIENCE_SECONDS
) -> Venue:
    """The plan's venue, launched if there is none at its address; returns once it trades.

    Raises what a launch raises, and :class:`StageError` if it is not open in time.
    """
    venue = Venue.objects.filter(slug=plan.slug).exclude(state=VenueState.FAILED).first()
    if venue is None:
        draft = new_draft(deployer)
        save_venue_step(
            draft,
            {"name": plan.name, "slug": plan.slug, "accent": plan.accent, "description": plan.description},
        )
        save_markets_step(draft, list(plan.markets))
        venue = launch_venue(deployer, draft)

    def opened() -> bool:
        venue.refresh_from_db()
        return venue.state != VenueState.LAUNCHING

    wait_for(opened, f"the venue {plan.slug} to open", patience_seconds)
    if venue.state == VenueState.FAILED:
        raise StageError("launch_refused", f"The launch of {plan.slug} was refused: {venue.launch_error}")
    return venue


def ensure_listing(deployer: AbstractBaseUser, venue: Venue, spec: Listing) -> list[Market]:
    """The markets of a perpetual or an event at an open venue, added if they are not there; returns once they trade.

    Raises what adding a market raises, and :class:`StageError` if they are refused or not open in time.
    """
    markets = Market.objects.filter(venue=venue, symbol__in=spec.symbols).order_by("number")
    if not markets.exists():
        add_market(deployer, venue, spec)

    def opened() -> bool:
        return not markets.filter(phase=Phase.PENDING).exists()

    wait_for(opened, f"{spec.symbol} to open", PATIENCE_SECONDS)
    if not markets.exists():
        venue.refresh_from_db()
        raise StageError("listing_refused", f"{spec.symbol} was refused: {venue.launch_error}")
    return list(markets.all())


def ensure_trading_account(user: AbstractBaseUser, venue: Venue) -> TradingAccount:
    """The user's account at the venue; waits out a busy engine."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ensure_account(user, venue)
        except DomainError as refused:
            if refused.code not in ("busy", "outcome_unknown") or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def deposit_all(deposits: Iterable[tuple[AbstractBaseUser, Venue, int, Asset, int]]) -> None:
    """Start each deposit (user, venue, account number, asset, units) and wait until all are settled.

    Raises what a deposit raises, and :class:`StageError` if one was refused or is not settled in time.
    """
    started = [
        start_deposit(user, venue, account, asset, units).pk
        for user, venue, account, asset, units in deposits
    ]

    def settled() -> bool:
        return not Transfer.objects.filter(pk__in=started, state=TransferState.REQUESTED).exists()

    wait_for(settled, "deposits to settle", PATIENCE_SECONDS)
    if refused := Transfer.objects.filter(pk__in=started, state=TransferState.REFUSED).first():
        raise StageError("deposit_refused", f"The deposit {refused.pk} was refused with code {refused.code}.")


def move_to_venue(user: AbstractBaseUser, account: TradingAccount, amounts: Mapping[str, str]) -> None:
    """Deposit decimal amounts by symbol from the user's wallet, or what the wallet holds if that is less."""
    deposits = []
    for symbol, text in amounts.items():
        asset = asset_by_symbol(symbol)
        units = min(to_units(text, asset), wallet_balance(user.pk, asset))
        if units:
            deposits.append((user, account.venue, account.number, asset, units))
    deposit_all(deposits)


def make_credentials(account: TradingAccount, label: str) -> Credentials:
    """A new key that may read and trade."""
    key = create_api_key(account, ["read", "trade"], label=label)
    return Credentials(key.key, key.secret, key.passphrase)


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until the condition holds; :class:`StageError` if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StageError("stage_timeout", f"Waited {seconds:.0f} s for {what}; are the workers running?")
        time.sleep(0.1)
