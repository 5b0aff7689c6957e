"""What waits to be sent on one socket: bounded, in order, and never in the way of other sockets."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

MAX_FRAMES = 256
STALL_SECONDS = 5.0

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Outbox:
    """Frames on their way to one socket.

    A socket that reads too slowly fills its outbox; then everything in it is dropped and ``on_overflow`` decides what
    it gets instead. ``stalled`` tells that a single frame has not left for ``STALL_SECONDS``.
    """

    def __init__(self, send: Send, on_overflow: Callable[[], None], limit: int = MAX_FRAMES) -> None:
        self._send = send
        self._on_overflow = on_overflow
        self._limit = limit
        self._frames: deque[str] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._sending_since = 0.0
        self.closed = False
        self.sent_at = time.monotonic()

    @property
    def stalled(self) -> bool:
        """Whether the frame being sent has been stuck for too long."""
        return self._sending_since > 0 and time.monotonic() - self._sending_since > STALL_SECONDS

    def offer(self, frame: str) -> None:
        """Queue a frame."""
        if self.closed:
            return
        if len(self._frames) >= self._limit:
            self._frames.clear()
            self._on_overflow()
            return
        self._frames.append(frame)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        send, frames = self._send, self._frames
        try:
            while frames:
                frame = frames.popleft()
                self._sending_since = time.monotonic()
                await send({"type": "websocket.send", "text": frame})
            self.sent_at = time.monotonic()
        except Exception:
            # The socket is gone, whatever the server calls that; its consumer is told by the disconnect.
            self.close()
        finally:
            self._sending_since = 0.0
            self._writer = None

    async def flush(self) -> None:
        """Wait until everything queued has been handed to the server."""
        while self._writer is not None:
            await asyncio.shield(self._writer)

    def close(self) -> None:
        """Drop what waits and take nothing more."""
        self.closed = True
        self._frames.clear()
        if self._writer is not None and self._writer is not asyncio.current_task():
            self._writer.cancel()
