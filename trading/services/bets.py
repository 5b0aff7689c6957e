"""Bets on outcomes in a bettor's terms: what one would cost and do to the margin, and placing it.

A bet at once is an immediate-or-cancel order whose limit is the worst price it was quoted at, so it never trades worse
than what was shown; what the book no longer offers at that price is not bought. A bet with a limit rests. Selling is
reduce-only: it gives up what is held and never opens the other side.
"""

import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import exchange_kernel as kernel

from exchange_os.engine import client
from exchange_os.engine.history import Span, fills
from exchange_os.engine.models import Fill
from exchange_os.errors import DomainError
from trading.bets import Level, Terms, Walk, lots_for, offers, walk
from trading.models import TradingAccount
from trading.selectors.catalogue import tradable_market
from trading.selectors.events import EventView
from trading.services.auto_funding import place_funded
from trading.services.orders import OrderDraft, accepted, place_frame
from venues.models import Market

DEPTH = 400
PATIENCE_SECONDS = 2.0
LOOK_BACK_MS = 60_000


@dataclass(frozen=True)
class Bet:
    """What someone wants: contracts of Yes, or of ``no``; bought or sold; ``lots`` of them, or as many as ``budget``
    units buy. ``limit`` in ticks of that side makes it rest; without it ``worst`` is the last price to trade at."""

    no: bool = False
    buying: bool = True
    lots: int = 0
    budget: int = 0
    limit: int | None = None
    worst: int | None = None
    client_id: str = ""


@dataclass(frozen=True)
class BetQuote:
    """What a bet comes to now: ``now`` trades at once, ``rests`` contracts wait at the limit.

    ``total`` is paid at most, or received at least, fees included; ``takes`` is what it takes of the free margin.
    ``reject`` is the kernel's code by name if it would refuse, with its sentence.
    """

    terms: Terms
    lots: int
    now: Walk
    rests: int
    limit: int
    total: int
    fee: int
    takes: int | None = None
    reject: str = ""
    sentence: str = ""

    @property
    def to_win(self) -> int:
        """What the contracts pay if they are right."""
        return self.lots * self.terms.unit


@dataclass(frozen=True)
class BetDone:
    """What came of a bet: ``moved`` units were paid (or received) for ``lots``, the fee included in both;
    ``drawn`` units came from the wallet for it."""

    ack: kernel.Ack
    lots: int
    moved: int
    fee: int
    rests: int
    drawn: int = 0


def terms_of(market: Market) -> Terms:
    """The market's contract and fee."""
    return Terms(market.payout_ticks, market.tick_quote, market.taker_fee_ppm)


def book_of(market: Market) -> dict[str, Any]:
    """The market's ``bids`` and ``asks`` now, best first. Raises the engine's ``DomainError``."""
    question = {"q": "book", "market": market.number, "depth": DEPTH}
    return client.query(market.venue.group_id, question, PATIENCE_SECONDS)


def quote_bet(market: Market, bet: Bet, account: TradingAccount | None = None) -> BetQuote:
    """What the bet comes to against the present book; with an account also whether it passes and what margin it takes.

    Raises ``nothing_offered`` and ``amount_small``, and the engine's ``DomainError``.
    """
    quote = _sized(market, bet)
    if account is None or account.opened_at is None:
        return quote
    frame = place_frame(account.number, tradable_market(market), _draft(market, bet, quote))
    question = {"q": "simulate", "account": account.number, "frames": frame.hex()}
    answer = client.query(account.venue.group_id, question, PATIENCE_SECONDS)
    if "error" in answer:
        return replace(quote, reject=str(answer["error"]), sentence=str(answer.get("message", "")))
    ack = answer["acks"][0]
    if ack["code"]:
        return replace(quote, reject=ack["name"], sentence=ack["message"])
    takes = answer["before"]["free"] - answer["after"]["free"]
    return replace(quote, takes=takes)


def place_bet(account: TradingAccount, market: Market, bet: Bet) -> BetDone:
    """Place the bet against the present book and say what it cost. Raises as ``quote_bet`` and ``place_funded``."""
    quote = _sized(market, bet)
    since_ms = time.time_ns() // 1_000_000 - LOOK_BACK_MS
    placed = place_funded(account, market, _draft(market, bet, quote))
    ack = placed.ack
    own = _fills_of(account, ack, since_ms) if ack.filled_lots else []
    terms = terms_of(market)
    fee = sum(fill.fee for fill in own)
    value = sum(
        terms.value(terms.one - fill.price_ticks if bet.no else fill.price_ticks, fill.size_lots)
        for fill in own
    )
    moved = value + fee if bet.buying else value - fee
    rests = ack.remaining_lots if ack.state == kernel.STATE_OPEN else 0
    return BetDone(ack, ack.filled_lots, moved, fee, rests, placed.drawn)


def _fills_of(account: TradingAccount, ack: kernel.Ack, since_ms: int) -> list[Fill]:
    """The fills of an order just placed; they were committed with its answer."""
    span = Span(begin_ms=since_ms)

    def own(fill: Fill) -> bool:
        return fill.order_id == ack.order_id

    return fills(account.venue.group_id, account.number, span, ack.filled_lots, own)


def merge_sets(account: TradingAccount, view: EventView, lots: int) -> None:
    """Turn complete sets, one contract of every outcome, into the cash they pay. Raises ``OrderRefused``."""
    accepted(account.venue.group_id, kernel.merge_outcomes(account.number, view.event.number, lots=lots))


def _sized(market: Market, bet: Bet) -> BetQuote:
    terms, book = terms_of(market), book_of(market)
    levels = offers(book.get("bids", ()), book.get("asks", ()), terms.one, buying=bet.buying, no=bet.no)
    bound = bet.limit if bet.limit is not None else bet.worst
    lots = bet.lots or _affordable(levels, bet, terms, bound)
    now = walk(levels, lots, terms, buying=bet.buying, limit=bound)
    if bet.limit is None:
        _check_offered(levels, now, bet)
        return BetQuote(terms, now.lots, now, 0, now.worst, _total(now.value, now.fee, bet), now.fee)
    rests = lots - now.lots
    fee = now.fee + (terms.largest_fee(bet.limit, rests, buying=bet.buying) if rests else 0)
    value = now.value + terms.value(bet.limit, rests)
    return BetQuote(terms, lots, now, rests, bet.limit, _total(value, fee, bet), fee)


def _affordable(levels: list[Level], bet: Bet, terms: Terms, bound: int | None) -> int:
    """Contracts the budget buys; ``amount_small`` if it is not one."""
    rests = bet.limit is not None
    lots = lots_for(levels, bet.budget, terms, limit=bound, rests=rests)
    if not lots and (rests or walk(levels, 1, terms, buying=True, limit=bound).lots):
        raise DomainError(
            "amount_small", "That does not buy one contract, fee included; enter more.", field="amount"
        )
    return lots


def _check_offered(levels: list[Level], now: Walk, bet: Bet) -> None:
    if now.lots:
        return
    if levels and bet.worst is not None:
        raise DomainError(
            "price_moved", "The price moved before you confirmed. Look at the new one and try again."
        )
    verb, remedy = (
        ("sells", "the price you would pay") if bet.buying else ("buys", "the price you would take")
    )
    raise DomainError(
        "nothing_offered", f"Nobody {verb} this side now. Choose a limit price: {remedy}.", field="price"
    )


def _total(value: int, fee: int, bet: Bet) -> int:
    return value + fee if bet.buying else max(0, value - fee)


def _draft(market: Market, bet: Bet, quote: BetQuote) -> OrderDraft:
    return OrderDraft(
        side="buy" if bet.buying else "sell",
        size=Decimal(quote.lots),
        price=Decimal(quote.limit) * Decimal(market.tick_size),
        time_in_force="ioc" if bet.limit is None else "gtc",
        reduce_only=not bet.buying,
        no_side=bet.no,
        client_id=bet.client_id,
    )
