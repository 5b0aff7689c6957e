"""The synthetic flow: reproducible, two-sided, deep, bounded, and it comes back to its opening price."""

from exchange_os.demo.flow import LEVELS, MAKERS, TAKER, Intent, MarketFlow, MarketShape

SHAPE = MarketShape("BTC-USD", opening_ticks=6_500_000, gap_ticks=400, step_milliticks=600_000, base_lots=100)


def _run(steps: int, seed: int = 7) -> tuple[MarketFlow, list[dict[str, list[Intent]]]]:
    flow = MarketFlow(SHAPE, seed=seed, run="r1")
    return flow, [flow.step() for _ in range(steps)]


def test_the_same_seed_gives_the_same_orders() -> None:
    assert _run(50)[1] == _run(50)[1]
    assert _run(50)[1] != _run(50, seed=8)[1]


def test_the_first_step_quotes_both_sides_in_depth() -> None:
    flow, (first,) = _run(1)
    for maker in MAKERS:
        buys = {item.price_ticks for item in first[maker] if item.side == "buy"}
        sells = {item.price_ticks for item in first[maker] if item.side == "sell"}
        assert len(buys) >= 30
        assert len(sells) >= 30
        assert max(buys) < flow.fair_ticks < min(sells)
        assert all(item.post_only and item.size_lots >= 1 for item in first[maker])
    assert len(first[MAKERS[0]]) == LEVELS * 2


def test_a_quiet_step_is_a_few_orders_and_client_ids_never_repeat() -> None:
    _, steps = _run(400)
    placed = [
        item.client_id for step in steps for items in step.values() for item in items if item.op == "place"
    ]
    assert len(placed) == len(set(placed))
    assert max(len(client_id) for client_id in placed) <= 32
    later = [sum(len(items) for items in step.values()) for step in steps[20:]]
    assert sum(later) / len(later) < 30


def test_the_price_stays_in_its_corridor_for_a_day_of_steps() -> None:
    flow = MarketFlow(SHAPE, seed=3, run="r1")
    seen = []
    for _ in range(20_000):
        flow._move_fair_price()
        seen.append(flow.fair_ticks)
    assert min(seen) > SHAPE.opening_ticks * 90 // 100
    assert max(seen) < SHAPE.opening_ticks * 110 // 100
    assert max(seen) - min(seen) > SHAPE.opening_ticks // 200


def test_the_taker_leans_against_its_inventory() -> None:
    flow = MarketFlow(SHAPE, seed=3, run="r1")
    flow.on_inventory(SHAPE.base_lots * 100)
    sides = [item.side for _ in range(400) for item in flow.step()[TAKER]]
    assert sides.count("sell") > 3 * sides.count("buy")


def test_a_refused_quote_is_placed_again_at_the_next_step() -> None:
    flow, (first,) = _run(1)
    refused = first[MAKERS[0]][0].client_id
    flow.on_refused([refused])
    again = flow.step()[MAKERS[0]]
    assert not any(item.client_id == refused for item in again)
    assert any(item.op == "place" for item in again)
