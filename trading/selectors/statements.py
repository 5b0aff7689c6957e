"""Statements of the wallet by month (UTC): what it held, what moved by kind, and what it holds, asset by asset."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from django.db.models import Q, Sum

from exchange_os.ledger.models import AccountKind, Asset, Entry, PostingKind
from exchange_os.ledger.selectors import listed_assets


@dataclass
class Statement:
    """One asset in one month; units. ``opening`` and the ``movements`` (kind, in, out) add up to ``closing``."""

    asset: Asset
    opening: int = 0
    closing: int = 0
    movements: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def balances(self) -> bool:
        """Whether it adds up."""
        return self.opening + sum(come + gone for _, come, gone in self.movements) == self.closing


def month_bounds(month: date) -> tuple[datetime, datetime]:
    """Start of the month and of the next one, UTC."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return start, datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def statements(user_id: int, month: date) -> list[Statement]:
    """The wallet's statements of a month, of each asset that was held or moved."""
    start, end = month_bounds(month)
    entries = Entry.objects.filter(account__kind=AccountKind.WALLET, account__owner_id=user_id)
    sums = entries.values("account__asset").annotate(
        opening=Sum("amount", filter=Q(posting__created__lt=start)),
        closing=Sum("amount", filter=Q(posting__created__lt=end)),
    )
    assets = {asset.pk: asset for asset in listed_assets()}
    found = {
        row["account__asset"]: Statement(
            assets[row["account__asset"]], int(row["opening"] or 0), int(row["closing"] or 0)
        )
        for row in sums
    }
    inside = entries.filter(posting__created__gte=start, posting__created__lt=end)
    kinds = inside.values("account__asset", "posting__kind").annotate(
        come=Sum("amount", filter=Q(amount__gt=0)), gone=Sum("amount", filter=Q(amount__lt=0))
    )
    for row in kinds.order_by("account__asset", "posting__kind"):
        name = PostingKind(row["posting__kind"]).label
        moved = (str(name), int(row["come"] or 0), int(row["gone"] or 0))
        found[row["account__asset"]].movements.append(moved)
    shown = [each for each in found.values() if each.opening or each.closing or each.movements]
    return sorted(shown, key=lambda each: each.asset.symbol)
