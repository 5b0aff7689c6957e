"""Reading a recorded order-event file: clean rows, dirty rows, wrong files."""

import gzip
from pathlib import Path

import pytest

from exchange_os.demo.order_events import BadRow, OrderEvent, ReplayFileError, read_order_events

HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
ROW = "65595247,1430438404518,1430438404000,236.47,200000000,created,bid\n"


def _file(tmp_path: Path, text: str, *, packed: bool = False) -> Path:
    path = tmp_path / "events.csv"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_row_becomes_an_event_whatever_the_packing(tmp_path: Path, packed: bool) -> None:
    events = list(read_order_events(_file(tmp_path, HEADER + ROW, packed=packed)))
    assert events == [OrderEvent(2, "65595247", 1430438404518, 23_647_000_000, 200_000_000, "created", "buy")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2\n", "2 columns instead of 7"),
        (ROW.replace("236.47", "NaN"), "price 'NaN' is not a decimal number"),
        (ROW.replace("236.47", "-1.0"), "price '-1.0' is not a decimal number"),
        (ROW.replace("236.47", "1e30"), "price '1e30' is not a decimal number"),
        (ROW.replace("236.47", "0.00"), "price is zero"),
        (ROW.replace("200000000", "1.5"), "volume '1.5' is not whole 1e-8 units"),
        (ROW.replace("200000000", "9" * 40), f"volume '{'9' * 40}' is not whole 1e-8 units"),
        (ROW.replace("created", "vanished"), "action 'vanished' is not created, changed or deleted"),
        (ROW.replace("bid", "up"), "direction 'up' is not bid or ask"),
        (ROW.replace("65595247", "x" * 33), f"id {'x' * 33!r} is not 1 to 32 letters or digits"),
        (ROW.replace("1430438404518", ""), "timestamp '' is not whole milliseconds"),
    ],
)
def test_a_bad_row_is_named_and_reading_goes_on(tmp_path: Path, row: str, reason: str) -> None:
    events = list(read_order_events(_file(tmp_path, HEADER + row + ROW)))
    assert events[0] == BadRow(2, reason)
    assert isinstance(events[1], OrderEvent)
    assert events[1].line == 3


def test_a_damaged_archive_ends_with_a_named_row(tmp_path: Path) -> None:
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROW * 5000).encode())[:-20])
    *_, last = read_order_events(path)
    assert isinstance(last, BadRow)
    assert "damaged from here on" in last.reason


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "replay_file_empty"),
        ("a,b,c\n1,2,3\n", "replay_columns_missing"),
        (HEADER.replace("price,", ""), "replay_columns_missing"),
    ],
)
def test_a_file_of_another_kind_gets_a_sentence(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(ReplayFileError) as refused:
        list(read_order_events(_file(tmp_path, text)))
    assert refused.value.code == code


def test_a_missing_file_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReplayFileError) as refused:
        list(read_order_events(tmp_path / "nowhere.csv"))
    assert refused.value.code == "replay_file_missing"
    with pytest.raises(ReplayFileError):
        list(read_order_events(tmp_path))
