"""The synthetic prices and the taker: reproducible, bounded, and the taker leans back."""

import pytest

from exchange_os.demo.flow import Intent, Taker, TakerShape, Wander

SHAPE = TakerShape("BTC-USD", "btcx", reach_ticks=400, base_lots=100, per_mille=550)


def _prices(steps: int, seed: int = 7) -> list[int]:
    fair = Wander("BTC-USD", seed, 6_500_000, 600_000)
    seen = []
    for _ in range(steps):
        fair.step()
        seen.append(fair.ticks)
    return seen


def _orders(steps: int, seed: int = 7, inventory: int = 0) -> list[Intent]:
    taker = Taker(SHAPE, Wander("BTC-USD", seed, 6_500_000, 600_000), seed, "r1", inventory)
    return [intent for _ in range(steps) for intent in taker.step()]


def test_the_same_seed_gives_the_same_prices_and_orders() -> None:
    assert _prices(50) == _prices(50)
    assert _prices(50) != _prices(50, seed=8)
    assert _orders(50) == _orders(50)
    assert _orders(50) != _orders(50, seed=8)


def test_a_price_stays_in_its_corridor_for_a_day_of_steps() -> None:
    seen = _prices(20_000, seed=3)
    assert min(seen) > 6_500_000 * 90 // 100
    assert max(seen) < 6_500_000 * 110 // 100
    assert max(seen) - min(seen) > 6_500_000 // 200


@pytest.mark.parametrize("opening", [3, 18, 97])
def test_a_chance_stays_inside_of_the_payout(opening: int) -> None:
    fair = Wander("SPAIN", 7, opening, 400, low_ticks=2, high_ticks=98)
    taker = Taker(TakerShape("SPAIN", "ox", 2, 20, 1000, payout_ticks=100), fair, 7, "r1")
    for _ in range(500):
        fair.step()
        assert 2 <= fair.ticks <= 98
        (intent,) = taker.step()
        assert 1 <= intent.price_ticks <= 99
        assert intent.size_lots >= 1


def test_a_price_of_an_earlier_run_is_held_near_the_opening() -> None:
    fair = Wander("BTC-USD", 7, 1_000, 10)
    fair.resume(2_000_000)
    assert fair.ticks == 1_050
    fair.resume(990_000)
    assert fair.ticks == 990


def test_the_taker_leans_against_its_inventory_and_never_repeats_an_id() -> None:
    orders = _orders(800, seed=3, inventory=SHAPE.base_lots * 100)
    sides = [order.side for order in orders]
    assert sides.count("sell") > 3 * sides.count("buy")
    ids = [order.client_id for order in orders]
    assert len(ids) == len(set(ids))
    assert max(map(len, ids)) <= 32
