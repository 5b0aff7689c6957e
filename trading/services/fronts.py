"""The trader's part of fronts: the account that is paid, and accounts that may only reduce when a front is over."""

import logging

from exchange_os.errors import DomainError
from trading.models import TradingAccount
from trading.services.accounts import ensure_account
from trading.services.permissions import REDUCE_ONLY
from venues.models import Fronting, FrontState
from venues.services.account_settings import tell_account
from venues.services.fronts import begin_closing, finish_closing, open_front

log = logging.getLogger(__name__)


def follow_fronts() -> int:
    """Open fronts that were consented to and close those whose notice has passed; how many took their step."""
    moved = 0
    waiting = Fronting.objects.filter(
        state__in=[FrontState.CONSENTED, FrontState.ENDING, FrontState.CLOSING]
    ).select_related("front__deployer__user", "owner__deployer")
    for fronting in waiting:
        try:
            opens = fronting.state == FrontState.CONSENTED
            moved += _open(fronting) if opens else _close(fronting)
        except DomainError as away:
            log.warning("front %s waits: %s", fronting.front.slug, away.message)
    return moved


def _open(fronting: Fronting) -> bool:
    """Its deployer's account at the owner's venue is the one that builder fees are paid to."""
    account = ensure_account(fronting.front.deployer.user, fronting.owner)
    open_front(fronting, account.number)
    return True


def _close(fronting: Fronting) -> bool:
    if not begin_closing(fronting):
        return False
    accounts = TradingAccount.objects.filter(venue=fronting.front, opened_at__isnull=False)
    for number in accounts.order_by("number").values_list("number", flat=True):
        tell_account(fronting.front.group_id, number, add_flags=REDUCE_ONLY)
    finish_closing(fronting)
    return True
