"""Who gets what of a slash: the harmed first, then the insurance fund, then nobody. Whole units, nothing lost."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Allocation:
    """Parts of a slash in units of the stake asset; they sum to it exactly."""

    harmed: dict[int, int]
    insurance: int
    burned: int

    @property
    def paid(self) -> int:
        """What the harmed get together."""
        return sum(self.harmed.values())

    @property
    def total(self) -> int:
        """The whole slash."""
        return self.paid + self.insurance + self.burned


def pro_rata(units: int, owed: Mapping[int, int]) -> dict[int, int]:
    """Share ``units`` among creditors in proportion to what each is owed, by largest remainder.

    Nobody gets more than is owed. The parts sum to ``min(units, all that is owed)`` exactly: units left by rounding
    down go one each to the largest remainders, among equal ones to the lower number.
    """
    assert units >= 0 and all(amount >= 0 for amount in owed.values())
    total = sum(owed.values())
    if units >= total:
        return dict(owed)
    parts = {key: units * amount // total for key, amount in owed.items()}
    left = units - sum(parts.values())
    by_remainder = sorted(owed, key=lambda key: (-(units * owed[key] % total), key))
    for key in by_remainder[:left]:
        parts[key] += 1
    return parts


def allocate(units: int, owed: Mapping[int, int], insurance_owed: int) -> Allocation:
    """Split a slash of ``units``: the harmed up to what each is owed, the insurance fund up to what it is owed, the
    rest is burned."""
    harmed = pro_rata(units, owed)
    left = units - sum(harmed.values())
    insurance = min(left, insurance_owed)
    return Allocation(harmed, insurance, left - insurance)
