"""How tests look at the whole ledger at once."""

from exchange_os.ledger.models import Entry, LedgerAccount, Posting, Transfer


def picture() -> tuple[object, ...]:
    """Everything that may move: equal before and after means that nothing moved."""
    return (
        sorted(
            LedgerAccount.objects.exclude(balance=0).values_list("kind", "owner_id", "asset_id", "balance")
        ),
        Posting.objects.count(),
        Entry.objects.count(),
        sorted(Transfer.objects.values_list("pk", "state", "code")),
    )
