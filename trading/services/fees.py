"""What accounts paid in trading fees: added up from their fills, each read once."""

from collections import Counter
from collections.abc import Sequence

from django.db import transaction

from exchange_os.engine.history import fees_from
from trading.models import FeesPaid, TradingAccount

#: Pages of fills read for one account in one call: a long past is added up over several, none of which waits for it.
PAGES_AT_ONCE = 100


def fees_paid(accounts: Sequence[TradingAccount]) -> tuple[dict[int, int], bool]:
    """``{asset id: units}`` paid by accounts since they were opened, rebates taken off; and whether that is all.

    Fills since the last call are added. A very long history is read over several calls, some thousand fills each.
    """
    marks = dict(FeesPaid.objects.filter(account__in=accounts, asset=None).values_list("account_id", "upto"))
    all_read = True
    for account in accounts:
        news, _ = fees_from(account.venue.group_id, account.number, marks.get(account.pk, 0), 1)
        all_read &= _add(account) if news else True
    paid: Counter[int] = Counter()
    for asset_id, units in FeesPaid.objects.filter(account__in=accounts, asset__isnull=False).values_list(
        "asset_id", "units"
    ):
        paid[asset_id] += units
    return dict(paid), all_read


def _add(account: TradingAccount) -> bool:
    """Add the fills after the mark, which nobody else moves meanwhile; whether those are all."""
    with transaction.atomic():
        FeesPaid.objects.get_or_create(account=account, asset=None)
        mark = FeesPaid.objects.select_for_update().get(account=account, asset=None)
        fees, whole = fees_from(account.venue.group_id, account.number, mark.upto, PAGES_AT_ONCE)
        added: Counter[int] = Counter()
        for _, asset_id, units in fees:
            added[asset_id] += units
        for asset_id, units in added.items():
            row, _ = FeesPaid.objects.get_or_create(account=account, asset_id=asset_id)
            row.units += units
            row.save()
        if fees:
            mark.upto = fees[-1][0]
            mark.save()
    return whole
