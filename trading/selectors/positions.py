"""What an account holds in contracts and what that asks for, live from the kernel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exchange_os.engine import client
from exchange_os.engine.gateway import get_gateway
from exchange_os.errors import DomainError
from trading.models import TradingAccount

QUEUE_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Risk:
    """Margin of an account over all its markets, in units of the settlement ``asset`` (its id).

    ``free`` is equity less initial margin; ``outcomes`` the worst cases of its outcome holdings, ``isolated`` what
    isolated positions keep for themselves.
    """

    asset: int
    equity: int
    initial: int
    maintenance: int
    free: int = 0
    withdrawable: int = 0
    cash: int = 0
    upnl: int = 0
    collateral: int = 0
    outcomes: int = 0
    isolated: int = 0

    @property
    def ratio_text(self) -> str:
        """Equity over maintenance margin, two decimals; empty without maintenance margin."""
        if self.maintenance <= 0:
            return ""
        hundredths = self.equity * 100 // self.maintenance
        return f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


@dataclass(frozen=True, slots=True)
class Position:
    """A position in one contract market: signed lots; prices in ticks, 0 for none; money in settlement units.

    ``entry`` is what the lots cost, signed as they are. Of outcomes only lots, entry, realised and mark mean something.
    """

    market: int
    lots: int
    entry: int
    mark_ticks: int = 0
    upnl: int = 0
    realised: int = 0
    notional: int = 0
    initial: int = 0
    maintenance: int = 0
    leverage: int = 0
    isolated: bool = False
    margin: int = 0
    liquidation_ticks: int = 0
    bankruptcy_ticks: int = 0
    funding_due: int = 0
    open_buy: int = 0
    open_sell: int = 0
    outcome: bool = False

    def value_at_mark(self, tick_quote: int) -> int:
        """What the lots are worth at mark, signed as they are; ``tick_quote`` as of the market."""
        return self.lots * self.mark_ticks * tick_quote

    def profit(self, tick_quote: int) -> int:
        """Profit not realised yet; the kernel counts outcomes by their worst case, so theirs is reckoned here."""
        if self.outcome and self.mark_ticks:
            return self.value_at_mark(tick_quote) - self.entry
        return self.upnl


@dataclass(frozen=True)
class Holdings:
    """Margin and positions of an account at one moment; ``risk`` is ``None`` where no contract is traded."""

    risk: Risk | None
    positions: tuple[Position, ...]
    now_ms: int

    def of_market(self, number: int) -> Position | None:
        """The position in a market, if there is a record of one."""
        return next((position for position in self.positions if position.market == number), None)


@dataclass(frozen=True)
class QueuePlace:
    """Where a position stands among the ``count`` of its market's side to be deleveraged; 1 is the first to go."""

    place: int
    count: int

    @property
    def lights(self) -> int:
        """1 to 5: the fifth of the queue it is in, 5 for the first."""
        return 5 - (self.place - 1) * 5 // self.count


_RISK = tuple(Risk.__slots__)
_POSITION = tuple(Position.__slots__)


def risk_of_kernel(row: Mapping[str, Any]) -> Risk:
    """Margin as the kernel's answers carry it."""
    return Risk(**{name: row[name] for name in _RISK if name in row})


def position_of_kernel(row: Mapping[str, Any], *, outcome: bool = False) -> Position:
    """A position as the kernel's answers carry it."""
    known = {name: row[name] for name in _POSITION if name in row}
    return Position(**{"entry": 0, **known, "outcome": outcome})


def _outcome_rows(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for event in answer.get("outcomes", ()):
        for row in event["positions"]:
            yield {**row, "open_buy": row.get("open_buy_lots", 0), "open_sell": row.get("open_sell_lots", 0)}


def holdings_of_kernel(answer: Mapping[str, Any]) -> Holdings:
    """Margin and positions out of the kernel's answer about an account."""
    risk = answer.get("risk")
    contracts = [position_of_kernel(row) for row in answer.get("positions", ())]
    outcomes = [position_of_kernel(row, outcome=True) for row in _outcome_rows(answer)]
    return Holdings(
        risk_of_kernel(risk) if risk and risk.get("asset") is not None else None,
        (*contracts, *outcomes),
        int(answer.get("now_ms", 0)),
    )


async def live_holdings(group_id: int, account: int) -> Holdings:
    """Margin and positions of account number ``account``, live, for asynchronous callers."""
    return holdings_of_kernel(await get_gateway().query(group_id, {"q": "account", "account": account}))


def holdings(account: TradingAccount) -> Holdings:
    """Margin and positions of the account, live. Raises the engine's ``DomainError``."""
    answer = client.query(account.venue.group_id, {"q": "account", "account": account.number})
    return holdings_of_kernel(answer)


def queue_places(account: TradingAccount) -> dict[int, QueuePlace]:
    """Places of the account's positions in the queues of auto-deleveraging, by market; none if the venue does not
    answer at once."""
    question = {"q": "deleveraging", "account": account.number}
    try:
        answer = client.query(account.venue.group_id, question, QUEUE_TIMEOUT_SECONDS)
    except DomainError:
        return {}
    return {row["market"]: QueuePlace(row["place"], row["count"]) for row in answer.get("queue", ())}
