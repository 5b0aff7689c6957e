"""The synthetic flow of an outcome: reproducible, two-sided, inside of the payout, and near its probability."""

import pytest

from exchange_os.demo.event_flow import OutcomeFlow, OutcomeShape
from exchange_os.demo.flow import MAKERS, TAKER, Intent, MarketFlow, MarketShape


def _run(opening: int, steps: int, seed: int = 7) -> tuple[OutcomeFlow, list[dict[str, list[Intent]]]]:
    flow = OutcomeFlow(OutcomeShape("CUP-SPAIN", "o1", opening, 100), seed=seed, run="r1")
    return flow, [flow.step() for _ in range(steps)]


def test_the_same_seed_gives_the_same_orders() -> None:
    assert _run(20, 50)[1] == _run(20, 50)[1]
    assert _run(20, 50)[1] != _run(20, 50, seed=8)[1]


@pytest.mark.parametrize("opening", [3, 18, 50, 97])
def test_both_sides_are_quoted_inside_of_the_payout(opening: int) -> None:
    flow, steps = _run(opening, 300)
    for items in steps:
        for item in (item for bot in (*MAKERS, TAKER) for item in items[bot] if item.op == "place"):
            assert 1 <= item.price_ticks <= 99
            assert item.size_lots >= 1
    for side in ("buy", "sell"):
        assert any(rung.client_id for rung in flow.rungs if rung.side == side)
    assert opening * 2 // 3 <= flow.fair_ticks <= opening * 4 // 3 + 1


def test_every_order_has_an_id_of_its_own_and_is_cancelled_at_most_once() -> None:
    _, steps = _run(30, 200)
    intents = [item for items in steps for bot in items.values() for item in bot]
    for op in ("place", "cancel"):
        ids = [item.client_id for item in intents if item.op == op]
        assert len(ids) == len(set(ids))


def test_a_refused_order_is_placed_again() -> None:
    flow, (first,) = _run(30, 1)
    refused = first[MAKERS[0]][0]
    flow.on_refused([refused.client_id])
    again = flow.step()[MAKERS[0]]
    assert any((i.op, i.side, i.price_ticks) == ("place", refused.side, refused.price_ticks) for i in again)


def test_a_perpetual_stays_at_the_price_it_follows() -> None:
    leader = MarketFlow(MarketShape("BTC-USD", 650_000, 40, 50_000, 400), seed=7, run="r1")
    shape = MarketShape("BTC-USD-SWAP", 650_000, 30, 9_000, 20, tag="swapx", follows="BTC-USD")
    flow = MarketFlow(shape, seed=7, run="r1", leader=leader)
    ids: set[str] = set()
    for _ in range(500):
        ids |= {item.client_id for bot in leader.step().values() for item in bot}
        ids_here = {item.client_id for bot in flow.step().values() for item in bot}
        assert not ids & ids_here
        assert abs(flow.fair_ticks - leader.fair_ticks) < 650
