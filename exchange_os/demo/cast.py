"""Who and what the demo consists of: its people, its venue, its prices and who trades there."""

from dataclasses import dataclass

from exchange_os.demo.flow import TAKER, TakerShape
from exchange_os.demo.stage import VenuePlan


@dataclass(frozen=True, slots=True)
class Person:
    """A demo user who can sign in."""

    role: str
    email: str
    password: str


TRADER = Person("trader", "trader@demo.example", "trade-the-demo-book")
DEPLOYER = Person("deployer", "deployer@demo.example", "launch-the-demo-venue")
PEOPLE = (TRADER, DEPLOYER)
DEPLOYER_NAME = "Demo Markets"
FLOW_SEED = 20_260_101

VENUE = VenuePlan(
    slug="demo-spot",
    name="Demo Spot",
    accent="#2f6feb",
    description=(
        "Demonstration venue. Programs quote and trade test money here through the public API, around prices "
        "that are synthetic and follow no real market."
    ),
    markets=(
        {
            "base": "BTC", "quote": "USD", "tick_size": "0.1", "lot_size": "0.00001", "min_size": "0.00001",
            "reference_price": "65000", "band_percent": "10", "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
        },
        {
            "base": "ETH", "quote": "USD", "tick_size": "0.01", "lot_size": "0.0001", "min_size": "0.0001",
            "reference_price": "3500", "band_percent": "10", "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
        },
    ),
)  # fmt: skip

#: Synthetic fair prices of what the spot markets trade: opening and step, in ticks and thousandths of one.
FAIR = {"BTC-USD": (650_000, 50_000), "ETH-USD": (350_000, 28_000)}
#: How the taker trades each market, in ticks and lots of it; outcomes are all traded alike.
TAKES = (
    TakerShape("BTC-USD", "btcx", reach_ticks=260, base_lots=400, per_mille=450),
    TakerShape("ETH-USD", "ethx", reach_ticks=140, base_lots=900, per_mille=350),
    TakerShape("BTC-USD-SWAP", "swapx", reach_ticks=200, base_lots=20, per_mille=400),
)
OUTCOME_STEP_MILLITICKS = 130
OUTCOME_TAKES = {"reach_ticks": 4, "base_lots": 40, "per_mille": 110}

#: As its deployer would type it; the sources are added, one line for each synthetic feed.
PERPETUAL = {
    "kind": "swap", "base": "BTC", "quote": "USD", "contract_value": "0.001", "tick_size": "0.1",
    "reference_price": "65000", "max_leverage": "20", "tier_value": "50000", "band_percent": "5",
    "maker_fee_percent": "0.01", "taker_fee_percent": "0.05",
}  # fmt: skip
PERPETUAL_SYMBOL = "BTC-USD-SWAP"
#: Outcomes of the event with the probability, in per cent, around which their prices move.
BELIEFS = {
    "Spain": 18, "France": 16, "England": 13, "Brazil": 12, "Argentina": 11, "Portugal": 8,
    "Germany": 7, "Any other": 15,
}  # fmt: skip
EVENT_SERIES = "WC30"
EVENT = {
    "kind": "outcome", "event_kind": "multiple", "title": "Who wins the World Cup 2030?", "series": EVENT_SERIES,
    "code": "WINNER", "category": "Football", "quote": "USD", "closes": "2030-07-21 18:00", "window_hours": "24",
    "tick_size": "0.01", "maker_fee_percent": "0", "taker_fee_percent": "0.5", "outcomes": "\n".join(BELIEFS),
    "rules": (
        "The outcome is the team that wins the final of the men's World Cup 2030, after extra time and penalties if "
        "need be. A team that is not named here counts as “Any other”. Demonstration: the order flow is synthetic, "
        "the money is test money."
    ),
    "cut_off": "The final as it ends on the field; corrections after the challenge window do not count.",
    "tie": "A final that is level after extra time is decided by the penalties that follow it.",
    "void": "The tournament ends without a champion, or no final is played by the end of 2031.",
    "source": "The final's result as published by the organiser.",
}  # fmt: skip

#: The example makers, one account each, and the taker.
SPOT_MAKER, PERPETUAL_MAKER, OUTCOME_MAKER = "maker-1", "maker-2", "maker-3"
BOTS = (SPOT_MAKER, PERPETUAL_MAKER, OUTCOME_MAKER, TAKER)
BOT_PORTIONS = 3
#: What each bot keeps at the venue, topped up when it falls below half.
BOT_FUNDS = {"USD": "290000", "BTC": "5.5", "ETH": "70"}
TRADER_FUNDS = {"USD": "50000", "BTC": "1", "ETH": "10"}


def bot_email(bot: str) -> str:
    """The address under which a bot is a user; it has no password."""
    return f"{bot}@bots.demo.example"
