"""A progress bar on standard error: one line that rewrites itself on a terminal, a line every tenth elsewhere."""

import sys
import time
from typing import TextIO

WIDTH = 30


class Progress:
    """Shows how many of ``total`` are done, the rate since the start and the time left."""

    def __init__(self, title: str, total: int, stream: TextIO | None = None) -> None:
        self._title = title
        self._total = max(1, total)
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._started = time.monotonic()
        self._shown_at = 0.0
        self._tenth = -1

    def show(self, done: int) -> None:
        """Draw the bar if it is time to: ten times a second on a terminal, once a tenth elsewhere."""
        now = time.monotonic()
        tenth = done * 10 // self._total
        due = now - self._shown_at >= 0.1 or done >= self._total if self._live else tenth > self._tenth
        if not due:
            return
        self._shown_at, self._tenth = now, tenth
        seconds = max(1e-3, now - self._started)
        rate = int(done / seconds)
        left = int((self._total - done) / rate) if rate else 0
        filled = min(WIDTH, done * WIDTH // self._total)
        bar = "#" * filled + "." * (WIDTH - filled)
        text = (
            f"{self._title} [{bar}] {done:,}/{self._total:,}  {rate:,}/s  {left // 60}:{left % 60:02d} left"
        )
        self._stream.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the bar's line."""
        if self._live:
            self._stream.write("\n")
            self._stream.flush()
