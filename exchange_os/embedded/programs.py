"""The processes of the exchange, as ``make run`` starts them on one machine and production on many.

They are stopped in the order of the list, the web server first, so that nobody is promised what nobody will do.
"""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path

_CELERY = ("-m", "celery", "--quiet", "-A", "exchange_os")
_WORKER_OPTIONS = ("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True)
class Program:
    """A program to keep running: its name, its arguments, how to ask it to end and how long that may take."""

    name: str
    argv: tuple[str, ...]
    grace_seconds: float = 10.0
    polite_signal: int = signal.SIGTERM


def web(number: int = 1) -> Program:
    """A web server; it reads HOST, PORT and WEB_PROCESSES from the environment."""
    return Program(f"web-{number}", (sys.executable, "-m", "exchange_os.server"), grace_seconds=5.0)


def engine_worker(number: int) -> Program:
    """An engine worker: one process, one command loop. It listens to the shared queue ``engine`` for groups without
    an owner and, by itself, to a queue of its own name for those it owns."""
    name = f"engine-{number}"
    return Program(
        name,
        (
            sys.executable, *_CELERY, "worker", "--pool", "solo", "--queues", "engine",
            "--hostname", f"{name}@%h", *_WORKER_OPTIONS,
        ),
    )  # fmt: skip


def default_worker() -> Program:
    """The worker for everything that is not a kernel: sweeps, outbox, nightly checks."""
    return Program(
        "default",
        (
            sys.executable, *_CELERY, "worker", "--pool", "threads", "--concurrency", "4", "--queues", "default",
            "--hostname", "default@%h", *_WORKER_OPTIONS,
        ),
    )  # fmt: skip


def beat(data_dir: Path) -> Program:
    """The doorbell of the periodic tasks."""
    return Program(
        "beat",
        (
            sys.executable, *_CELERY, "beat", "--loglevel", "WARNING", "--pidfile", "",
            "--schedule", str(data_dir / "beat-schedule"),
        ),
        grace_seconds=5.0,
    )  # fmt: skip


def demo_flow(base_url: str) -> Program:
    """The synthetic order flow of the demo, a client of the public API like any other."""
    return Program(
        "demo-flow", (sys.executable, "manage.py", "demo_flow", "--base-url", base_url), grace_seconds=3.0
    )


def all_programs(data_dir: Path, *, engine_workers: int, web_processes: int) -> list[Program]:
    """Every program of one machine, in the order in which they are stopped."""
    return [
        *(web(number) for number in range(1, web_processes + 1)),
        beat(data_dir),
        *(engine_worker(number) for number in range(1, engine_workers + 1)),
        default_worker(),
    ]
