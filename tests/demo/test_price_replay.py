"""Playing bars: a crash made for the purpose liquidates down the waterfall, balances, and comes out the same twice."""

from pathlib import Path

import pytest
from django.core.management import call_command

from exchange_os.demo.order_events import BadRow
from exchange_os.demo.price_bars import Bar
from exchange_os.demo.price_replay import PriceReplay, Tally, path_of
from exchange_os.demo.price_report import Outcome, examine, report_lines
from exchange_os.demo.price_stage import open_stage
from exchange_os.demo.progress import Progress

START_MS = 1_640_995_200_000
PRICE_E8 = 40_000 * 10**8


def crash(minutes: int, at: int, depth_ppm: int) -> list[Bar | BadRow]:
    """Calm bars, then a fall of ``depth_ppm`` within five minutes, then calm again; one row in it is malformed."""
    rows: list[Bar | BadRow] = []
    price = PRICE_E8
    for minute in range(minutes):
        close = (
            price - PRICE_E8 * depth_ppm // 5_000_000
            if at <= minute < at + 5
            else price + 10**8 * (minute % 3 - 1)
        )
        rows.append(
            Bar(minute + 2, START_MS + 60_000 * minute, price, max(price, close), min(price, close), close)
        )
        price = close
    rows.insert(3, BadRow(5, "high 'NaN' is not a positive decimal number"))
    return rows


def play(rows: list[Bar | BadRow], accounts: int, seed: int = 7) -> tuple[Tally, Outcome]:
    stage = open_stage(PRICE_E8, START_MS, accounts, seed)
    tally = Tally()
    PriceReplay(stage, seed, accounts // 10, tally).play(rows, Progress("replay", len(rows)))
    return tally, examine(stage)


def test_a_rising_bar_is_played_through_its_low_first() -> None:
    assert path_of(Bar(2, 60_000, 10, 14, 8, 12)) == [(60_000, 10), (75_000, 8), (90_000, 14), (105_000, 12)]
    assert [price for _, price in path_of(Bar(2, 0, 12, 14, 8, 10))] == [12, 14, 8, 10]


def test_a_crash_goes_down_the_waterfall_and_balances() -> None:
    tally, outcome = play(crash(120, 60, 250_000), 400)
    assert outcome.faults == []
    steps = {stage["name"]: stage["steps"] for stage in outcome.fund["stages"]}
    assert steps["book"] > 0
    assert steps["insurance_fund"] > 0
    assert outcome.fund["fund"] >= 0
    assert len(tally.liquidated) > 40, (
        "a fall of a quarter ends most that have more than four times their stake"
    )
    lines = list(report_lines(tally, outcome, 400))
    assert "  malformed       line 5: high 'NaN' is not a positive decimal number" in lines
    assert lines[-2].startswith("conservation               holds")


def test_the_same_bars_and_seed_end_in_the_same_state() -> None:
    rows = crash(40, 20, 150_000)
    roots = [play(rows, 150, seed)[1].root for seed in (3, 3, 4)]
    assert roots[0] == roots[1] != roots[2]


def test_the_command_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bars.csv"
    rows = "".join(f"{1_504_483_200 + 60 * at},4626.05,4630,4600.5,4626.05\n" for at in range(30))
    path.write_text("open_time_s,open,high,low,close\n" + rows + "soon,1,1,1,1\n")
    call_command("replay_prices", str(path), accounts=100, orders=10, twice=True)
    shown = capsys.readouterr().out
    assert "malformed 1" in shown
    assert "line 32: open_time_s 'soon' is not a time" in shown
    assert "the same state root" in shown
