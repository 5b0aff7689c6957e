"""The engine under test: a worker in this process, or real Celery workers in processes of their own."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from redis import Redis

from exchange_os.engine import client, drain, gateway, holdings, limits, presence, sweeper
from exchange_os.engine.services import create_group
from exchange_os.engine.worker import EngineWorker
from tests.engine.cast import open_market

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 20.0


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition that other threads or processes bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about in time"
        threading.Event().wait(0.01)


@pytest.fixture(autouse=True)
def clean_redis(redis_client: Redis) -> Iterator[None]:
    """Every test begins with an empty broker and leaves no connection of its own behind."""
    yield
    client.close()


class LocalWorker:
    """An engine worker in this process; a thread plays Celery's part and takes the wakes from a queue."""

    def __init__(self, name: str = "engine-test") -> None:
        self.engine = EngineWorker(name)
        self.wakes: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._consume, daemon=True)
        self._thread.start()

    def wake(self, group: int, target: str = "*") -> bool:
        """Stand in for ``send_wake``."""
        self.wakes.put(group)
        return True

    def close(self) -> None:
        """End the loop, then give everything up, as a planned end does."""
        self.engine.stop()
        self.wakes.put(None)
        self._thread.join(20)
        self.engine.close()

    def _consume(self) -> None:
        while (group := self.wakes.get()) is not None:
            self.engine.serve(group)


@pytest.fixture
def local_worker(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalWorker]:
    """A worker in this process that gets every wake. Its watchdog must not end the process: that is the test run."""
    for name in ("STALL_EXIT_MS", "DEAF_EXIT_MS"):
        monkeypatch.setattr(limits, name, 3_600_000)
    worker = LocalWorker()
    for module in (client, gateway, holdings, presence, sweeper):
        monkeypatch.setattr(module, "send_wake", worker.wake)
    monkeypatch.setattr(drain, "leave_one_wake", lambda incarnation: worker.wake(0))
    yield worker
    worker.close()


class WorkerProcess:
    """A real Celery worker of the engine, killed at the end of the test."""

    def __init__(self, name: str, environment: dict[str, str]) -> None:
        self.name = name
        database = settings.DATABASES["default"]
        url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
        self._environment = {**os.environ, "DATABASE_URL": url, **environment}
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [
            sys.executable, "-m", "celery", "-A", "exchange_os", "worker", "--pool", "solo",
            "--queues", "engine", "--hostname", self.name, "--loglevel", "WARNING",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        return subprocess.Popen(command, cwd=PROJECT, env=self._environment)

    def restart(self) -> None:
        """Start the process again, as the supervisor does."""
        self.process.wait(20)
        self.process = self._start()

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        self.process.send_signal(number)

    def close(self) -> None:
        """Kill the process, however it is."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait(20)


@pytest.fixture
def worker_process(transactional_db: None, redis_client: Redis) -> Iterator[Callable[..., WorkerProcess]]:
    """Make worker processes by name; each is ready when it is returned."""
    processes: list[WorkerProcess] = []

    def make(name: str = "engine-1", **environment: str) -> WorkerProcess:
        process = WorkerProcess(name, environment)
        processes.append(process)
        wait_until(lambda: any(redis_client.scan_iter(f"xos:worker:{name}/*")))
        return process

    yield make
    for process in processes:
        process.close()


@pytest.fixture
def group(transactional_db: None) -> int:
    """A risk group of one row, with nothing in its journal."""
    return int(create_group().pk)


@pytest.fixture
def market_group(local_worker: LocalWorker, group: int) -> int:
    """A risk group with an open market, a maker and a taker with funds, served in this process."""
    open_market(group)
    return group
