"""Launching the cup's venue once, through the wizard's services, and the bots that trade there."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from exchange_os.demo import cast
from exchange_os.demo.client import Credentials
from exchange_os.demo.stage import (
    VenuePlan,
    claim_from_faucet,
    ensure_person,
    ensure_stake,
    ensure_trading_account,
    ensure_venue,
    make_credentials,
    move_to_venue,
)
from exchange_os.demo.worldcup import listing
from exchange_os.embedded.keys import write_private
from exchange_os.ledger.models import Transfer
from trading.models import ApiKey
from venues.models import Venue, VenueState

log = logging.getLogger(__name__)

QUOTER, CROWD = "cup-maker", "cup-taker"
BOTS = (QUOTER, CROWD)
FUNDS = {"USD": "290000"}
TRADER_FUNDS = {"USD": "20000"}
KEY_LABEL = "demo cup"
LAUNCH_SECONDS = 120.0
#: The source of every result, as the events name it.
SOURCE = f"The simulated tournament of this demonstration, at {listing.ADDRESS} of this exchange."

Say = Callable[[str], None]


def ensure_cup(say: Say = log.info) -> Venue:
    """The cup's venue, launched if it is not there, with funded bots. Raises what the steps of the stage raise."""
    deployer = ensure_person(cast.DEPLOYER.email, cast.DEPLOYER.password)
    venue = Venue.objects.filter(slug=listing.SLUG).exclude(state=VenueState.FAILED).first()
    if venue is None:
        ensure_stake(deployer, cast.DEPLOYER_NAME)
        begins = listing.whole_minute(timezone.now() + listing.LEAD)
        forms = listing.opening_forms(begins, SOURCE)
        say(f"{listing.NAME}: launching {len(forms)} events; the first match begins at {begins:%H:%M} UTC")
        form = listing.venue_form()
        plan = VenuePlan(form["slug"], form["name"], form["accent"], form["description"], tuple(forms))
        venue = ensure_venue(deployer, plan, LAUNCH_SECONDS)
    else:
        venue = ensure_venue(deployer, VenuePlan(listing.SLUG, "", "", "", ()), LAUNCH_SECONDS)
    say(f"{listing.NAME}: open at /v/{venue.slug}/")
    _fund(venue)
    return venue


def load_keys(venue: Venue) -> dict[str, Credentials]:
    """The bots' keys, made anew if the kept ones are not all there and live."""
    path = Path(settings.DATA_DIR) / "demo-cup-keys.json"
    accounts = {bot: ensure_trading_account(ensure_person(cast.bot_email(bot), None), venue) for bot in BOTS}
    live = ApiKey.objects.filter(account__in=list(accounts.values()), label=KEY_LABEL, revoked_at=None)
    try:
        kept = {bot: Credentials(**members) for bot, members in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        kept = {}
    if set(kept) == set(BOTS) and live.count() >= len(BOTS):
        return kept
    made = {bot: make_credentials(account, KEY_LABEL) for bot, account in accounts.items()}
    members = {
        bot: {"key": each.key, "secret": each.secret, "passphrase": each.passphrase}
        for bot, each in made.items()
    }
    write_private(path, json.dumps(members, indent=2) + "\n")
    return made


def _fund(venue: Venue) -> None:
    """Money for the bots and, for a start, for the demo's trader; once."""
    trader = ensure_person(cast.TRADER.email, cast.TRADER.password)
    people = [(ensure_person(cast.bot_email(bot), None), FUNDS, cast.BOT_PORTIONS) for bot in BOTS]
    for user, funds, portions in [*people, (trader, TRADER_FUNDS, 1)]:
        account = ensure_trading_account(user, venue)
        if Transfer.objects.filter(user_id=user.pk, group_id=venue.group_id).exists():
            continue
        for symbol in funds:
            claim_from_faucet(user, symbol, portions)
        move_to_venue(user, account, funds)
