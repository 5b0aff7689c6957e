"""What accounts paid in trading fees: added up from their fills, each read once.

A page reads what is new, a little at a time; a past that is longer is added up in the background.
"""

import time
from collections import Counter
from collections.abc import Sequence

from django.db import transaction

from exchange_os.engine.history import fees_from
from trading.models import FeesPaid, TradingAccount

#: Pages of fills that are read of one account while somebody waits, and at once in the background.
PAGES_FOR_A_PAGE, PAGES_AT_ONCE = 20, 400
SWEEP_SECONDS = 30.0


def fees_paid(accounts: Sequence[TradingAccount]) -> tuple[dict[int, int], bool]:
    """``{asset id: units}`` paid by accounts since they were opened, rebates taken off; and whether that is all.

    Fills since the last call are added, some hundred of an account; ``catch_up`` adds what that leaves.
    """
    marks = dict(FeesPaid.objects.filter(account__in=accounts, asset=None).values_list("account_id", "upto"))
    all_read = True
    for account in accounts:
        news, _ = fees_from(account.venue.group_id, account.number, marks.get(account.pk, 0), 1)
        all_read &= _add(account, PAGES_FOR_A_PAGE) if news else True
    paid: Counter[int] = Counter()
    for asset_id, units in FeesPaid.objects.filter(account__in=accounts, asset__isnull=False).values_list(
        "asset_id", "units"
    ):
        paid[asset_id] += units
    return dict(paid), all_read


def catch_up() -> None:
    """Add up what is left of the past of accounts that somebody has looked at."""
    until = time.monotonic() + SWEEP_SECONDS
    behind = FeesPaid.objects.filter(asset=None, behind=True).select_related("account__venue")
    for mark in behind.order_by("pk"):
        while time.monotonic() < until and not _add(mark.account, PAGES_AT_ONCE):
            pass


def _add(account: TradingAccount, pages: int) -> bool:
    """Add the fills after the mark, which nobody else moves meanwhile; whether those are all."""
    with transaction.atomic():
        FeesPaid.objects.get_or_create(account=account, asset=None)
        mark = FeesPaid.objects.select_for_update().get(account=account, asset=None)
        fees, whole = fees_from(account.venue.group_id, account.number, mark.upto, pages)
        added: Counter[int] = Counter()
        for _, asset_id, units in fees:
            added[asset_id] += units
        for asset_id, units in added.items():
            row, _ = FeesPaid.objects.get_or_create(account=account, asset_id=asset_id)
            row.units += units
            row.save()
        if fees or mark.behind == whole:
            mark.upto = fees[-1][0] if fees else mark.upto
            mark.behind = not whole
            mark.save()
    return whole
