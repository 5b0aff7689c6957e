"""What the supervisor does with its programs: starts, starts again, stops all, leaves none."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchange_os.embedded.children import Child, Children
from exchange_os.embedded.processes import is_running, spawn, wait_until_gone
from exchange_os.embedded.programs import CLIENTS, WEB, WORKERS, Program

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
)
PARENT = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(p.pid, flush=True); time.sleep(600)",
)


@pytest.fixture
def said() -> list[str]:
    """What the supervisor told the person at the terminal."""
    return []


@pytest.fixture
def children(tmp_path: Path, said: list[str]) -> Iterator[Children]:
    """A supervisor's programs, all gone after the test."""
    group = Children(dict(os.environ), tmp_path, tmp_path, said.append)
    yield group
    group.stop(impatient=lambda: True)


def wait_for(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return as soon as ``holds()``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        os.sched_yield()


def pid_of(child: Child) -> int:
    """The process id of a running child."""
    assert child.process is not None
    return child.process.pid


def test_a_killed_program_is_started_again_and_that_is_said(children: Children, said: list[str]) -> None:
    children.start(Program("sleeper", SLEEPER))
    child = children.children[0]
    first = pid_of(child)
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: (children.tend(), child.running and pid_of(child) != first)[1])
    assert said == ["sleeper ended by signal 9; it is started again."]


def test_a_program_that_keeps_dying_is_started_less_and_less_often(
    children: Children, said: list[str]
) -> None:
    children.start(Program("broken", (sys.executable, "-c", "raise SystemExit(7)")))
    child = children.children[0]
    pauses = []
    while len(pauses) < 3:
        wait_for(lambda: (children.tend(), child.process is None)[1])
        pauses.append(child.pause_seconds)
        child.start_again_at = 0.0
        children.tend()
    assert pauses == [0.4, 0.8, 1.6]
    assert said[0] == "broken ended with exit code 7; it is started again."


def test_stop_ends_every_program_and_the_programs_it_started(children: Children, tmp_path: Path) -> None:
    children.start(Program("parent", PARENT))
    children.start(Program("sleeper", SLEEPER))
    log = tmp_path / "parent.log"
    wait_for(lambda: log.read_text().endswith("\n"))
    pids = [pid_of(child) for child in children.children] + [int(log.read_text())]
    children.stop()
    assert all(wait_until_gone(pid, 5.0) for pid in pids)


def test_a_program_deaf_to_the_polite_signal_is_ended_by_force(children: Children, tmp_path: Path) -> None:
    children.start(Program("stubborn", STUBBORN, grace_seconds=0.2))
    wait_for(lambda: (tmp_path / "stubborn.log").read_text() == "deaf\n")
    pid = pid_of(children.children[0])
    children.stop()
    assert not is_running(pid)


def test_a_later_stage_is_asked_only_when_the_earlier_has_ended(children: Children, tmp_path: Path) -> None:
    report = (
        "import signal, sys, time\n"
        "def leave(*_):\n    print(time.monotonic(), flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, leave); print('up', flush=True); time.sleep(600)"
    )
    for name, stage in (("worker", WORKERS), ("client", CLIENTS), ("web", WEB)):
        children.start(Program(name, (sys.executable, "-c", report), stop_stage=stage))
    logs = [tmp_path / f"{name}.log" for name in ("client", "web", "worker")]
    wait_for(lambda: all(log.read_text() == "up\n" for log in logs))
    children.stop()
    moments = [float(log.read_text().splitlines()[1]) for log in logs]
    assert moments == sorted(moments)


def test_a_program_goes_with_the_process_that_started_it(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    starter = os.fork()
    if starter == 0:
        process = spawn(SLEEPER, log=tmp_path / "sleeper.log")
        os.write(writing, str(process.pid).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(starter, 0)
    assert wait_until_gone(int(os.read(reading, 20)), 5.0)
    os.close(reading)
    os.close(writing)
