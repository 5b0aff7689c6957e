"""The cast of the ledger's tests: two users, the platform's assets, and money from outside."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser

from exchange_os.ledger.models import Asset, PostingKind
from exchange_os.ledger.services.postings import external, post_transfer, wallet


@pytest.fixture
def maker(db: None) -> AbstractBaseUser:
    """A user."""
    return get_user_model().objects.create_user("maker", "maker@example.com")


@pytest.fixture
def taker(db: None) -> AbstractBaseUser:
    """Another user."""
    return get_user_model().objects.create_user("taker", "taker@example.com")


@pytest.fixture
def usd(db: None) -> Asset:
    """The US dollar, scale 6."""
    return Asset.objects.get(symbol="USD")


@pytest.fixture
def okb(db: None) -> Asset:
    """The stake asset, scale 8."""
    return Asset.objects.get(symbol="OKB")


@pytest.fixture
def fund() -> Callable[[AbstractBaseUser, Asset, int], None]:
    """Puts units from outside into a user's wallet."""

    def into_wallet(user: AbstractBaseUser, asset: Asset, units: int) -> None:
        post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), units)

    return into_wallet
