"""Where funds come from: for now a faucet of test money, behind an interface that a chain adapter can replace."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, FaucetClaim, PostingKind
from exchange_os.ledger.seeds import SEED_ASSETS
from exchange_os.ledger.selectors import to_units
from exchange_os.ledger.services.postings import external, post_transfer, wallet

PORTIONS = {seed.symbol: seed.portion for seed in SEED_ASSETS}
DEFAULT_PORTION = "1000"


@dataclass(frozen=True)
class Offer:
    """What a source would give a user now: ``amount`` units a claim, ``left`` claims today."""

    asset: Asset
    amount: int
    left: int


class FundingSource(Protocol):
    """Brings money into wallets from outside the ledger; a chain adapter credits observed deposits this way."""

    def offers(self, user: AbstractBaseUser) -> list[Offer]:
        """What the user may claim, asset by asset."""

    def claim(self, user: AbstractBaseUser, asset: Asset) -> int:
        """Credit one portion to the user's wallet; answers its units. Raises ``DomainError`` if refused."""


class TestNetworkFaucet:
    """Hands out test money, ``claims_per_day`` portions of each faucet asset to each user and day (UTC)."""

    __test__ = False

    def __init__(self, claims_per_day: int = 3) -> None:
        self.claims_per_day = claims_per_day

    def offers(self, user: AbstractBaseUser) -> list[Offer]:
        """Every faucet asset with its portion and the claims left to the user today."""
        today = timezone.now().date()
        taken = dict(FaucetClaim.objects.filter(user_id=user.pk, day=today).values_list("asset_id", "times"))
        return [
            Offer(asset, self._portion(asset), max(0, self.claims_per_day - taken.get(asset.pk, 0)))
            for asset in Asset.objects.filter(faucet=True).order_by("pk")
        ]

    def claim(self, user: AbstractBaseUser, asset: Asset) -> int:
        """Credit one portion of ``asset`` to the user's wallet and answer its units.

        Raises ``faucet_unavailable`` for an asset that is no test money of the platform, ``faucet_limit`` when the
        user has had today's claims.
        """
        if not asset.faucet:
            raise DomainError(
                "faucet_unavailable",
                f"The faucet has no {asset.symbol}; only its issuer can hand it out.",
                field="asset",
            )
        today = timezone.now().date()
        amount = self._portion(asset)
        with transaction.atomic():
            FaucetClaim.objects.get_or_create(user_id=user.pk, asset=asset, day=today)
            counted = FaucetClaim.objects.filter(
                user_id=user.pk, asset=asset, day=today, times__lt=self.claims_per_day
            ).update(times=F("times") + 1)
            if not counted:
                raise DomainError(
                    "faucet_limit",
                    f"You have had today's {self.claims_per_day} portions of {asset.symbol}; "
                    "come back after midnight UTC.",
                    field="asset",
                )
            post_transfer(PostingKind.FAUCET, external(asset.pk), wallet(user.pk, asset.pk), amount)
        return amount

    @staticmethod
    def _portion(asset: Asset) -> int:
        return to_units(Decimal(PORTIONS.get(asset.symbol, DEFAULT_PORTION)), asset)


FUNDING_SOURCE: FundingSource = TestNetworkFaucet()
