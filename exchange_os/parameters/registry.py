"""What can be changed: each parameter's meaning, unit and bounds, and where its value comes from until then."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

HOUR = 3_600
DAY = 86_400
PPM = 1_000_000

Source = int | str | Callable[[], int | str]


@dataclass(frozen=True)
class Parameter:
    """A whole number with bounds. The last word of its name is its unit: ``seconds``, ``hours``, ``days``, ``ppm``,
    ``stake`` (whole units of the stake asset), ``multiple`` or a ``count``."""

    name: str
    default: Source
    low: int
    high: int
    words: str
    area: str = "Governance"

    @property
    def unit(self) -> str:
        """The last word of its name."""
        return self.name.rsplit("_", 1)[-1]

    @property
    def counted_in(self) -> str:
        """What it is counted in, as people say it."""
        words = {"stake": settings.STAKE_ASSET, "multiple": "times", "count": ""}
        return words.get(self.unit, self.unit)

    @property
    def unchanged(self) -> Decimal:
        """Its value while no decision has changed it."""
        source = self.default
        return Decimal(source() if callable(source) else source)


PARAMETERS: dict[str, Parameter] = {}


def declare(*rows: Parameter) -> dict[str, Parameter]:
    """Make parameters known, each name once; answers them by name."""
    made = {row.name: row for row in rows}
    assert not made.keys() & PARAMETERS.keys(), "a parameter is declared once"
    PARAMETERS.update(made)
    return made


def _least_stake(kind: str) -> Callable[[], str]:
    return lambda: str(settings.MIN_STAKES[kind])


PROTOCOL = declare(
    *(
        Parameter(f"min_{kind}_stake", _least_stake(kind), 1, 1_000_000, words, "Stake")
        for kind, words in (
            ("spot", "Stake behind a venue that trades spot markets only."),
            ("swap", "Stake behind a venue with perpetuals."),
            ("outcome", "Stake behind a venue with outcome markets."),
            ("front", "Stake behind a venue that shows another's books."),
        )
    ),
    Parameter(
        "capacity_multiple", lambda: settings.CAPACITY_MULTIPLE, 1, 50,
        "Open interest a venue may carry, as a multiple of the worth of its stake.", "Stake",
    ),
    Parameter(
        "unbonding_days", lambda: settings.UNBONDING_DAYS, 1, 60,
        "How long stake that is asked back stays within reach of a slash.", "Stake",
    ),
    Parameter(
        "protocol_share_ppm", lambda: settings.PROTOCOL_SHARE_PPM, 0, 300_000,
        "Share of the fees that venues launched from now on leave to the protocol.", "Fees",
    ),
    Parameter(
        "fee_notice_hours", lambda: settings.FEE_NOTICE_HOURS, 1, 720,
        "How long traders hear of a rise of fees before it takes effect.", "Fees",
    ),
    Parameter(
        "change_notice_hours", lambda: settings.CHANGE_NOTICE_HOURS, 1, 720,
        "How long traders hear of a change that hurts before it takes effect.", "Fees",
    ),
    Parameter(
        "dispute_bond_stake", lambda: settings.DISPUTE_BOND, 1, 100_000,
        "What each side of a disputed result puts up.", "Results",
    ),
    Parameter(
        "dispute_deadline_seconds", lambda: settings.DISPUTE_DEADLINE_SECONDS, DAY, 60 * DAY,
        "When a dispute that nobody judged voids its event.", "Results",
    ),
    Parameter(
        "resolution_grace_seconds", lambda: settings.RESOLUTION_GRACE_SECONDS, HOUR, 30 * DAY,
        "How long after trading the deployer alone may propose a result.", "Results",
    ),
    Parameter(
        "resolution_deadline_seconds", lambda: settings.RESOLUTION_DEADLINE_SECONDS, DAY, 90 * DAY,
        "When an event without any result is void.", "Results",
    ),
)  # fmt: skip
