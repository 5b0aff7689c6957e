"""Templates of launches: each fills a whole draft that can be launched as it is. Plain data, as it would be typed.

``{days+30}`` in a time is that many days from now. A name, address or symbol that is taken gets a number behind it.
"""

from dataclasses import dataclass, field
from typing import Any

FEES = {"maker_fee_percent": "0.02", "taker_fee_percent": "0.05"}
EVENT_FEES = {"maker_fee_percent": "0", "taker_fee_percent": "0.5"}
PYTH_BTC = "pyth e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"


@dataclass(frozen=True)
class Template:
    """What a template is called and shows, and the draft it fills."""

    key: str
    label: str
    icon: str
    text: str
    venue: dict[str, str]
    markets: tuple[dict[str, str], ...]
    assets: tuple[dict[str, str], ...] = field(default=())

    @property
    def data(self) -> dict[str, Any]:
        """The draft's data, without the numbers and days that ``services.filling`` adds."""
        return {
            "venue": dict(self.venue),
            "assets": [dict(item) for item in self.assets],
            "markets": [dict(item) for item in self.markets],
        }


WORLD_CUP = {
    "kind": "outcome", "series": "WC30", "category": "Football", "quote": "USD", "closes": "2030-07-21 18:00",
    "window_hours": "24", "tick_size": "0.01", "source": "https://www.fifa.com/, the report of the match", **EVENT_FEES,
    "cut_off": "The tournament as it ends; corrections after the challenge window do not count.",
    "void": "The tournament ends without a champion, or is not over by the end of 2031; pays the last fair prices.",
}  # fmt: skip
QUESTION = {
    "kind": "outcome", "event_kind": "binary", "series": "NEWS", "quote": "USD", "closes": "{days+30}",
    "window_hours": "24", "tick_size": "0.01", **EVENT_FEES,
}  # fmt: skip

TEMPLATES = (
    Template(
        key="spot",
        label="Spot pair",
        icon="arrow-left-right",
        text="Bitcoin against the dollar, paid in full. The simplest venue there is.",
        venue={
            "name": "Harbour Spot", "slug": "harbour-spot", "accent": "#0ca678",
            "description": "Bitcoin against the dollar, in one book.",
        },
        markets=(
            {
                "kind": "spot", "base": "BTC", "quote": "USD", "tick_size": "0.01", "lot_size": "0.0001",
                "min_size": "", "reference_price": "65000", "band_percent": "5", "collateral": "", **FEES,
            },
        ),
    ),
    Template(
        key="perpetual",
        label="Index perpetual",
        icon="chart-line",
        text="A perpetual on an index of three public sources, with leverage, funding and liquidation.",
        venue={
            "name": "Meridian Perps", "slug": "meridian-perps", "accent": "#7048e8",
            "description": "A bitcoin perpetual on the middle of three public prices.",
        },
        markets=(
            {
                "kind": "swap", "base": "BTC", "quote": "USD", "contract_value": "0.001", "tick_size": "0.1",
                "reference_price": "65000", "max_leverage": "20", "tier_value": "50000", "interest_cap": "",
                "funding_cap_percent": "4", "band_percent": "5", **FEES,
                "sources": "\n".join(
                    (
                        PYTH_BTC,
                        "http https://api.coinbase.com/v2/prices/BTC-USD/spot /data/amount",
                        "http https://api.kraken.com/0/public/Ticker?pair=XBTUSD /result/XXBTZUSD/c/0",
                    )
                ),
            },
        ),
    ),
    Template(
        key="worldcup",
        label="World Cup outcomes",
        icon="star",
        text="Who wins, how many goals, and whether the final goes to penalties. One market an outcome.",
        venue={
            "name": "World Cup Desk", "slug": "world-cup-desk", "accent": "#e8590c",
            "description": "Outcomes of the men's World Cup 2030, paid from the official result.",
        },
        markets=(
            {
                **WORLD_CUP, "event_kind": "multiple", "title": "Who wins the World Cup 2030?", "code": "WINNER",
                "outcomes": "\n".join(
                    (
                        "Argentina", "Brazil", "Croatia", "England", "France", "Germany", "Italy", "Japan", "Mexico",
                        "Morocco", "Netherlands", "Portugal", "Spain", "United States", "Uruguay", "Any other",
                    )
                ),
                "rules": "The team that wins the final. A team that is not named counts as “Any other”.",
                "tie": "A final that is level after extra time is decided by the penalties that follow.",
            },
            {
                **WORLD_CUP, "event_kind": "binary", "title": "Does the final go to penalties?", "series": "WCPEN",
                "code": "FINALPENS", "outcomes": "",
                "rules": "Yes if the winner of the final is decided by penalties, No in any other case.",
                "tie": "There is none: a match that is level after extra time goes to penalties.",
            },
            {
                **WORLD_CUP, "event_kind": "scalar", "title": "How many goals does the top scorer score?",
                "series": "WCTOP", "code": "TOPGOALS", "low": "0", "high": "12", "measure": "goals",
                "rules": "The goals of the player with the most goals, without those of penalties after extra time.",
                "tie": "Players with as many goals share the title; the number is the same. 12 or more pays 1.",
            },
        ),
    ),
    Template(
        key="question",
        label="Question with a deadline",
        icon="circle-help",
        text="One yes-or-no question, a day by which it is decided, and where the answer can be seen.",
        venue={
            "name": "Open Questions", "slug": "open-questions", "accent": "#1971c2",
            "description": "Questions about the near future, each with a source and a deadline.",
        },
        markets=(
            {
                **QUESTION, "title": "Does bitcoin trade above 100,000 dollars within a month?", "code": "BTC100K",
                "category": "Markets", "source": "https://www.coingecko.com/en/coins/bitcoin/historical_data",
                "rules": "Yes if the source shows a daily close of 100,000 US dollars or more before trading closes.",
                "cut_off": "The last daily close (UTC) before trading closes.",
                "tie": "A close of exactly 100,000 is Yes.",
                "void": "The source shows no daily close on more than five days; pays the last fair prices.",
            },
        ),
    ),
    Template(
        key="fund",
        label="Tokenised fund with KYC",
        icon="landmark",
        text="Shares of a fund that you issue, traded by verified holders against the dollar.",
        venue={
            "name": "Cedar Fund Market", "slug": "cedar-fund", "accent": "#2b8a3e", "access": "kyc",
            "description": "Shares of the Cedar Treasury Fund, for verified holders.",
        },
        assets=({"symbol": "CEDAR", "name": "Cedar Treasury Fund share", "scale": "4", "supply": "1000000"},),
        markets=(
            {
                "kind": "spot", "base": "CEDAR", "quote": "USD", "tick_size": "0.01", "lot_size": "0.01",
                "min_size": "1", "reference_price": "100", "band_percent": "2", "collateral": "",
                "maker_fee_percent": "0", "taker_fee_percent": "0.1",
            },
        ),
    ),
)  # fmt: skip
BY_KEY = {template.key: template for template in TEMPLATES}
