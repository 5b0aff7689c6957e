"""What an order would do if it were sent now: the kernel carries it out on a copy, nothing is changed.

Two questions make a preview. ``preview`` walks the book: what fills at once, at which price, for which fee.
``simulate`` carries the very command out on a copy of the account: whether it would pass, and the margin and
liquidation price after it. Outcomes, and accounts with orders on outcomes, are told without margin, because a
simulation would then copy the whole group.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine import client
from trading.selectors.catalogue import TradableMarket
from trading.selectors.positions import Holdings, Position, Risk, holdings_of_kernel, risk_of_kernel
from trading.services.orders import OrderDraft, place_arguments, place_frame
from venues.models import Market, MarketKind

PPM = 1_000_000
DEFAULT_LEVERAGE = 10


@dataclass(frozen=True)
class Preview:
    """An order carried out on paper. Money in quote units, prices in ticks (``average_ticks`` a fraction, 0 for none).

    ``code`` and ``message`` are the kernel's refusal, empty if the order would pass. ``notional`` and ``fee`` are of
    what fills at once; ``rest_notional`` and ``rest_fee`` bound what rests (of a refused order: all of it). ``margin``
    is what it adds to the initial margin, ``None`` where none is asked; ``free_after`` and ``position`` are as after.
    ``margin_is_bound`` says that the order did not pass and the margin is reckoned from the leverage.
    """

    code: str
    message: str
    filled_lots: int
    average_ticks: Decimal
    notional: int
    fee: int
    resting_lots: int
    rest_notional: int
    rest_fee: int
    would_take: bool
    mid_ticks: Decimal
    margin: int | None = None
    margin_is_bound: bool = False
    free_after: int = 0
    used_percent: int = 0
    position: Position | None = None

    @property
    def slippage_ppm(self) -> int:
        """Distance of the average fill from the middle of the book, positive when it is worse; 0 without a fill."""
        if not self.average_ticks or not self.mid_ticks:
            return 0
        return round(abs(self.average_ticks - self.mid_ticks) * PPM / self.mid_ticks)


def preview_order(account: int, market: TradableMarket, draft: OrderDraft) -> Preview:
    """The order of account number ``account`` (0: nobody's) on paper.

    Errors: those of ``place_frame`` and the engine's.
    """
    walked = client.query(market.group_id, _walk_question(account, market, draft))
    touch = client.query(market.group_id, {"q": "market", "market": market.number}).get("market", {})
    simulated = _simulated(account, market, draft)
    code, message = _refusal(walked, simulated)
    ticks = market.to_ticks(draft.price) if draft.price is not None else touch.get("last_ticks", 0)
    resting = int(walked.get("resting_lots", 0))
    bound_lots = market.to_lots(draft.size) if code else resting
    rest = market.instrument.notional(ticks, bound_lots)
    taker_ppm = max(0, int(touch.get("taker_ppm", market.instrument.taker_fee_ppm)))
    bid, ask = touch.get("best_bid", 0), touch.get("best_ask", 0)
    found: dict[str, Any] = {
        "code": code,
        "message": message,
        "filled_lots": 0 if code else walked.get("filled_lots", 0),
        "average_ticks": Decimal(0 if code else walked.get("average_price_ppm", 0)) / PPM,
        "notional": 0 if code else walked.get("notional", 0),
        "fee": 0 if code else walked.get("fee", 0),
        "resting_lots": bound_lots,
        "rest_notional": rest,
        "rest_fee": -(-rest * taker_ppm // PPM),
        "would_take": bool(walked.get("would_take")),
        "mid_ticks": Decimal(bid + ask) / 2 if bid and ask else Decimal(0),
    }
    if market.kind == MarketKind.PERPETUAL:
        found |= _margin(account, market, draft, simulated, found, passes=not code)
    return Preview(**found)


def _walk_question(account: int, market: TradableMarket, draft: OrderDraft) -> dict[str, Any]:
    order = place_arguments(market, draft)
    asked = ("side", "order_type", "tif", "price_ticks", "size_lots", "post_only", "quote_size")
    walked = {name: order[name] for name in asked}
    if order["tif"] == kernel.GTD:  # a walk does not look at the clock
        walked["tif"] = kernel.GTC
    return {"q": "preview", "account": account, "market": market.number, **walked}


def _simulated(account: int, market: TradableMarket, draft: OrderDraft) -> Mapping[str, Any]:
    if not account or market.kind == MarketKind.OUTCOME or _rests_on_outcomes(account, market):
        return {}
    frame = place_frame(account, market, draft)
    return client.query(market.group_id, {"q": "simulate", "account": account, "frames": frame.hex()})


def _rests_on_outcomes(account: int, market: TradableMarket) -> bool:
    outcomes = set(
        Market.objects.filter(venue__group_id=market.group_id, kind=MarketKind.OUTCOME).values_list(
            "number", flat=True
        )
    )
    if not outcomes:
        return False
    orders = client.query(market.group_id, {"q": "orders", "account": account}).get("orders", ())
    return any(order["market"] in outcomes for order in orders)


def _refusal(walked: Mapping[str, Any], simulated: Mapping[str, Any]) -> tuple[str, str]:
    """Code and sentence of the kernel's refusal, both empty without one; the command knows better."""
    acks = simulated.get("acks")
    told = acks[0] if acks else walked
    if "error" in told:
        return (str(told["error"]).lower(), str(told.get("message", "")))
    return (str(told["name"]).lower(), str(told["message"])) if told.get("code") else ("", "")


def _margin(
    account: int,
    market: TradableMarket,
    draft: OrderDraft,
    simulated: Mapping[str, Any],
    found: Mapping[str, Any],
    *,
    passes: bool,
) -> dict[str, Any]:
    if passes and simulated.get("after"):
        before, after = risk_of_kernel(simulated["before"]), risk_of_kernel(simulated["after"])
        held: Holdings = holdings_of_kernel({"risk": simulated["after"], "positions": simulated["positions"]})
        taken = after.initial - before.initial + after.isolated - before.isolated
        return {
            "margin": max(0, taken),
            "free_after": after.free,
            "used_percent": _percent(after),
            "position": held.of_market(market.number),
        }
    notional = found["notional"] + found["rest_notional"]
    leverage = DEFAULT_LEVERAGE
    if account:
        asked = {"q": "leverage", "account": account, "market": market.number}
        leverage = client.query(market.group_id, asked).get("leverage") or DEFAULT_LEVERAGE
    margin = 0 if draft.reduce_only else -(-notional // leverage)
    return {"margin": margin, "margin_is_bound": True}


def _percent(risk: Risk) -> int:
    """Maintenance margin as a share of equity; at 100 an account is liquidated."""
    if risk.maintenance <= 0:
        return 0
    return 100 if risk.equity <= 0 else min(100, risk.maintenance * 100 // risk.equity)
