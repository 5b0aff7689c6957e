"""Recorded funding rates, charged by our formula in a kernel."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exchange_os.demo.funding_replay import Rate, premium_of, read_rates, replay, report_lines
from exchange_os.errors import DomainError

DATA = Path(os.environ.get("EXCHANGE_OS_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
RECORDED = DATA / "funding" / "funding_btc_eth_7venues_2020_2023.csv.gz"


@pytest.mark.parametrize(
    ("rate", "hours", "premium"),
    [
        (100_000, 8, 100_000),
        (0, 8, -500_000),
        (100_001, 8, 600_001),
        (3_750_000, 8, 4_250_000),
        (-3_750_000, 8, -4_250_000),
        (12_500, 1, 100_000),
        (937_500, 1, 8_000_000),
    ],
)
def test_a_rate_names_its_premium(rate: int, hours: int, premium: int) -> None:
    assert premium_of(Rate(0, rate, hours)) == premium


def test_what_is_charged_is_what_was_recorded() -> None:
    rates = [
        Rate(at, rate, 8) for at, rate in enumerate((100_000, -123_590, 3_750_000, 0, -3_750_000, 99_999))
    ]
    result = replay("here BTC", rates, 10)
    assert (result.intervals, result.at_interest, result.capped, result.faults) == (6, 1, 2, [])
    assert result.largest <= 8, "an hour's rate is shown to 10^-9"
    assert len(list(report_lines([result]))) == 4


def test_files_are_read_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(
        "funding_time_s,venue,symbol,rate\n57600,a,X,0.00010000\n0,a,X,-0.0001\n28800,a,X,0.000123456789\n99999,a,X,1\n"
    )
    assert read_rates(path) == {"a X": [Rate(28_800, 123_457, 8), Rate(57_600, 100_000, 8)]}
    path.write_text("time,venue,symbol,rate\n1,a,X,0.1\n")
    with pytest.raises(DomainError, match="cannot be read"):
        read_rates(path)
    with pytest.raises(CommandError):
        call_command("replay_funding", tmp_path / "missing.csv.gz")


@pytest.mark.skipif(not RECORDED.is_file(), reason="the recorded rates are not here")
def test_seven_exchanges_are_reproduced() -> None:
    series = read_rates(RECORDED)
    assert len(series) == 14
    for name, rates in series.items():
        result = replay(name, rates, 6)
        assert result.faults == []
        assert result.largest <= 8, name
