"""An outbox: in order, bounded, and never in the way of others."""

import asyncio
from typing import Any

from trading.outbox import Outbox


class Socket:
    """Takes frames while its gate is open."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.overflows = 0

    async def send(self, message: dict[str, Any]) -> None:
        await self.gate.wait()
        self.frames.append(message["text"])

    def overflowed(self) -> None:
        self.overflows += 1


async def test_frames_leave_in_order() -> None:
    socket = Socket()
    outbox = Outbox(socket.send, socket.overflowed)
    for number in range(100):
        outbox.offer(str(number))
    await outbox.flush()

    assert socket.frames == [str(number) for number in range(100)]
    assert socket.overflows == 0


async def test_a_socket_that_does_not_read_loses_what_waits_and_memory_stays_flat() -> None:
    socket = Socket()
    socket.gate.clear()
    outbox = Outbox(socket.send, socket.overflowed, limit=10)
    for number in range(10_000):
        outbox.offer(str(number))
        if number % 100 == 0:
            await asyncio.sleep(0)

    assert socket.overflows > 100
    assert len(outbox._frames) <= 10
    socket.gate.set()
    await outbox.flush()
    outbox.offer("whole")
    await outbox.flush()
    assert len(socket.frames) <= 12
    assert socket.frames[-1] == "whole"


async def test_nothing_is_taken_after_closing() -> None:
    socket = Socket()
    outbox = Outbox(socket.send, socket.overflowed)
    outbox.close()
    outbox.offer("late")
    await outbox.flush()

    assert socket.frames == []


async def test_a_socket_that_broke_closes_its_outbox() -> None:
    async def broken(message: dict[str, Any]) -> None:
        raise ConnectionResetError

    outbox = Outbox(broken, lambda: None)
    outbox.offer("frame")
    await outbox.flush()

    assert outbox.closed
