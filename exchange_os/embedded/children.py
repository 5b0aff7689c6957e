"""Keeps programs running: starts them, sees that they died, starts them again with growing pauses, stops them."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exchange_os.embedded.processes import last_lines, signal_group, spawn
from exchange_os.embedded.programs import Program

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 30.0


@dataclass
class Child:
    """A program with its process; ``pause_seconds`` is how long to wait before its next start."""

    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    start_again_at: float = 0.0
    pause_seconds: float = _FIRST_PAUSE_SECONDS

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None


def signal_process(child: Child, number: int) -> None:
    """Send a signal to the child's process; one that has ended in the meantime is fine."""
    if child.process is not None:
        child.process.send_signal(number)


def end_by_force(child: Child) -> None:
    """End whatever is left of the child's process group and collect its exit code."""
    if child.process is not None:
        signal_group(child.process.pid, signal.SIGKILL)
        child.process.wait()


@dataclass
class Children:
    """The programs of one supervisor. ``tell`` is called with a sentence for the person at the terminal."""

    environment: Mapping[str, str]
    logs: Path
    cwd: Path
    tell: Callable[[str], None]
    children: list[Child] = field(default_factory=list)

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        child = Child(program)
        self.children.append(child)
        self._spawn(child)

    def tend(self) -> None:
        """Start again what has died and whose pause is over; to be called several times a second."""
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self._note_death(child, now)
            if child.process is None and now >= child.start_again_at:
                self._spawn(child)

    def stop(self, impatient: Callable[[], bool] = lambda: False) -> None:
        """Stop all, one stage after the other; by force what takes too long, and all of it once ``impatient()``."""
        for stage in sorted({child.program.stop_stage for child in self.children}):
            leaving = [
                child for child in self.children if child.program.stop_stage == stage and child.running
            ]
            for child in leaving:
                signal_process(child, signal.SIGTERM)
            asked_at = time.monotonic()
            while any(child.running for child in leaving) and not impatient():
                for child in leaving:
                    if child.running and time.monotonic() - asked_at > child.program.grace_seconds:
                        signal_process(child, signal.SIGKILL)
                time.sleep(0.02)
            for child in leaving:
                end_by_force(child)
        self.children.clear()

    def hopeless(self) -> Child | None:
        """A program that has died so often in a row that starting it again will not help; None if there is none."""
        return next(
            (child for child in self.children if child.pause_seconds > _FIRST_PAUSE_SECONDS * 8), None
        )

    def _spawn(self, child: Child) -> None:
        child.process = spawn(
            child.program.argv, log=self.log_of(child.program), env=self.environment, cwd=self.cwd
        )
        child.started_at = time.monotonic()

    def _note_death(self, child: Child, now: float) -> None:
        assert child.process is not None, "a dead child had a process"
        code = child.process.returncode
        signal_group(child.process.pid, signal.SIGKILL)
        child.process = None
        if now - child.started_at > _STEADY_SECONDS:
            child.pause_seconds = _FIRST_PAUSE_SECONDS
        child.start_again_at = now + child.pause_seconds
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        self.tell(f"{child.program.name} ended {how}; it is started again.")
        if child.pause_seconds == _FIRST_PAUSE_SECONDS * 4:
            self.tell(f"The end of {self.log_of(child.program)}:\n{last_lines(self.log_of(child.program))}")
        child.pause_seconds = min(child.pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def log_of(self, program: Program) -> Path:
        """The file with a program's output."""
        return self.logs / f"{program.name}.log"
