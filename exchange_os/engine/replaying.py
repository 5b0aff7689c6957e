"""Replaying a journal for those who look for something in it: what the operator commanded, and what came of it.

Only the journal and a clean kernel are needed, no table and no setting, so the same replay runs from a downloaded file.
Every link of the chain is checked on the way.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from exchange_kernel import (
    BILL_COLUMNS,
    FILL_COLUMNS,
    KINDS,
    Kernel,
    command_kind,
    decode_acks,
    decode_command,
    decode_copy_bills,
    decode_copy_fills,
    split_commands,
)

from exchange_os.engine.chain import JournalLink, link_fault

#: Kinds of commands from here on are the operator's.
FIRST_OPERATOR_KIND = 64
_TRANSFERS = (KINDS["deposit"], KINDS["withdraw"])
_BILL = tuple(name for name, _ in BILL_COLUMNS)
_FILL = tuple(name for name, _ in FILL_COLUMNS)


class JournalUnsound(ValueError):
    """The journal has a gap or a wrong hash, or does not replay to where it says."""


@dataclass(frozen=True)
class Replayed:
    """One batch: the operator's commands that were taken (with ``sequence``), transfers whatever their answer, and
    fills and bills by column name."""

    first_sequence: int
    last_sequence: int
    now_ms: int
    commands: list[dict[str, Any]]
    transfers: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    bills: list[dict[str, Any]]


class Replay:
    """A replay of a group's journal: iterate ``batches`` once, then ask ``query`` about the end.

    ``hash`` is the chain's hash at the end. Batches before ``first_sequence`` are applied and not shown.
    """

    def __init__(
        self, group: int, links: Iterable[JournalLink], first_sequence: int, last_sequence: int
    ) -> None:
        self._kernel = Kernel(group)
        self._links = links
        self._group = group
        self.first_sequence = first_sequence
        self.last_sequence = last_sequence
        self.hash = b""

    @property
    def now_ms(self) -> int:
        """The kernel's time where the replay stands."""
        return self._kernel.now_ms

    @property
    def batches(self) -> Iterator[Replayed]:
        """The batches of the range, in order. Raises ``JournalUnsound``."""
        sequence = 0
        for link in self._links:
            if link.last_sequence > self.last_sequence:
                break
            fault = link_fault(link, self._group, self.hash, sequence)
            if fault:
                raise JournalUnsound(fault)
            sequence, self.hash = link.last_sequence, link.hash
            if link.last_sequence < self.first_sequence:
                self._kernel.replay(link.commands, link.now_ms)
                shown = None
            else:
                shown = self._apply(link)
            if self._kernel.sequence != sequence:
                raise JournalUnsound(f"the batch that ends at {sequence} replays to {self._kernel.sequence}")
            if shown is not None:
                yield shown
        if sequence < self.last_sequence:
            raise JournalUnsound(f"the journal ends at sequence {sequence}, before {self.last_sequence}")

    def query(self, **request: Any) -> dict[str, Any]:
        """The kernel's answer where the replay stands, as in ``kernel/WIRE.md``."""
        answer: dict[str, Any] = json.loads(self._kernel.query(json.dumps(request).encode()))
        return answer

    def _apply(self, link: JournalLink) -> Replayed:
        applied = self._kernel.apply(link.commands, link.now_ms)
        frames = split_commands(link.commands)
        operated = [
            (place, frame) for place, frame in enumerate(frames) if command_kind(frame) >= FIRST_OPERATOR_KIND
        ]
        commands = []
        if operated:
            acks = decode_acks(applied.acks)
            commands = [
                {**decode_command(frame), "sequence": link.first_sequence + place}
                for place, frame in operated
                if acks[place].code == 0
            ]
        transfers = [decode_command(frame) for frame in frames if command_kind(frame) in _TRANSFERS]
        fills = [dict(zip(_FILL, row, strict=True)) for row in decode_copy_fills(applied.fills_copy)]
        bills = [dict(zip(_BILL, row, strict=True)) for row in decode_copy_bills(applied.bills_copy)]
        return Replayed(
            applied.first_sequence, applied.last_sequence, applied.now_ms, commands, transfers, fills, bills
        )
