"""A schedule of fees: tiers by what an account has traded in 30 days, a pair of rates for each kind of market, shares.

Rates are parts per million of what a fill is worth (of an outcome contract ``rate * p * (1 - p)``). Tier 0 is every
account's until it has traded more. Tiers only ever get cheaper. The protocol's bounds are checked here and again in the
kernel.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings

from exchange_os.errors import DomainError
from venues.errors import Gatherer
from venues.inputs import MAX_TAKER_FEE_PPM, parse_percent_ppm, parse_volume, text_of
from venues.models import PPM, MarketKind

MAX_TIERS = 4
MAX_BUILDER_PPM = 2_550
BUILDER_STEP_PPM = 10

Pair = tuple[int, int]


@dataclass(frozen=True)
class FeeSchedule:
    """What trading costs at a venue.

    ``volumes`` (whole units of the value asset, rising, the first 0) are where tiers begin; ``rates`` of each kind of
    market hold a (maker, taker) pair a tier; ``referral_ppm`` is part of the venue's fee, ``builder_cap_ppm`` a rate.
    """

    volumes: tuple[int, ...]
    rates: dict[str, tuple[Pair, ...]]
    referral_ppm: int = 0
    builder_cap_ppm: int = MAX_BUILDER_PPM

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "FeeSchedule":
        """The schedule that ``as_data`` wrote."""
        rates = {
            kind: tuple((maker, taker) for maker, taker in pairs) for kind, pairs in data["rates"].items()
        }
        return cls(tuple(data["volumes"]), rates, data["referral_ppm"], data["builder_cap_ppm"])

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "volumes": list(self.volumes),
            "rates": {kind: [list(pair) for pair in pairs] for kind, pairs in self.rates.items()},
            "referral_ppm": self.referral_ppm,
            "builder_cap_ppm": self.builder_cap_ppm,
        }

    def pair(self, kind: str, tier: int) -> Pair:
        """Maker and taker rate of a tier; of the highest there is below it."""
        pairs = self.rates[kind]
        return pairs[min(tier, len(pairs) - 1)]

    def tier_of(self, volume: int) -> int:
        """The tier of an account that traded ``volume`` whole units of the value asset."""
        return max(tier for tier, least in enumerate(self.volumes) if volume >= least)

    def is_rise_from(self, old: "FeeSchedule") -> bool:
        """Whether anybody pays more than before: some volume, in some kind of market, a higher rate."""
        for kind, pairs in self.rates.items():
            if kind not in old.rates:
                continue
            for volume in {*self.volumes, *old.volumes}:
                now, then = pairs[self.tier_of(volume)], old.rates[kind][old.tier_of(volume)]
                if now[0] > then[0] or now[1] > then[1]:
                    return True
        return self.builder_cap_ppm > old.builder_cap_ppm


def schedule_from(data: Mapping[str, Any], kinds: list[str]) -> FeeSchedule:
    """A form as a schedule; raises ``Refusals``. Tiers without a volume are left out.

    Fields: ``volume-<tier>``, ``<kind>-<tier>-maker`` and ``-taker`` (per cent), ``referral``, ``builder_cap``.
    """
    checks = Gatherer()
    tiers = [tier for tier in range(MAX_TIERS) if tier == 0 or text_of(data, f"volume-{tier}")]
    volumes = [0, *(_volume(checks, data, tier) for tier in tiers[1:])]
    for tier, before, after in zip(tiers[1:], volumes, volumes[1:], strict=False):
        if after <= before:
            checks.refuse(f"volume-{tier}", "volume_invalid", "A higher tier needs a higher volume.")
    rates = {kind: tuple(_pairs(checks, data, kind, tiers)) for kind in kinds}
    referral = checks.take(
        "referral", lambda: _share(data, "referral", settings.MAX_REFERRAL_PPM, "the venue's fee")
    )
    cap = checks.take("builder_cap", lambda: _share(data, "builder_cap", MAX_BUILDER_PPM, "a trade"))
    if cap is not None and cap % BUILDER_STEP_PPM:
        checks.refuse("builder_cap", "builder_cap_invalid", "Use steps of 0.001%.")
    checks.finish()
    assert referral is not None and cap is not None
    return FeeSchedule(tuple(volumes), rates, referral, cap)


def _volume(checks: Gatherer, data: Mapping[str, Any], tier: int) -> int:
    return checks.take(f"volume-{tier}", lambda: parse_volume(data, f"volume-{tier}")) or 0


def _pairs(checks: Gatherer, data: Mapping[str, Any], kind: str, tiers: list[int]) -> Iterator[Pair]:
    last: Pair | None = None
    for tier in tiers:
        names = f"{kind}-{tier}-maker", f"{kind}-{tier}-taker"
        maker = checks.take(names[0], partial(parse_percent_ppm, data, names[0], signed=True))
        taker = checks.take(names[1], partial(parse_percent_ppm, data, names[1]))
        pair = (maker or 0, taker or 0)
        if maker is not None and taker is not None:
            _check_pair(checks, names, pair, last)
            last = pair
        yield pair


def _check_pair(checks: Gatherer, names: tuple[str, str], pair: Pair, cheaper_than: Pair | None) -> None:
    maker, taker = pair
    if taker > MAX_TAKER_FEE_PPM:
        checks.refuse(names[1], "taker_fee_invalid", f"At most {MAX_TAKER_FEE_PPM * 100 / PPM:g}%.")
    if not -taker <= maker <= taker:
        checks.refuse(
            names[0], "maker_fee_invalid", "Between minus the taker fee (a rebate) and the taker fee."
        )
    if cheaper_than is not None:
        for name, rate, before in zip(names, pair, cheaper_than, strict=True):
            if rate > before:
                checks.refuse(name, "tier_dearer", "A higher tier is never dearer than the one below.")


def _share(data: Mapping[str, Any], name: str, most: int, of_what: str) -> int:
    share = parse_percent_ppm(data, name)
    if share > most:
        raise DomainError(f"{name}_invalid", f"At most {most * 100 / PPM:g}% of {of_what}.", field=name)
    return share


def kind_label(kind: str) -> str:
    """What a kind of market is called."""
    return MarketKind(kind).label
