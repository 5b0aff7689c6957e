"""Seeding the demo once: people, funds, stake, the demo venue with its markets, and the bots with their keys.

Repeating it is harmless and cheap: it finds what is there. The bots' keys are kept in ``DATA_DIR/demo-keys.json``,
readable by this user only, since a secret is shown once; if the file is lost, new keys are made.
"""

import json
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from exchange_os.demo import cast
from exchange_os.demo.client import Credentials
from exchange_os.demo.committee import seed_committee
from exchange_os.demo.feeds import ensure_feed_keys, name_sources
from exchange_os.demo.stage import (
    claim_from_faucet,
    ensure_listing,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    make_credentials,
    move_to_venue,
)
from exchange_os.embedded.keys import write_private
from exchange_os.ledger.models import Transfer
from trading.models import ApiKey
from venues.contract_specs import perpetual_spec
from venues.event_specs import event_spec
from venues.models import Event, Market, Phase, Venue
from venues.selectors import deployer_of


def keys_path() -> Path:
    """Where the bots' keys are kept."""
    return Path(settings.DATA_DIR) / "demo-keys.json"


def seed_demo() -> Venue:
    """Make the demo, or find it made; answers its venue once it trades. Raises what the steps of the stage raise."""
    trader, deployer = (ensure_person(person.email, person.password) for person in cast.PEOPLE)
    if deployer_of(deployer.pk) is None or not Venue.objects.filter(slug=cast.VENUE.slug).exists():
        ensure_stake(deployer, cast.DEPLOYER_NAME)
    venue = ensure_venue(deployer, cast.VENUE)
    _ensure_contracts(deployer, venue)
    for bot in cast.BOTS:
        _fund_once(ensure_person(cast.bot_email(bot), None), venue, cast.BOT_FUNDS, cast.BOT_PORTIONS)
    _fund_once(trader, venue, cast.TRADER_FUNDS, 1)
    _ensure_bot_keys(venue)
    seed_committee(trader)
    return venue


def load_bot_keys() -> dict[str, Credentials]:
    """The bots' keys by bot, empty if the demo was not seeded here."""
    path = keys_path()
    if not path.exists():
        return {}
    try:
        return {bot: Credentials(**members) for bot, members in json.loads(path.read_text()).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _ensure_contracts(deployer: AbstractBaseUser, venue: Venue) -> None:
    """List the perpetual with its synthetic sources and the event, whichever is missing."""
    there = Market.objects.filter(venue=venue).exclude(phase=Phase.PENDING)
    if not there.filter(symbol=cast.PERPETUAL_SYMBOL).exists():
        sources = "\n".join(f"push {key}" for key in ensure_feed_keys().values())
        ensure_listing(deployer, venue, perpetual_spec({**cast.PERPETUAL, "sources": sources}))
    name_sources(venue.group_id, there.get(symbol=cast.PERPETUAL_SYMBOL).number)
    event = Event.objects.filter(venue=venue, series=cast.EVENT_SERIES)
    if not event.exists() or Market.objects.filter(event__in=event, phase=Phase.PENDING).exists():
        ensure_listing(deployer, venue, event_spec(cast.EVENT))


def _fund_once(user: AbstractBaseUser, venue: Venue, funds: dict[str, str], portions: int) -> None:
    """Open the user's account and move funds from the faucet there, unless something was ever moved."""
    account = ensure_trading_account(user, venue)
    if Transfer.objects.filter(user_id=user.pk, group_id=venue.group_id).exists():
        return
    for symbol in funds:
        claim_from_faucet(user, symbol, portions)
    move_to_venue(user, account, funds)


def _ensure_bot_keys(venue: Venue) -> None:
    """Make keys for the bots and keep them, unless the kept ones are all there and live."""
    accounts = {
        bot: ensure_trading_account(ensure_person(cast.bot_email(bot), None), venue) for bot in cast.BOTS
    }
    kept = load_bot_keys()
    live = ApiKey.objects.filter(account__in=list(accounts.values()), label="demo flow", revoked_at=None)
    if set(kept) == set(cast.BOTS) and live.count() >= len(cast.BOTS):
        return
    made = {bot: make_credentials(account, "demo flow") for bot, account in accounts.items()}
    members = {
        bot: {"key": item.key, "secret": item.secret, "passphrase": item.passphrase}
        for bot, item in made.items()
    }
    write_private(keys_path(), json.dumps(members, indent=2) + "\n")
