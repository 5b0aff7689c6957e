"""Stake: the bond of a deployer, held in the stake asset."""

from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from exchange_os.ledger.models import PostingKind
from exchange_os.ledger.selectors import amount_words, stake_asset, stake_balance, wallet_balance
from exchange_os.ledger.services.postings import post_transfer, stake_of, wallet


def add_stake(user: AbstractBaseUser, amount: int) -> None:
    """Move ``amount`` units of the stake asset from the user's wallet to stake; ``insufficient_funds`` if short."""
    asset = stake_asset()
    try:
        post_transfer(PostingKind.STAKE, wallet(user.pk, asset.pk), stake_of(user.pk, asset.pk), amount)
    except DomainError as refused:
        if refused.code != "insufficient_funds":
            raise
        held = amount_words(wallet_balance(user.pk, asset), asset)
        raise DomainError(
            "insufficient_funds",
            f"Your wallet holds {held}; take test funds from the faucet or stake less.",
            field="amount",
            available=held,
        ) from refused


def take_stake_back(user: AbstractBaseUser, amount: int) -> None:
    """Move ``amount`` units from stake to the user's wallet; the caller has made sure that they back nothing."""
    asset = stake_asset()
    try:
        post_transfer(
            PostingKind.RELEASE_STAKE, stake_of(user.pk, asset.pk), wallet(user.pk, asset.pk), amount
        )
    except DomainError as refused:
        if refused.code != "insufficient_funds":
            raise
        held = amount_words(stake_balance(user.pk), asset)
        raise DomainError(
            "insufficient_funds", f"You have {held} at stake; release less.", field="amount"
        ) from refused
