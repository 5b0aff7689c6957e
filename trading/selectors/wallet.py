"""What a trader has outside the venues, and how transfers fare."""

from exchange_os.ledger.models import AccountKind, Asset, Transfer
from exchange_os.ledger.selectors import balances_of


def wallet_balances(user_id: int) -> list[tuple[Asset, int]]:
    """Assets in the user's wallet and their units, by symbol; empty ones are left out."""
    units = {asset_id: amount for (_, asset_id), amount in balances_of(user_id, [AccountKind.WALLET]).items()}
    return [(asset, units[asset.pk]) for asset in Asset.objects.filter(pk__in=units).order_by("symbol")]


def transfer_of(user_id: int, group_id: int, transfer_id: int) -> Transfer | None:
    """A transfer of the user to or from the risk group; ``None`` if they have none such."""
    rows = Transfer.objects.filter(pk=transfer_id, user_id=user_id, group_id=group_id).select_related("asset")
    return rows.first()
