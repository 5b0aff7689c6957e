"""A journal file verifies on its own; any altered byte, gap or loss is found and named."""

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import exchange_kernel as xk
import pytest
from exchange_kernel import __main__ as command
from exchange_kernel.journal_file import HEADER, NotAJournal, batch_bytes, start_bytes, verify

from tests.mixed_stream import GROUP, STREAM, USD, read

EPOCH = 3


def journal_of(batches: list[tuple[int, bytes]]) -> list[bytes]:
    """The file's start and its batches, as an engine with this input would have journaled them."""
    kernel, parts, previous = xk.Kernel(GROUP), [start_bytes(GROUP)], b""
    for now_ms, frames in batches:
        applied = kernel.apply(frames, now_ms)
        numbers = (GROUP, EPOCH, applied.first_sequence, applied.last_sequence, applied.now_ms)
        previous = hashlib.sha256(previous + HEADER.pack(*numbers) + frames).digest()
        parts.append(batch_bytes(numbers, frames, previous))
    return parts


@pytest.fixture(scope="module")
def parts() -> list[bytes]:
    """Two hundred batches of spot, perpetuals and outcomes; the last takes money out."""
    return journal_of(batches())


def batches() -> list[tuple[int, bytes]]:
    """Their times and frames."""
    found = list(read(STREAM.read_bytes()))[:199]
    now_ms = found[-1][0]
    frames = [
        xk.open_account(900, owner=900),
        xk.deposit(900, USD, 100, transfer_id=10**9, issued_ms=now_ms),
        xk.withdraw(900, USD, 5, transfer_id=10**9 + 1, issued_ms=now_ms),
        xk.withdraw(900, USD, 96, transfer_id=10**9 + 2, issued_ms=now_ms),  # more than there is
    ]
    return [*found, (now_ms, b"".join(frames))]


def faults(data: bytes) -> list[str]:
    """What a verification finds."""
    return verify(io.BytesIO(data)).faults


def test_an_honest_journal_holds(parts: list[bytes]) -> None:
    verdict = verify(io.BytesIO(b"".join(parts)))
    assert verdict.faults == []
    assert verdict.batches == 200
    kernel = xk.Kernel(GROUP)
    for now_ms, frames in batches():
        kernel.apply(frames, now_ms)
    assert verdict.root == kernel.state_root().hex()
    assert verdict.totals == {asset: units for asset, units in kernel.totals().items() if units}
    assert verdict.totals == {
        asset: verdict.deposits[asset] - verdict.withdrawals.get(asset, 0) for asset in verdict.deposits
    }
    assert verdict.withdrawals == {USD: 5}


def test_until_stops_at_a_published_head(parts: list[bytes]) -> None:
    whole = verify(io.BytesIO(b"".join(parts[:101])))
    part = verify(io.BytesIO(b"".join(parts)), until=whole.kernel.sequence)
    assert (part.root, part.hash, part.batches) == (whole.root, whole.hash, 100)


def test_what_was_changed_is_named(parts: list[bytes]) -> None:
    altered = bytearray(parts[50])
    altered[HEADER.size + 4 + 30] ^= 1
    assert faults(b"".join([*parts[:50], bytes(altered), *parts[51:]])) == [
        f"batch {_sequences(parts[50])} does not have the hash of its bytes and its predecessor"
    ]
    (gap,) = faults(b"".join(parts[:50] + parts[51:]))
    assert gap.startswith(f"batch {_sequences(parts[51])} follows sequence") and "gap" in gap
    (swapped,) = faults(start_bytes(GROUP + 1) + b"".join(parts[1:]))
    assert swapped == f"batch {_sequences(parts[1])} is of group {GROUP}, the file of group {GROUP + 1}"
    forged = _forged(parts[:2])
    assert "replays to sequence" in forged[0]


def _sequences(part: bytes) -> str:
    _, _, first, last, _ = HEADER.unpack_from(part)
    return f"{first}-{last}"


def _forged(parts: list[bytes]) -> list[str]:
    """A batch with a sound hash that claims more commands than it has."""
    group, epoch, first, last, now_ms = HEADER.unpack_from(parts[1])
    frames = parts[1][HEADER.size + 4 : -32]
    numbers = (group, epoch, first, last + 1, now_ms)
    digest = hashlib.sha256(HEADER.pack(*numbers) + frames).digest()
    return faults(parts[0] + batch_bytes(numbers, frames, digest))


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"XOSJRNL1", start_bytes(1) + b"x", start_bytes(1) + b"\xff" * 60]
)
def test_what_is_no_journal_is_refused(data: bytes) -> None:
    with pytest.raises(NotAJournal):
        verify(io.BytesIO(data))


def test_a_file_that_ends_early_is_refused(parts: list[bytes]) -> None:
    whole = b"".join(parts[:4])
    for cut in (1, 31, 33, len(parts[3]) - 3):
        with pytest.raises(NotAJournal):
            verify(io.BytesIO(whole[:-cut]))


def test_the_command(parts: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "group.journal"
    file.write_bytes(b"".join(parts))

    def run(*more: str) -> tuple[int, dict[str, Any]]:
        code = command.main(["verify", str(file), "--json", *more])
        return code, json.loads(capsys.readouterr().out)

    code, found = run("--account", "16")
    assert (code, found["holds"], found["batches"]) == (0, True, 200)
    assert found["account"]["account"] == 16
    assert run("--root", found["root"].upper(), "--hash", found["hash"])[0] == 0
    code, wrong = run("--root", "00" * 32)
    assert (code, len(wrong["faults"])) == (1, 1)
    assert command.main(["verify", str(tmp_path / "missing")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_it_runs_without_the_platform(parts: list[bytes], tmp_path: Path) -> None:
    file = tmp_path / "group.journal"
    file.write_bytes(b"".join(parts))
    done = subprocess.run(
        [sys.executable, "-m", "exchange_kernel", "verify", str(file)],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"risk group {GROUP}: HOLDS; ")
