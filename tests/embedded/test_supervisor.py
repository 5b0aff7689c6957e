"""``make run`` as a person meets it: it starts, survives a kill, starts again, stops and leaves no process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from exchange_os.embedded.processes import free_port, wait_until_gone

pytestmark = pytest.mark.timeout(300)  # a whole exchange is started several times

PROJECT = Path(__file__).resolve().parent.parent.parent
MINE = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE")


class Running:
    """One ``make run`` on a port and a folder of its own, without the demo."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.data_dir = data_dir
        environment = {name: value for name, value in os.environ.items() if name not in MINE}
        settings = {
            "PORT": str(self.port),
            "DATA_DIR": str(data_dir),
            "DEMO": "0",
            "STATIC_COLLECTED": "False",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "exchange_os.embedded"],
            cwd=PROJECT,
            env=environment | settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def read_until(self, pattern: str) -> str:
        """Read what it says up to the line with ``pattern``; that line. Fails if it ends without it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if re.search(pattern, line):
                return line
        raise AssertionError(f"it ended without saying {pattern!r}:\n{self.said}")

    def readiness(self) -> dict[str, str]:
        """The parts as ``/readyz`` names them; the answer must be 200."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
            parts: dict[str, str] = json.load(answer)["parts"]
        return parts

    def wait_until_ready(self) -> None:
        """Ask ``/readyz`` until it is 200; fails after a minute."""
        deadline = time.monotonic() + 60.0
        while True:
            try:
                assert set(self.readiness().values()) == {"ok"}
                return
            except OSError:
                assert time.monotonic() < deadline, "it did not become ready again"

    def pids(self) -> dict[int, str]:
        """The processes that belong to this run, by what they were started with."""
        found = {}
        folders = {
            str(self.data_dir),
            *(str((self.data_dir / name).resolve()) for name in ("postgres", "valkey")),
        }
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal():
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            mine = f"DATA_DIR={self.data_dir}\0".encode() in environment + b"\0"
            if (mine or any(folder in command for folder in folders)) and int(entry.name) != self.process.pid:
                found[int(entry.name)] = command
        return found

    def stop(self, number: int = signal.SIGINT) -> str:
        """Send a stop signal and wait; all it said. Nothing of it may be left."""
        pids = self.pids()
        if self.process.poll() is None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        left = [pids[pid] for pid in pids if not wait_until_gone(pid, 20.0)]
        assert left == []
        return self.said + rest


def test_it_starts_survives_a_kill_stops_and_starts_again_in_seconds(data_dir: Path) -> None:
    run = Running(data_dir)
    try:
        run.read_until("Exchange OS is ready: http://localhost:")
        assert run.readiness() == {"database": "ok", "broker": "ok", "engine worker": "ok", "beat": "ok"}
        worker = next(pid for pid, command in run.pids().items() if "--hostname engine-1@" in command)
        os.kill(worker, signal.SIGKILL)
        assert run.read_until("engine-1") == "engine-1 ended by signal 9; it is started again.\n"
        database = next(pid for pid, command in run.pids().items() if "bin/postgres -D" in command)
        os.kill(database, signal.SIGKILL)
        assert run.read_until("PostgreSQL") == "PostgreSQL ended; it is started again.\n"
        run.wait_until_ready()
    finally:
        said = run.stop()
    assert run.process.returncode == 0
    assert said.endswith("Stopped.\n")
    assert run.pids() == {}

    again = Running(data_dir)
    try:
        ready = again.read_until("Exchange OS is ready")
        assert float(re.search(r"\((\d+\.\d) s\)", ready).group(1)) < 30.0  # type: ignore[union-attr]
    finally:
        again.stop(signal.SIGTERM)
    assert again.process.returncode == 0


def test_a_killed_supervisor_leaves_no_process(data_dir: Path) -> None:
    run = Running(data_dir)
    run.read_until("Exchange OS is ready")
    run.stop(signal.SIGKILL)
    assert run.pids() == {}


def test_a_taken_port_is_named_with_another(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = Running(data_dir, port)
        said, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 1
    assert (
        f"Port {port} is taken by another program; stop that, or choose another port: make run PORT={port + 1}"
        in said
    )


def test_a_second_supervisor_on_one_folder_is_refused(data_dir: Path) -> None:
    first = Running(data_dir)
    try:
        first.read_until("Database")
        second = Running(data_dir)
        second.process.wait(60)
        said = second.process.stdout.read() if second.process.stdout else ""
        assert f"Exchange OS runs already with the data in {data_dir}; stop it" in said
        assert second.process.returncode == 1
    finally:
        first.stop()
