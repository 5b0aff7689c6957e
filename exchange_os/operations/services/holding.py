"""Liquidations held back: the kernel of every group with perpetuals is told what the switches say, and ends it itself.

A hold is a time that has to come, so telling it twice does nothing more, and one whose end nobody tells lapses.
"""

from datetime import datetime

import exchange_kernel as kernel
import structlog
from celery import current_app
from django.utils import timezone
from kombu.exceptions import KombuError, OperationalError

from exchange_os.engine import client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Pause, PauseFunction
from exchange_os.operations.models import LiquidationHold
from venues.models import Market, MarketKind
from venues.selectors import LIVE_STATES

log = structlog.get_logger(__name__)

TASK = "operations.tell_holds"


def tell_holds() -> int:
    """Tell every risk group what it was not told yet, and forget pauses whose time is up; how many were told.

    A group that is away is told the next time.
    """
    now = timezone.now()
    Pause.objects.filter(until__lte=now).delete()
    wanted, told = _wanted(), 0
    known = {row.group_id: row for row in LiquidationHold.objects.all()}
    for group, until in wanted.items():
        row = known.get(group)
        if row is None or row.until != until or not row.told:
            LiquidationHold.objects.update_or_create(group_id=group, defaults={"until": until, "told": False})
            told += _tell(group, until)
    for group in known.keys() - wanted.keys():
        if known[group].until <= now or _tell(group, None):
            told += known[group].until > now
            LiquidationHold.objects.filter(group_id=group, until=known[group].until).delete()
    return told


def _wanted() -> dict[int, datetime]:
    """Until when each risk group with perpetuals holds its liquidations back; none is there that does not."""
    standing = Pause.objects.standing().filter(function=PauseFunction.LIQUIDATE)
    pauses = {row.group_id: row.until for row in standing if row.until}
    if not pauses:
        return {}
    perpetuals = Market.objects.filter(kind=MarketKind.PERPETUAL, venue__state__in=LIVE_STATES)
    groups = perpetuals.values_list("venue__group_id", flat=True).order_by().distinct()
    return {
        group: max(pauses[at] for at in (0, group) if at in pauses)
        for group in groups
        if pauses.keys() & {0, group}
    }


def _tell(group: int, until: datetime | None) -> bool:
    try:
        ack = client.submit(group, kernel.hold_liquidations(int(until.timestamp() * 1000) if until else 0))
    except DomainError as away:
        log.warning("hold_not_told", group=group, code=away.code)
        return False
    if ack.code:
        log.error("hold_refused", group=group, reject=kernel.REJECTS[ack.code][0])
        return False
    log.warning("hold_told", group=group, until=until and until.isoformat())
    if until:
        LiquidationHold.objects.filter(group_id=group, until=until).update(told=True)
    return True


def send_holds() -> None:
    """Ask a worker to tell it now; a lost message is made up by the next sweep."""
    try:
        current_app.send_task(TASK, retry=False, ignore_result=True, expires=60)
    except (KombuError, OperationalError, OSError) as error:
        log.warning("holds_not_sent", error=str(error))
