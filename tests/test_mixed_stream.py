"""The release build makes of the fixed stream what the checked build of ``cargo test`` makes of it."""

from tests.mixed_stream import GOLDEN, STREAM, play, read

HAPPENED = (
    "order", "fill", "position", "price", "funding", "algo", "liquidation", "adl", "insurance", "settlement"
)  # fmt: skip


def test_the_release_build_meets_the_golden_state_root_and_events() -> None:
    """``kernel/tests/mixed_stream.rs`` asserts the same of the same bytes with debug assertions."""
    golden, seen = play(STREAM.read_bytes())
    assert golden == GOLDEN.read_text(), "commands, events or state changed; see tests/mixed_stream.py"
    assert [kind for kind in HAPPENED if seen[kind] == 0] == [], "the stream exercises what it says"


def test_one_frame_less_is_another_history() -> None:
    data = STREAM.read_bytes()
    *_, (_, last) = read(data)
    shorter = data[: -len(last) - 12]
    assert play(shorter)[0] != GOLDEN.read_text()
