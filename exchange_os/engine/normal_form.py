"""The normal form of a journal: what was asked for, apart from when and under which numbers.

Two runs of the same input never have the same journal bytes: clocks differ, and so do the numbers of transfers, keys,
owners and assets, which the platform hands out. The normal form replaces each such number by its order of
appearance, each time by one constant, and leaves out what only moves the clock (ticks) and what was tried again to no
effect (a transfer sent anew by its outbox, an account or market opened twice). A clean kernel that replays the normal
form ends in a state whose root depends on nothing but the input, so equal input gives an equal root, on every machine.

Orders that lapse by time (GTD, dead-man switch, deadlines) have no place in a normal form; ``NormalForm.timed`` counts
them, and a root with ``timed > 0`` says nothing.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from exchange_kernel import KINDS, Kernel, command_kind

from exchange_os.engine.audit import Audit

CLOCK_MS = 1_430_438_400_000
NORMAL_GROUP = 1
FIRST_OPERATOR_KIND = 64

_PLACE, _AMEND, _CANCEL = KINDS["place"], KINDS["amend"], KINDS["cancel"]
_OPEN_ACCOUNT, _SET_ACCOUNT = KINDS["open_account"], KINDS["set_account"]
_DEPOSIT, _WITHDRAW = KINDS["deposit"], KINDS["withdraw"]
_ADD_ASSET, _ADD_MARKET, _TICK = KINDS["add_asset"], KINDS["add_market"], KINDS["tick"]
_TIMED = {KINDS["cancel_all_after"]}
_DEADLINE_AT = {_PLACE: 48, _AMEND: 40, _CANCEL: 24}
_KEY_AT, _BODY_AT, _EXPIRES_AT = 12, 16, 40
_ASSET_NAME_AT, _MARKET_NAME_AT = (21, 24), (105, 112)
_TRANSFER = struct.Struct("<QqQI4x")


class NormalForm(NamedTuple):
    """The outcome: commands kept, the root of the state they lead to, trades made, and commands bound to a time."""

    commands: int
    root: str
    trades: int
    timed: int


@dataclass(slots=True)
class _Numbers:
    """Numbers handed out by the platform, in order of appearance."""

    owners: dict[int, int] = field(default_factory=dict)
    assets: dict[int, int] = field(default_factory=dict)
    transfers: set[int] = field(default_factory=set)
    timed: int = 0

    @staticmethod
    def of(known: dict[int, int], number: int) -> int:
        """The place of ``number`` among those seen, counted from 1."""
        return known.setdefault(number, len(known) + 1)


def normal_form(audit: Audit) -> NormalForm:
    """Replay the normal form of an audited journal in a clean kernel."""
    kernel = Kernel(NORMAL_GROUP)
    numbers = _Numbers()
    frames = [
        normal
        for frame, ack in audit.acks
        if (normal := _normal_frame(frame, ack.code == 0, numbers)) is not None
    ]
    applied = kernel.apply(b"".join(frames), CLOCK_MS)
    return NormalForm(applied.count, kernel.state_root().hex(), applied.trades, numbers.timed)


def _normal_frame(frame: bytes, accepted: bool, numbers: _Numbers) -> bytes | None:
    """One frame in normal form, or ``None`` if it has no place there."""
    kind = command_kind(frame)
    if kind == _TICK or (not accepted and (kind == _OPEN_ACCOUNT or kind >= FIRST_OPERATOR_KIND)):
        return None
    if kind in (_DEPOSIT, _WITHDRAW):
        return _normal_transfer(frame, numbers)
    if kind in (_ADD_ASSET, _ADD_MARKET):
        return _normal_listing(frame, kind, numbers)
    normal = bytearray(frame)
    struct.pack_into("<I", normal, _KEY_AT, 0)
    if kind in (_OPEN_ACCOUNT, _SET_ACCOUNT):
        (owner,) = struct.unpack_from("<Q", frame, _BODY_AT)
        struct.pack_into("<Q", normal, _BODY_AT, numbers.of(numbers.owners, owner))
    deadline_at = _DEADLINE_AT.get(kind)
    if deadline_at is not None:
        (deadline_ms,) = struct.unpack_from("<Q", frame, deadline_at)
        (expires_ms,) = struct.unpack_from("<Q", frame, _EXPIRES_AT) if kind == _PLACE else (0,)
        numbers.timed += bool(deadline_ms or expires_ms)
    numbers.timed += kind in _TIMED
    return bytes(normal)


def _normal_transfer(frame: bytes, numbers: _Numbers) -> bytes | None:
    """A deposit or withdrawal, numbered in order; ``None`` when its id was seen before."""
    transfer_id, amount, _, asset = _TRANSFER.unpack_from(frame, _BODY_AT)
    if transfer_id in numbers.transfers:
        return None
    numbers.transfers.add(transfer_id)
    normal = bytearray(frame)
    struct.pack_into("<I", normal, _KEY_AT, 0)
    place = len(numbers.transfers)
    _TRANSFER.pack_into(normal, _BODY_AT, place, amount, CLOCK_MS, numbers.of(numbers.assets, asset))
    return bytes(normal)


def _normal_listing(frame: bytes, kind: int, numbers: _Numbers) -> bytes:
    """A listing of an asset or market, under its number instead of its name."""
    normal = bytearray(frame)
    struct.pack_into("<I", normal, _KEY_AT, 0)
    if kind == _ADD_ASSET:
        (asset,) = struct.unpack_from("<I", frame, _BODY_AT)
        number = numbers.of(numbers.assets, asset)
        struct.pack_into("<I", normal, _BODY_AT, number)
        return _renamed(normal, _ASSET_NAME_AT, f"A{number}")
    base, quote = struct.unpack_from("<II", frame, _BODY_AT)
    struct.pack_into(
        "<II", normal, _BODY_AT, numbers.of(numbers.assets, base), numbers.of(numbers.assets, quote)
    )
    (market,) = struct.unpack_from("<I", frame, 8)
    return _renamed(normal, _MARKET_NAME_AT, f"M{market}")


def _renamed(frame: bytearray, at: tuple[int, int], name: str) -> bytes:
    """A frame whose text (the byte of its length, its first byte: ``at``) is ``name``."""
    length_at, text_at = at
    frame[length_at] = len(name)
    frame[text_at:] = name.encode("ascii")
    struct.pack_into("<H", frame, 0, len(frame))
    return bytes(frame)
