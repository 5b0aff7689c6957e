"""A change tried on a group's own journal is what the kernel would really have done."""

import random

import exchange_kernel as kernel
import pytest

from exchange_os.engine import client, journal
from exchange_os.engine.audit import audit_group
from exchange_os.engine.models import JournalBatch, RiskGroup, Snapshot
from exchange_os.engine.simulation import simulate_change
from exchange_os.errors import DomainError

USD, BTC, PERP = 1, 2, 0
NOBODY = 0xFFFFFFFF
START_MS = 1_800_000_000_000
MAKER, TRADERS = 16, range(17, 29)
LOOSE, TIGHT = [(10**15, 50_000, 10_000)], [(10**15, 200_000, 100_000)]
Rows = list[tuple[list[bytes], int]]


def setup(tiers: list[tuple[int, int, int]] = LOOSE) -> list[bytes]:
    """A perpetual at 10,000 and traders with 620 to 1,060 each; a contract is worth its price."""
    frames = [
        kernel.add_asset(USD, scale=2, symbol="USD"),
        kernel.add_market(PERP, kind=kernel.PERPETUAL, base=NOBODY, quote=USD, lot_size=1, tick_quote=1,
                          reference_ticks=10_000, band_ppm=500_000, slippage_ppm=500_000, taker_ppm=500),
        kernel.set_margin_tiers(PERP, tiers),
        kernel.set_price_rules(PERP, step_ppm=50_000, interval_ms=1_000, stale_ms=3_600_000),
        kernel.set_phase(PERP, kernel.PHASE_OPEN),
    ]  # fmt: skip
    funds = {MAKER: 10**8, **{account: 62_000 + 4_000 * at for at, account in enumerate(TRADERS)}}
    for account, amount in funds.items():
        frames.append(kernel.open_account(account, owner=account))
        frames.append(kernel.deposit(account, USD, amount, transfer_id=account, issued_ms=START_MS))
    return frames


def prices(ticks: int, now_ms: int) -> bytes:
    """Three sources that agree."""
    return kernel.observe_prices([(kernel.PRICE_INDEX, PERP, source, ticks, now_ms) for source in (1, 2, 3)])


def crash() -> Rows:
    """Every trader buys 30 contracts from the maker, then the index falls by a quarter in steps."""
    now, rows = START_MS + 1_000, []
    rows.append(([prices(10_000, now)], now))
    for account in TRADERS:
        now += 100
        sell = kernel.place(MAKER, PERP, side=kernel.SELL, price_ticks=10_000, size_lots=30)
        buy = kernel.place(account, PERP, side=kernel.BUY, price_ticks=10_000, size_lots=30)
        rows.append(([sell, buy], now))
    for fall in range(26):
        now += 5_000
        price = 10_000 - 100 * fall
        quotes = [
            kernel.place(MAKER, PERP, side=kernel.BUY, price_ticks=price - 50 - at, size_lots=200)
            for at in range(3)
        ]
        rows.append(([prices(price, now), *quotes], now))
    return rows


def lay(rows: Rows) -> int:
    """A group whose journal holds these rows."""
    group = int(RiskGroup.objects.create().pk)
    sequence, previous = 0, b""
    for frames, now_ms in rows:
        commands, last = b"".join(frames), sequence + len(frames)
        digest = journal.chain_hash(previous, group, 1, sequence + 1, last, now_ms, commands)
        JournalBatch.objects.create(
            group_id=group, first_sequence=sequence + 1, last_sequence=last, epoch=1, now_ms=now_ms,
            commands=commands, previous_hash=previous, hash=digest, stream_cursor="0-0",
        )  # fmt: skip
        sequence, previous = last, digest
    RiskGroup.objects.filter(pk=group).update(head_sequence=sequence, head_hash=previous)
    return group


def really(rows: Rows) -> tuple[kernel.Kernel, set[int]]:
    """A kernel that lived through the rows and refused none of them, and whom it liquidated."""
    alone, liquidated = kernel.Kernel(1), set()
    for frames, now_ms in rows:
        applied = alone.apply(b"".join(frames), now_ms)
        assert applied.rejected == 0, now_ms
        events = kernel.decode_events(applied.events)
        liquidated |= {event["account"] for event in events if event["kind"] == "liquidation"}
    return alone, liquidated


@pytest.mark.django_db(transaction=True)
def test_without_a_change_both_runs_end_where_the_group_is(market_group: int) -> None:
    draws = random.Random(5)
    for _ in range(30):
        side, price = draws.randrange(2), draws.randint(95, 105)
        client.submit(market_group, kernel.place(16 + side, 0, side=side, price_ticks=price, size_lots=1))
    told: list[tuple[int, int]] = []
    found = simulate_change(market_group, [], 20, lambda done, whole: told.append((done, whole)))
    assert found.before == found.after
    assert found.before.root == audit_group(market_group).root
    assert (found.before.commands, found.last) == (20, RiskGroup.objects.get().head_sequence)
    assert told[-1] == (20, 20)


def test_orders_that_a_liquidation_makes_say_so_in_events_and_in_records() -> None:
    alone, names = kernel.Kernel(1), [name for name, _ in kernel.ORDER_COLUMNS]
    told, kept = set(), set()
    for frames, now_ms in [(setup(TIGHT), START_MS), *crash()]:
        applied = alone.apply(b"".join(frames), now_ms)
        for event in kernel.decode_events(applied.events):
            if event["kind"] == "fill" and event["forced"]:
                told.add((event["account"], event["order_id"], event["whole"]))
        for row in kernel.decode_copy_orders(applied.orders_copy):
            order = dict(zip(names, row, strict=True))
            if order["flags"] & kernel.FLAG_FORCED:
                assert order["flags"] & kernel.FLAG_REDUCE_ONLY
                kept.add((order["account"], order["order_id"], bool(order["flags"] & kernel.FLAG_WHOLE)))
    assert told == kept
    assert {account for account, _, _ in kept} <= set(range(17, 27))
    assert kept


@pytest.mark.django_db(transaction=True)
def test_a_tighter_tier_liquidates_whom_the_kernel_would_have(transactional_db: None) -> None:
    rows = crash()
    group = lay([(setup(), START_MS), *rows])
    whole = sum(len(frames) for frames, _ in rows)
    found = simulate_change(group, [kernel.set_margin_tiers(PERP, TIGHT)], whole)
    _, as_was = really([(setup(), START_MS), *rows])
    _, as_changed = really([(setup(TIGHT), START_MS), *rows])
    assert set(found.before.liquidated) == as_was
    assert set(found.after.liquidated) == as_changed
    assert (as_was, as_changed) == (set(range(17, 21)), set(range(17, 26)))
    assert found.before.commands == found.after.commands == whole
    assert JournalBatch.objects.filter(group_id=group).count() == len(rows) + 1, "reads only"
    assert not Snapshot.objects.filter(group_id=group).exists()


@pytest.mark.django_db(transaction=True)
def test_dearer_fees_earn_what_they_would_have(transactional_db: None) -> None:
    group = lay([(setup(), START_MS), *crash()])
    dearer = kernel.set_market_params(
        PERP, maker_ppm=0, taker_ppm=1_000, protocol_share_ppm=0, band_ppm=500_000, slippage_ppm=500_000
    )
    found = simulate_change(group, [dearer], 10_000, by_market=True)
    assert found.before.fees[USD] * 2 == found.after.fees[USD] > 0
    was, would = found.before.charged[PERP], found.after.charged[PERP]
    assert (was.trades, was.volume) == (would.trades, would.volume)
    assert was.taker_fees * 2 == would.taker_fees and would.taker_fees == found.after.fees[USD]
    assert (would.maker_fees, would.builders, would.referrers) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_what_is_set_of_a_market_that_is_listed_later_follows_its_listing(transactional_db: None) -> None:
    later = PERP + 1
    listing = [
        kernel.add_market(later, kind=kernel.PERPETUAL, base=NOBODY, quote=USD, lot_size=1, tick_quote=1,
                          reference_ticks=10_000, band_ppm=500_000, slippage_ppm=500_000, taker_ppm=500),
        kernel.set_margin_tiers(later, LOOSE),
        kernel.set_phase(later, kernel.PHASE_OPEN),
    ]  # fmt: skip
    now = START_MS + 200_000
    prices_later = kernel.observe_prices([(kernel.PRICE_INDEX, later, at, 10_000, now) for at in (1, 2, 3)])
    trade = [
        kernel.place(MAKER, later, side=kernel.SELL, price_ticks=10_000, size_lots=3),
        kernel.place(17, later, side=kernel.BUY, price_ticks=10_000, size_lots=3),
    ]
    group = lay([(setup(), START_MS), (listing, START_MS + 1), ([prices_later, *trade], now)])
    dearer = [
        kernel.set_market_params(
            market,
            maker_ppm=100,
            taker_ppm=1_000,
            protocol_share_ppm=0,
            band_ppm=500_000,
            slippage_ppm=500_000,
        )
        for market in (PERP, later)
    ]
    found = simulate_change(group, dearer, 5, by_market=True)
    was, would = found.before.charged[later], found.after.charged[later]
    assert (was.volume, was.taker_fees, was.maker_fees) == (30_000, 15, 0)
    assert (would.volume, would.taker_fees, would.maker_fees) == (30_000, 30, 3)


@pytest.mark.django_db(transaction=True)
def test_cancels_name_the_same_orders_after_the_change_refused_some(transactional_db: None) -> None:
    """The first order is beyond the narrower band, so ids are one lower from there on; cancels still hit."""
    now = START_MS + 1_000
    places = [
        kernel.place(MAKER, PERP, side=kernel.BUY, price_ticks=price, size_lots=1)
        for price in (9_990, 10_900, 9_991, 9_992)
    ]
    cancels = [kernel.cancel(MAKER, PERP, order_id=order_id) for order_id in (2, 3, 4)]
    rows = [
        ([prices(10_000, now)], now),
        *(([frame], now + at) for at, frame in enumerate([*places, *cancels])),
    ]
    group = lay([(setup(), START_MS), *rows])
    narrow = kernel.set_market_params(
        PERP, maker_ppm=0, taker_ppm=500, protocol_share_ppm=0, band_ppm=10_000, slippage_ppm=10_000
    )
    found = simulate_change(group, [narrow], 8)
    assert dict(found.before.refused) == {}
    assert sum(found.after.refused.values()) == 2, found.after.refused
    assert found.after.refused["MATCHING_ORDER_UNKNOWN"] == 1, "only the order that was never placed"


@pytest.mark.django_db(transaction=True)
def test_what_the_journal_sets_again_does_not_undo_the_change(transactional_db: None) -> None:
    rows = crash()
    rows.insert(3, ([kernel.set_margin_tiers(PERP, LOOSE)], rows[2][1]))
    found = simulate_change(lay([(setup(), START_MS), *rows]), [kernel.set_margin_tiers(PERP, TIGHT)], 10_000)
    assert set(found.after.liquidated) == really([(setup(TIGHT), START_MS), *crash()])[1]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_the_kernel_refuses_and_a_group_without_history(transactional_db: None) -> None:
    group = lay([(setup(), START_MS), *crash()])
    with pytest.raises(DomainError) as refused:
        simulate_change(group, [kernel.set_margin_tiers(PERP, [(10, 100, 200)])], 100)
    assert refused.value.code == "change_refused"
    with pytest.raises(DomainError) as refused:
        simulate_change(int(RiskGroup.objects.create().pk), [kernel.tick()], 100)
    assert refused.value.code == "journal_empty"
