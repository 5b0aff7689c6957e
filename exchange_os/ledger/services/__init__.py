"""The verbs of the ledger; every one that moves money ends in ``post_transfers``."""

from exchange_os.ledger.seeds import seed_assets
from exchange_os.ledger.selectors import pending_transfers
from exchange_os.ledger.services.assets import check_symbol, create_asset, lookalikes
from exchange_os.ledger.services.check import LedgerReport, check_ledger, escrow_totals
from exchange_os.ledger.services.postings import Movement, post_transfer, post_transfers
from exchange_os.ledger.services.stakes import add_stake, take_stake_back
from exchange_os.ledger.services.transfers import (
    Settled,
    request_deposit,
    request_withdrawal,
    settle_transfers,
    transfer_named,
)

__all__ = [
    "LedgerReport",
    "Movement",
    "Settled",
    "add_stake",
    "check_ledger",
    "check_symbol",
    "create_asset",
    "escrow_totals",
    "lookalikes",
    "pending_transfers",
    "post_transfer",
    "post_transfers",
    "request_deposit",
    "request_withdrawal",
    "seed_assets",
    "settle_transfers",
    "take_stake_back",
    "transfer_named",
]
