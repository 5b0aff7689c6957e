"""The matching kernel of one risk group: commands in, acks, events and history out. Integers only.

Units: prices in ticks, sizes in lots, amounts in units of ``10**-scale`` of the asset, rates in parts per million (ppm),
times in milliseconds since 1970 (``_ms``). ``kernel/WIRE.md`` holds the byte layouts.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, final

__version__: Final[str]

# --- constants -----------------------------------------------------------------------------------------------------
BUY: Final = 0
SELL: Final = 1
BOTH_SIDES: Final = 2
LIMIT: Final = 0
MARKET: Final = 1
GTC: Final = 0
GTD: Final = 1
IOC: Final = 2
FOK: Final = 3
STP_CANCEL_MAKER: Final = 0
STP_CANCEL_TAKER: Final = 1
STP_CANCEL_BOTH: Final = 2
SPOT: Final = 0
PERPETUAL: Final = 1
OUTCOME: Final = 2
MAKER: Final = 0
TAKER: Final = 1
STATE_NONE: Final = 0
STATE_OPEN: Final = 1
STATE_FILLED: Final = 2
STATE_CANCELLED: Final = 3
PHASE_PENDING: Final = 0
PHASE_AUCTION: Final = 1
PHASE_OPEN: Final = 2
PHASE_HALTED: Final = 3
PHASE_CLOSING: Final = 4
PHASE_SETTLING: Final = 5
PHASE_SETTLED: Final = 6
ACCOUNT_FROZEN: Final = 1  # flag: no new orders and no amends that add; cancels pass
ACCOUNT_NO_WITHDRAWALS: Final = 2
ACCOUNT_REDUCE_SPOT: Final = 4  # flag: on spot markets it may only sell
ACCOUNT_REDUCE_PERPETUAL: Final = 8  # flag: orders of perpetuals must be reduce-only
ACCOUNT_REDUCE_OUTCOME: Final = 16  # flag: orders of outcomes must be reduce-only, and no sets are split
ACCOUNT_REDUCE_ONLY: Final = 28  # the three together
PRICE_INDEX: Final = 0  # what an observation is of
PRICE_EXTERNAL: Final = 1
ALL_MARKETS: Final = 0xFFFFFFFF
OPERATOR: Final = 0
VENUE_FEES: Final = 1
PROTOCOL_FEES: Final = 2
INSURANCE: Final = 3
DUST: Final = 4
FIRST_USER_ACCOUNT: Final = 16
FLAG_REDUCE_ONLY: Final = 4  # bits of ``flags`` of stored fills and closed orders
FLAG_NO: Final = 32  # placed on the No side: side and price are told as of Yes
FLAG_WHOLE: Final = 64  # with FLAG_FORCED: to close all of a position
FLAG_FORCED: Final = 128  # made by a liquidation
RIGHT_READ: Final = 1  # rights of a key's mandate, as bits; reading is checked at the door
RIGHT_TRADE: Final = 2
RIGHT_WITHDRAW: Final = 4
ACK_SIZE: Final = 32
ACK_FORMAT: Final = "<QqqHBBI"  # order_id, filled_lots, remaining_lots, code, state, reason, extra

#: Command kinds by name (``KINDS["place"] == 1``), reserved ones included.
KINDS: Final[dict[str, int]]
#: Every reject: code -> (name, sentence for people). 0 is ("OK", "").
REJECTS: Final[dict[int, tuple[str, str]]]
#: Every reject and 0 -> (OKX sCode, OKX-style message); "0" for success.
OKX_CODES: Final[dict[int, tuple[str, str]]]
#: Why an order was cancelled: reason -> (name, OKX cancelSource, sentence).
CANCEL_REASONS: Final[dict[int, tuple[str, str, str]]]
#: Phase -> name; phase -> phases it may move to.
PHASES: Final[dict[int, str]]
PHASE_MOVES: Final[dict[int, tuple[int, ...]]]
#: Names of price grades and of the reasons for refusing an observation, by number.
PRICE_GRADES: Final[tuple[str, ...]]
PRICE_REFUSALS: Final[tuple[str, ...]]
#: (column, PostgreSQL type) of the binary COPY tuples, in order.
#: Fills: group_id bigint, sequence bigint, trade_id bigint, market integer, account bigint, order_id bigint,
#: client_id text, flags "char", side "char", role smallint, price_ticks bigint, size_lots bigint, notional bigint,
#: fee bigint, fee_asset integer, key bigint, time_ms bigint, mark_ticks bigint (of a perpetual, else 0). Unique by
#: (group_id, trade_id, role). fee < 0 is a rebate.
FILL_COLUMNS: Final[tuple[tuple[str, str], ...]]
#: Closed orders that have traded: group_id bigint, sequence bigint, order_id bigint, account bigint, market integer,
#: client_id text, flags "char", side "char", order_type smallint, stp "char", tif "char", post_only boolean, price_ticks bigint,
#: size_lots bigint, filled_lots bigint, filled_quote bigint, fee bigint, state smallint, reason smallint, key bigint,
#: created_ms bigint, closed_ms bigint. Unique by (group_id, order_id).
ORDER_COLUMNS: Final[tuple[tuple[str, str], ...]]
#: Columns of ``algos_copy``: closed algo orders; ``kind`` is an index of ALGO_KINDS, ``state`` of ALGO_STATES, ``code`` a
#: reject, ``fired_leg`` 255 for none.
ALGO_COLUMNS: Final[tuple[tuple[str, str], ...]]
ALGO_KINDS: Final[tuple[str, ...]]
ALGO_STATES: Final[tuple[str, ...]]
#: Bills, whatever moves a position or cash outside a plain trade: group_id bigint, sequence bigint, bill_no integer (from 0
#: within its command), account bigint, market integer (-1: none), kind smallint (``BILL_KINDS``), lots bigint, price_ticks
#: bigint, amount bigint (signed as the account sees it), fee bigint (positive: charged, apart from amount), cash_after
#: bigint, extra bigint (by kind, see ``kernel/src/bills.rs``), time_ms bigint. Unique by (group_id, sequence, bill_no).
BILL_COLUMNS: Final[tuple[tuple[str, str], ...]]
#: Kind of a bill by name (``BILL_KINDS["funding"] == 1``).
BILL_KINDS: Final[dict[str, int]]
#: Names of the members of one tuple of ``Applied.candles``.
CANDLE_COLUMNS: Final[tuple[str, ...]]

class KernelBroken(RuntimeError):
    """An invariant of the kernel failed. The object is unusable from then on; the risk group must be halted."""

class SnapshotError(ValueError):
    """The bytes are not a whole snapshot of a version this build reads."""

# --- encoders: one frame each, little-endian. OverflowError/ValueError for what does not fit its field ---------------
def place(
    account: int,
    market: int,
    *,
    side: int,
    order_type: int = 0,
    tif: int = 0,
    price_ticks: int = 0,
    size_lots: int,
    client_id: bytes | str = b"",
    stp: int = 0,
    post_only: bool = False,
    reduce_only: bool = False,
    quote_size: bool = False,
    expires_ms: int = 0,
    deadline_ms: int = 0,
    key: int = 0,
    builder: int = 0,
    no_side: bool = False,
) -> bytes:
    """A new order. ``no_side`` (outcome markets only): side and price are those of the No; the kernel turns them round, and all it
    reports is the Yes side's. MARKET needs tif IOC or FOK; its ``price_ticks`` is the worst price (0: the market's slippage
    bound from the best opposite price). ``quote_size``: market buy whose ``size_lots`` is a budget in quote units, fee included.
    GTD needs ``expires_ms``. ``deadline_ms``: refused when the kernel's clock is past it (0: none)."""

def place_trigger(order: Mapping[str, Any], wait: tuple[int, int, int, bool | None]) -> bytes:
    """A stop or take-profit: an order placed once the price of a source reaches a trigger.

    ``order`` has exactly these members: account, market, side, size_lots, client_id, reduce_only, quote_size (market buy
    whose size is a budget), whole_position (``size_lots`` 0: as many as the position has then), stp, deadline_ms, key, builder.
    ``wait`` is (trigger_ticks, price_ticks or 0 for a market order, source 0 last or 1 mark, fires at or above; None: from
    whichever side the price is on)."""

def place_trailing(
    order: Mapping[str, Any], wait: tuple[int, int, int, bool], distance_ticks: int, distance_ppm: int
) -> bytes:
    """A market order once the price is a distance (in ticks, or in ppm of it) from the best since it became active, at
    ``wait``'s trigger (0: at once). ``order`` as for ``place_trigger``."""

def place_oco(
    order: Mapping[str, Any], profit: tuple[int, int, int, bool], stop: tuple[int, int, int, bool]
) -> bytes:
    """Take-profit and stop-loss of which one fires; ``order`` and the legs as for ``place_trigger``."""

def place_slices(
    order: Mapping[str, Any],
    *,
    limit_ticks: int,
    slice_lots: int,
    floats: bool = False,
    distance_ticks: int = 0,
    distance_ppm: int = 0,
    interval_ms: int = 0,
    expires_ms: int = 0,
) -> bytes:
    """An iceberg, or with ``interval_ms`` a TWAP. ``floats``: slices are priced from the best price, a distance from it, within
    the limit; else at the limit."""

def place_bracket(
    account: int,
    market: int,
    *,
    side: int,
    size_lots: int,
    profit: tuple[int, int, int, bool],
    stop: tuple[int, int, int, bool],
    order_type: int = 0,
    tif: int = 0,
    price_ticks: int = 0,
    client_id: bytes | str = b"",
    algo_client_id: bytes | str = b"",
    stp: int = 0,
    post_only: bool = False,
    reduce_only: bool = False,
    quote_size: bool = False,
    expires_ms: int = 0,
    deadline_ms: int = 0,
    key: int = 0,
    builder: int = 0,
) -> bytes:
    """An order as ``place`` with a take-profit, a stop-loss or both (a trigger of 0: none) that stand for what it has filled
    once it closes."""

def cancel_algo(
    account: int,
    market: int,
    *,
    algo_id: int = 0,
    client_id: bytes | str = b"",
    deadline_ms: int = 0,
    key: int = 0,
) -> bytes:
    """End an algo order, named by its id or else its client id; the slice of an iceberg is cancelled with it."""

def amend_algo(
    account: int,
    market: int,
    *,
    algo_id: int = 0,
    client_id: bytes | str = b"",
    size_lots: int = 0,
    first: tuple[int, int] = (0, -1),
    second: tuple[int, int] = (0, -1),
    deadline_ms: int = 0,
    key: int = 0,
) -> bytes:
    """Change a trigger or a pair: (trigger, price) of the take-profit or only leg and of the stop-loss; 0 keeps a size or a
    trigger, -1 keeps a price."""

def begin_auction(market: int, *, ends_ms: int = 0) -> bytes:
    """Collect orders without matching until ``ends_ms`` (0: until ``clear_auction`` or a move to OPEN)."""

def clear_auction(market: int) -> bytes:
    """Fill the auction of a market at one price; it then opens."""

def set_band_auction(market: int, band_ms: int) -> bytes:
    """How long an auction lasts that an order trading beyond the price band begins; 0 (the default): such orders are refused."""

def set_calendar(
    market: int,
    sessions: Sequence[tuple[int, int]],
    *,
    holidays: Sequence[int] = ...,
    closed_band_ppm: int = 0,
    auction_ms: int = 0,
    no_liquidation: bool = False,
) -> bytes:
    """Sessions as minutes of the week in UTC from Monday 00:00, holidays as days since 1970-01-01. Outside them the band is
    ``closed_band_ppm`` (0: no trading); a session begins with an auction of ``auction_ms`` (0: none). No sessions: no calendar."""

def amend(
    account: int,
    market: int,
    *,
    order_id: int = 0,
    client_id: bytes | str = b"",
    new_price_ticks: int = 0,
    new_size_lots: int = 0,
    cancel_on_fail: bool = False,
    deadline_ms: int = 0,
    key: int = 0,
    no_side: bool = False,
) -> bytes:
    """Change an open order, named by id or else by client id. 0 leaves a member as it is. ``new_size_lots`` is the TOTAL
    size, what has filled included; a smaller size keeps the place in the queue, anything else goes to its end."""

def cancel(
    account: int, market: int, *, order_id: int = 0, client_id: bytes | str = b"", deadline_ms: int = 0, key: int = 0
) -> bytes: ...
def mass_cancel(account: int, *, market: int = 0xFFFFFFFF, side: int = 2, key: int = 0) -> bytes:
    """Cancel the account's open orders of a market (default all) and side (default both); ``extra`` of the ack is the count."""

def cancel_all_after(account: int, *, timeout_ms: int, key: int = 0) -> bytes:
    """Dead-man switch: all orders are cancelled ``timeout_ms`` after this command unless it is sent again; 0 disarms."""

def open_account(account: int, *, owner: int, tier: int = 0) -> bytes:
    """Open account number ``account`` (>= 16). ``owner`` (u64) groups accounts for self-trade prevention.
    Opening it again with the same owner is refused with STATE_ALREADY_EXISTS and changes nothing."""

def set_account(account: int, *, owner: int, tier: int = 0, flags: int = 0) -> bytes: ...
def deposit(account: int, asset: int, amount: int, *, transfer_id: int, issued_ms: int) -> bytes: ...
def withdraw(account: int, asset: int, amount: int, *, transfer_id: int, issued_ms: int) -> bytes: ...
def add_asset(asset: int, *, scale: int, symbol: str) -> bytes: ...
def add_market(
    market: int,
    *,
    kind: int = 0,
    base: int,
    quote: int,
    lot_size: int,
    tick_quote: int,
    reference_ticks: int = 0,
    maker_ppm: int = 0,
    taker_ppm: int = 0,
    protocol_share_ppm: int = 0,
    band_ppm: int = 50_000,
    slippage_ppm: int = 50_000,
    min_lots: int = 1,
    max_lots: int = 1_000_000_000_000,
    min_notional: int = 0,
    max_levels: int = 50_000,
    max_matches: int = 1_000,
    payout_ticks: int = 0,
    symbol: str = "",
) -> bytes:
    """List a market under the next free number, in phase PENDING. ``band_ppm``: a buy may not be priced above, a sell not below,
    this distance from the last trade (before the first trade: ``reference_ticks``; 0: no band until then).
    Bounds: 0 <= taker <= 100_000, -taker <= maker <= taker, share and bands 0..1_000_000."""

def set_market_params(
    market: int,
    *,
    maker_ppm: int,
    taker_ppm: int,
    protocol_share_ppm: int,
    band_ppm: int = 50_000,
    slippage_ppm: int = 50_000,
    min_lots: int = 1,
    max_lots: int = 1_000_000_000_000,
    min_notional: int = 0,
    max_levels: int = 50_000,
    max_matches: int = 1_000,
    reference_ticks: int = 0,
) -> bytes:
    """Replace all changeable parameters (``reference_ticks`` 0 leaves the reference). Open orders keep the fees they came with."""

def set_fee_tier(market: int, tier: int, *, maker_ppm: int, taker_ppm: int) -> bytes:
    """Fees of an account tier 1..15 in one market (tier 0 is the market's own pair)."""

def set_phase(market: int, phase: int) -> bytes: ...
def set_limits(
    *, max_accounts: int = 1_000_000, max_markets: int = 4_096, max_orders_per_account: int = 20_000,
    max_client_ids: int = 50_000_000
) -> bytes: ...
def add_event(
    event: int,
    first_market: int,
    *,
    outcomes: int = 2,
    one_book: bool = False,
    scalar: bool = False,
    fallback: int | None = None,
    close_ms: int = 0,
) -> bytes:
    """An event under the next free number, over the new outcome markets ``first_market`` and those after it (one for ``one_book``, a
    yes/no question, and ``scalar``). Late outcomes come out of outcome ``fallback``. ``close_ms``: trading closes by itself."""

def add_outcome(event: int, market: int) -> bytes:
    """A late outcome out of the fallback, whose market is halted and cleared of orders; open both markets afterwards."""

def close_event(event: int, *, close_ms: int = 0) -> bytes:
    """Close trading at a time; 0: now."""

def resolve_event(event: int, payouts: Sequence[tuple[int, int]], *, is_final: bool) -> bytes:
    """Payouts (outcome, ticks) that sum to exactly one contract. Not final: a proposal, which the next one replaces. ValueError
    unless 1 to 120 outcomes pay something."""

def void_event(event: int, *, is_final: bool) -> bytes:
    """Pay the last fair prices before trading closed, scaled to sum to one."""

def merge_outcomes(account: int, event: int, *, lots: int, key: int = 0) -> bytes:
    """Turn ``lots`` of every outcome into cash."""

def split_outcomes(account: int, event: int, *, lots: int, key: int = 0) -> bytes:
    """Turn cash into ``lots`` of every outcome."""

def set_mandate(
    account: int,
    key: int,
    *,
    rights: int,
    markets: Sequence[int] = [],
    order_notional: int = 0,
    position_notional: int = 0,
    daily_loss: int = 0,
    leverage: int = 0,
    rate: int = 0,
    expires_ms: int = 0,
) -> bytes:
    """What ``key`` may do with the account from now on; 0 is no bound, no markets are all. Values are in units of the
    quote asset of the market concerned; ``rate`` counts commands in a second of the kernel's clock, cancels apart.
    Only commands without a key set mandates. A revoked key gets none (ACCESS_KEY_REVOKED)."""

def revoke_key(account: int, key: int) -> bytes:
    """End a key for good; its open orders are cancelled, ``extra`` of the ack says how many."""

def approve_builder(account: int, builder: int, *, cap_ppm: int) -> bytes:
    """Allow orders with the code of account ``builder`` at a rate up to ``cap_ppm`` (at most 2,550); 0 takes it back."""

def set_referrer(account: int, referrer: int) -> bytes:
    """Account that gets the referral part of the fees this one pays; 0: none. Not one of the same owner."""

def set_capacity(capacity: int) -> bytes:
    """Bound of the group's open interest in units of the settlement asset; negative: none."""

def set_fee_split(*, referral_ppm: int, builder_cap_ppm: int = 2_550) -> bytes:
    """Part of the venue's fee that goes to the payer's referrer, and the highest rate of any builder."""

def builder_code(account: int, *, rate_ppm: int) -> int:
    """The ``builder`` of an order: the account to be paid and its rate. ValueError unless a multiple of 10 ppm up to 2,550."""

def set_leverage(account: int, market: int, *, leverage: int, key: int = 0) -> bytes:
    """Leverage (1 to the market's largest) of an account in a perpetual, for what it holds and for its orders."""

def move_margin(account: int, market: int, *, amount: int, key: int = 0) -> bytes:
    """Add units of the settlement asset to an isolated position's margin; a negative amount takes out."""

def set_margin_mode(account: int, market: int, *, isolated: bool, key: int = 0) -> bytes:
    """Cross or isolated; refused while there is a position or an order in the market."""

def close_position(
    account: int, market: int, *, price_ticks: int = 0, turn: bool = False, deadline_ms: int = 0, key: int = 0
) -> bytes:
    """A market order that closes a position or, with ``turn``, opens as much on the other side. Answers like an order.

    ``price_ticks`` bounds the price; 0: the market's slippage does."""

def set_margin_tiers(
    market: int,
    tiers: list[tuple[int, int, int]],
    *,
    interest_low: int = 0,
    interest_high: int = 0,
    interest_cap: int = 0,
) -> bytes:
    """1 to 8 tiers of (value up to, initial_ppm, maintenance_ppm); open interest in lots from and to which initial margin
    rises to the whole value (0, 0: never), and the most there may be (0: no bound)."""

def set_collateral(market: int, haircuts: list[tuple[int, int]]) -> bytes:
    """The base asset of a spot market counts as collateral: (units up to, haircut_ppm), at most 8; none: no longer."""

def fund_insurance(asset: int, *, amount: int) -> bytes:
    """Move venue fees into the insurance fund."""

def set_liquidation_rules(
    market: int = 0xFFFFFFFF,
    *,
    slice_notional: int,
    fund_cap: int,
    fee_ppm: int = 10_000,
    slice_ppm: int = 200_000,
    pause_ms: int = 30_000,
    severe_ppm: int = 666_667,
    fund_margin_ppm: int = 50_000,
    work_ppm: int = 10_000,
    doubt_ppm: int = 100_000,
) -> bytes:
    """Rules of the waterfall, of the group or of one market. Units of the settlement asset: positions above ``slice_notional`` are closed
    ``slice_ppm`` at a time, ``pause_ms`` apart; ``fund_cap`` is what the insurance fund carries at most in a market (0: nothing).
    ``fee_ppm``: liquidation fee, at most 15,000. ``severe_ppm``: below this share of maintenance all goes at once. ``fund_margin_ppm``: equity the fund
    keeps for what it carries. ``work_ppm``: how far from mark it trades. ``doubt_ppm``: how much better a dead price is taken to be."""

def hold_liquidations(until_ms: int) -> bytes:
    """No liquidation before this time, at most four hours ahead; 0 ends a hold. Who falls below meanwhile waits."""

def tick() -> bytes:
    """Nothing but time: drives expiries, dead-man switches and settling cancels that are due."""

def observe_prices(observations: Sequence[tuple[int, int, int, int, int]]) -> bytes:
    """Raw observations, at most 31: (what, market, source, price_ticks, published_ms). ``what``: PRICE_INDEX, or PRICE_EXTERNAL (a perpetual elsewhere, for the market's mark). ``extra`` of the ack is how many made sense."""

def set_price_rules(
    market: int,
    *,
    restart: bool = False,
    interval_ms: int = 2_500,
    step_ppm: int = 10_000,
    day_factor: int = 10,
    stale_ms: int = 10_000,
    full_sources: int = 3,
    basis_ms: int = 150_000,
    slow_ms: int = 3_600_000,
    band_ppm: int = 50_000,
    divergence_ppm: int = 50_000,
    volatile_ppm: int = 100_000,
    ahead_ms: int = 2_000,
    halt_ms: int = 900_000,
) -> bytes:
    """How observations become the price of a spot or perpetual market. A perpetual
    whose price has been stale for ``halt_ms`` takes only cancels (0: never), and reopens with an auction. ``restart`` forgets sources and the day's rails; an open market must be halted for it."""

def set_funding(
    market: int,
    *,
    enabled: bool = True,
    interest_ppm: int = 100,
    clamp_ppm: int = 500,
    cap_ppm: int = 40_000,
    impact_notional: int,
) -> bytes:
    """How a perpetual is funded: interest and clamp of 8 hours, cap of one hour, ``impact_notional`` in units of the settlement asset."""

# --- decoders ------------------------------------------------------------------------------------------------------
class Ack(NamedTuple):
    order_id: int
    filled_lots: int
    remaining_lots: int
    code: int
    state: int
    reason: int
    extra: int

def count_commands(frames: bytes) -> int:
    """Number of frames; ValueError if the framing is malformed (the only check a gateway needs)."""

def split_commands(frames: bytes) -> list[bytes]: ...
def frames_of(frames: bytes, kinds: list[int]) -> list[bytes]:
    """The whole frames of these kinds, in order; bytes after the last whole frame are passed over."""
def command_kind(frame: bytes) -> int: ...
def decode_command(frame: bytes) -> dict[str, Any]:
    """Members of one frame by name, for journals shown to people. ValueError if malformed."""

def decode_acks(acks: bytes) -> list[Ack]: ...
def decode_events(events: bytes, accounts: Collection[int] | None = None) -> list[dict[str, Any]]:
    """Private events in order, optionally only of these accounts. Every dict has kind, account, sequence, time_ms.

    ``kind == "order"`` (accepted, amended, cancelled): order_id, market, client_id (str), side, order_type, tif, post_only,
    reduce_only, no_side, stp, state, reason, key, price_ticks, size_lots, filled_lots, filled_quote, fee, created_ms, expires_ms.
    ``kind == "fill"``: the same members (the order just after the fill) and trade_id, role, fill_price_ticks,
    fill_size_lots, fill_notional, fill_fee, fee_asset. A state FILLED comes with a fill event (for a
    spent quote budget, whose size_lots is what has filled so far: with an order event).
    ``kind == "liquidation"`` (a step of the waterfall, to the account it closes): market (None: the account), stage, cause (names), isolated, number,
    lots (signed as the position), price_ticks, value, fee, bankruptcy_ticks, realised, equity_before, maintenance_before, equity_after, maintenance_after.
    ``kind == "adl"`` (to the account that was deleveraged): market, rank (from 1), cause, number, lots, price_ticks, value, realised, needed, taken.
    ``kind == "insurance"`` (account 3): asset, market, cause, stage, amount, fund (after it).
    ``kind == "settlement"`` (contracts of an outcome were paid): event, market, lots (signed), payout_ticks, amount (what they
    brought; negative: cost), cash_after.
    ``kind == "mandate"``: key, rights, leverage, rate, revoked, order_notional, position_notional, daily_loss, expires_ms.
    ``kind == "price"`` (account 0): market, grade (see PRICE_GRADES), fresh, index_ticks, mark_ticks, slow_ticks, garbage.
    ``kind == "price_refused"`` (account 0): market, why (see PRICE_REFUSALS), external, source, price_ticks, published_ms.
    ``kind == "funding"``: market, lots, amount (received; negative: paid), index_ticks, rate_e12, premium_e9, end_ms. Account 0:
    the hour as accrued (lots and amount 0).
    ``kind == "balance"``: asset, total, held (free = total - held); one per balance changed in a batch, last.
    """

def decode_copy_fills(data: bytes) -> list[tuple[int | str | None, ...]]:
    """Rows of ``fills_copy`` in the order of FILL_COLUMNS (for tests and tools)."""

def decode_copy_orders(data: bytes) -> list[tuple[int | str | bool | None, ...]]: ...
def pack_fills(rows: bytes) -> tuple[list[bytes], list[bytes]]:
    """``fills_copy`` (of one or more batches) as pages of accounts and pages of markets, for the engine's tables: for each
    the columns group, account or market, key, time, data, as arrays in PostgreSQL's binary form. See ``kernel/src/packed.rs``."""

def pack_orders(rows: bytes) -> list[bytes]:
    """``orders_copy`` as the columns group, account, order id, closing time, data, as ``pack_fills``."""

def unpack_fills(group: int, account: int, page: bytes) -> list[tuple[Any, ...]]:
    """Fills of an account's page, oldest first, in the order of FILL_COLUMNS. ValueError if it is not whole."""

def unpack_order(group: int, account: int, order_id: int, record: bytes) -> tuple[Any, ...]:
    """A stored closed order in the order of ORDER_COLUMNS. ValueError if it is not whole."""

def unpack_trades(page: bytes) -> list[tuple[int, int, int, int, int]]:
    """Trades of a market's page, oldest first: trade_id, price_ticks, size_lots, taker_side, time_ms."""

def decode_copy_algos(data: bytes) -> list[tuple[Any, ...]]:
    """Rows of ``algos_copy`` in the order of ALGO_COLUMNS (for tests and tools)."""

def decode_copy_bills(data: bytes) -> list[tuple[int, ...]]:
    """Rows of ``bills_copy`` in the order of BILL_COLUMNS (for tests and tools)."""


# --- the kernel ----------------------------------------------------------------------------------------------------
@final
class Applied:
    """What one batch did. Sequences are per command, refused ones included; an empty batch has last == first - 1."""

    first_sequence: int
    last_sequence: int
    count: int
    rejected: int
    trades: int
    now_ms: int  # the kernel's time of this batch: max(last, now_ms given)
    acks: bytes
    fills_copy: bytes
    fills_count: int
    orders_copy: bytes
    orders_count: int
    algos_copy: bytes
    algos_count: int
    bills_copy: bytes
    bills_count: int
    events: bytes
    #: market -> [(trade_id, price_ticks, size_lots, taker_side, time_ms)]
    market_trades: dict[int, list[tuple[int, int, int, int, int]]]
    #: (transfer_id, account, asset_id, signed_amount, accepted, code); a repeated id gives its first decision again
    transfers: list[tuple[int, int, int, int, bool, int]]
    #: (market, minute_ms, open, high, low, close, volume_lots, quote_volume, trades): whole minutes so far, to upsert
    candles: list[tuple[int, int, int, int, int, int, int, int, int]]
    #: (market, 0 mark or 1 index, minute_ms, open, high, low, close): whole minutes so far, in ticks, to upsert
    price_candles: list[tuple[int, int, int, int, int, int, int]]
    dirty_markets: list[int]
    dirty_accounts: list[int]

@final
class Kernel:
    """The state of one risk group. Not to be shared between threads at the same time; the GIL is released while it works."""

    def __init__(self, group: int) -> None: ...
    @staticmethod
    def restore(snapshot: bytes) -> Kernel:
        """SnapshotError when truncated, altered or of another version."""
    @property
    def group(self) -> int: ...
    @property
    def sequence(self) -> int:
        """Number of commands applied since the group began."""
    @property
    def now_ms(self) -> int: ...
    @property
    def next_timer_ms(self) -> int | None:
        """When the earliest timer is due; a ``tick()`` at or after it does the work. May be in the past: send another tick."""
    def apply(self, commands: bytes, now_ms: int) -> Applied:
        """Apply whole frames at time ``max(self.now_ms, now_ms)``. Never refuses a batch: each command gets an ack. Bytes after the last
        whole frame are one command refused with INPUT_FRAME. KernelBroken when an invariant fails."""
    def replay(self, commands: bytes, now_ms: int) -> int:
        """As ``apply``, without building outputs; returns the number of commands. For recovery."""
    def query(self, request: bytes) -> bytes:
        """JSON in, JSON out, integers. ValueError never: an unknown question gives {"error": code, "message": sentence}. See WIRE.md, Queries."""
    def book(self, market: int, depth: int = 400) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """(bids, asks), best first, each level (price_ticks, lots, orders). KeyError for an unknown market."""
    def book_delta(self, market: int, depth: int = 400, checkpoint: bool = False) -> dict[str, Any]:
        """Change since the last call for this market: {"market", "seq", "prev", "bids", "asks", "checkpoint", "phase"}; lots 0 deletes a
        level. ``seq`` is the kernel's sequence, ``prev`` that of the last call (-1 at the first, which is always a checkpoint).
        ``checkpoint`` asks for whole levels. This memory is outside the hashed state and not in snapshots."""
    def published_book(self, market: int) -> dict[str, Any] | None:
        """Whole levels as of the last ``book_delta`` (same members, checkpoint True), or None before the first."""
    def snapshot(self) -> bytes: ...
    def state_root(self) -> bytes:
        """32 bytes over the whole logical state; equal for equal histories on every machine."""
    def totals(self) -> dict[int, int]:
        """asset id -> units held by all accounts together (deposits minus withdrawals)."""
    def worths(self) -> bytes:
        """Rows of 24 bytes ``<QIIq``: owner, account, asset id, units that the account would be left with if all it has were closed at the
        present marks (events at payouts or fair prices); zeros left out. What users' worths leave of ``totals`` is the venue's."""
    def check_invariants(self) -> None:
        """Full audit, O(state): every invariant that holds between commands. KernelBroken names the first that does not."""

# --- bulk entry of market makers -------------------------------------------------------------------------------------
@final
class Instruments:
    """instId -> how its decimals become ticks and lots. tick = tick_units * 10**-price_scale, lot = lot_units * 10**-size_scale."""

    def __init__(self) -> None: ...
    def add(
        self, inst_id: str, market: int, *, price_scale: int, tick_units: int, size_scale: int, lot_units: int,
        quote_scale: int = 0
    ) -> None: ...
    def __len__(self) -> int: ...

@final
class BulkCommands:
    """A decoded body. ``packed`` holds ``count`` frames; items in error have none."""

    packed: bytes
    count: int
    items: int
    errors: list[tuple[int, str, str]]  # (item index, OKX sCode, message)

def decode_bulk(
    body: bytes, instruments: Instruments, account: int, key: int = 0, deadline_ms: int = 0, max_items: int = 5_000
) -> BulkCommands:
    """Parse ``{"items": [{"op": "place", "instId", "side", "ordType", "px", "sz", "clOrdId"}, {"op": "cancel", "instId",
    "ordId" | "clOrdId"}, {"op": "amend", "instId", "ordId" | "clOrdId", "newPx", "newSz"}]}``. Decimals are strings. ``ordType``: limit,
    market, post_only, fok, ioc; optional stpMode (cancel_maker, cancel_taker, cancel_both), tgtCcy (quote_ccy for a market buy).
    ValueError: not JSON, no items, too many."""

def render_bulk(acks: bytes, bulk: BulkCommands) -> bytes:
    """The OKX-shaped answer, one row per item in order: {"code", "msg", "data": [{"ordId", "clOrdId", "sCode", "sMsg"}]};
    code "0" all went well, "2" some, "1" none. ValueError if the number of acks is not ``bulk.count``."""
