"""Reading recorded bars: both time columns, dirty rows by name, wrong files."""

import gzip
from pathlib import Path

import pytest

from exchange_os.demo.order_events import BadRow
from exchange_os.demo.price_bars import Bar, PriceFileError, read_bars

HEADER = "timestamp,open,high,low,close,volume\n"
ROW = "2021-12-31 23:01:00.000000,46319.0,46385.0,46300.5,46377.0,2300413.7\n"


def _file(tmp_path: Path, text: str, *, packed: bool = False) -> Path:
    path = tmp_path / "bars.csv"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_row_becomes_a_bar_whatever_the_packing(tmp_path: Path, packed: bool) -> None:
    bars = list(read_bars(_file(tmp_path, HEADER + ROW, packed=packed)))
    assert bars == [
        Bar(2, 1_640_991_660_000, 4_631_900_000_000, 4_638_500_000_000, 4_630_050_000_000, 4_637_700_000_000)
    ]


def test_seconds_are_a_time_too(tmp_path: Path) -> None:
    text = "open_time_s,open,high,low,close\n1504483200,1,2,0.5,1.5\n"
    assert list(read_bars(_file(tmp_path, text))) == [
        Bar(2, 1_504_483_200_000, 100_000_000, 200_000_000, 50_000_000, 150_000_000)
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2\n", "2 columns instead of 5"),
        (ROW.replace("46385.0", "NaN"), "high 'NaN' is not a positive decimal number"),
        (ROW.replace("46300.5", "-1"), "low '-1' is not a positive decimal number"),
        (ROW.replace("46377.0", "0.0"), "close '0.0' is not a positive decimal number"),
        (ROW.replace("46319.0", "1e30"), "open '1e30' is not a positive decimal number"),
        (ROW.replace("46300.5", "46320"), "open and close do not lie between low and high"),
        (ROW.replace("2021-12-31 23:01", "soon"), "timestamp 'soon:00.000000' is not a time"),
    ],
)
def test_a_bad_row_is_named_and_reading_goes_on(tmp_path: Path, row: str, reason: str) -> None:
    rows = list(read_bars(_file(tmp_path, HEADER + row + ROW)))
    assert rows[0] == BadRow(2, reason)
    assert isinstance(rows[1], Bar)


def test_time_runs_forwards(tmp_path: Path) -> None:
    assert list(read_bars(_file(tmp_path, HEADER + ROW + ROW)))[1] == BadRow(
        3, "not later than the bar before it"
    )


def test_a_damaged_archive_ends_with_a_named_row(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv.gz"
    rows = "".join(f"{1504483200 + 60 * at},{at}.{at},9999,0.1,{at}\n" for at in range(1, 9_000))
    path.write_bytes(gzip.compress(("open_time_s,open,high,low,close\n" + rows).encode())[:-2_000])
    *_, last = read_bars(path)
    assert isinstance(last, BadRow)


@pytest.mark.parametrize(
    ("text", "code"), [("", "price_columns_missing"), ("time,open\n", "price_columns_missing")]
)
def test_other_columns_are_named(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(PriceFileError) as caught:
        list(read_bars(_file(tmp_path, text)))
    assert caught.value.code == code


def test_no_file_no_bars(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError) as caught:
        list(read_bars(tmp_path / "none.csv"))
    assert caught.value.code == "price_file_missing"
