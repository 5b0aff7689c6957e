"""The verbs of the ledger; every one that moves money ends in ``post_transfers``."""

from exchange_os.ledger.seeds import seed_assets
from exchange_os.ledger.selectors import pending_transfers
from exchange_os.ledger.services.assets import (
    AssetSpec,
    asset_spec,
    check_symbol,
    create_asset,
    give_back_symbols,
    issue_asset,
    lookalikes,
    reserve_asset,
    set_grade,
)
from exchange_os.ledger.services.check import LedgerReport, check_ledger, escrow_totals
from exchange_os.ledger.services.postings import Movement, post_transfer, post_transfers
from exchange_os.ledger.services.slashing import slash, slashable
from exchange_os.ledger.services.stakes import (
    add_stake,
    begin_unbonding,
    claim_release,
    finish_matured,
    finish_unbonding,
    lift_hold,
    place_hold,
)
from exchange_os.ledger.services.transfers import (
    Settled,
    request_deposit,
    request_withdrawal,
    settle_transfers,
    transfer_named,
)

__all__ = [
    "AssetSpec",
    "LedgerReport",
    "Movement",
    "Settled",
    "add_stake",
    "asset_spec",
    "begin_unbonding",
    "check_ledger",
    "check_symbol",
    "claim_release",
    "create_asset",
    "escrow_totals",
    "finish_matured",
    "finish_unbonding",
    "give_back_symbols",
    "issue_asset",
    "lift_hold",
    "lookalikes",
    "pending_transfers",
    "place_hold",
    "post_transfer",
    "post_transfers",
    "request_deposit",
    "request_withdrawal",
    "reserve_asset",
    "seed_assets",
    "set_grade",
    "settle_transfers",
    "slash",
    "slashable",
    "transfer_named",
]
