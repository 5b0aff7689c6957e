"""The platform's own test assets, listed after every migration (as Django does with content types)."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps as global_apps
from django.conf import settings


@dataclass(frozen=True)
class SeedAsset:
    """A test asset of the platform; ``portion`` is what the faucet gives at once, in whole assets."""

    symbol: str
    name: str
    scale: int
    portion: str
    grade: str


SEED_ASSETS = (
    SeedAsset("OKB", "OKB (test)", 8, "2500", "C"),
    SeedAsset("USD", "US dollar (test)", 6, "100000", "A"),
    SeedAsset("BTC", "Bitcoin (test)", 8, "2", "B"),
    SeedAsset("ETH", "Ether (test)", 8, "25", "B"),
)


def seed_assets(apps: Any = global_apps, **_: Any) -> None:
    """List the platform's own test assets and the stake asset; does nothing to those already listed."""
    try:
        asset_model = apps.get_model("ledger", "Asset")
    except LookupError:  # migrated back to before the ledger
        return
    seeds = list(SEED_ASSETS)
    if settings.STAKE_ASSET not in {seed.symbol for seed in seeds}:
        seeds.append(SeedAsset(settings.STAKE_ASSET, f"{settings.STAKE_ASSET} (test)", 8, "1000", "C"))
    for seed in seeds:
        asset_model.objects.get_or_create(
            symbol=seed.symbol,
            defaults={"name": seed.name, "scale": seed.scale, "faucet": True, "grade": seed.grade},
        )
