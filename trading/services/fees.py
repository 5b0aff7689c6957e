"""What an account paid in trading fees: added up from its fills, each read once."""

from collections import Counter

from django.db import transaction

from exchange_os.engine.history import fees_from
from trading.models import FeesPaid, TradingAccount

PAGES_AT_ONCE = 400


def fees_paid(account: TradingAccount) -> tuple[dict[int, int], bool]:
    """``{asset id: units}`` paid by the account since it was opened, rebates taken off; and whether that is all.

    Fills since the last call are added. A very long history is read over several calls, some thousand fills each.
    """
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
        rows = FeesPaid.objects.filter(account=account, asset__isnull=False)
        return dict(rows.values_list("asset_id", "units")), whole
