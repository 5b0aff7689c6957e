"""The processes of the exchange, as ``make run`` starts them on one machine and production on many.

They are stopped stage by stage, the web server before the workers, so that nobody is promised what nobody will do.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

CLIENTS, WEB, WORKERS = range(3)

_CELERY = ("-m", "celery", "--quiet", "-A", "exchange_os")
_WORKER_OPTIONS = ("--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True)
class Program:
    """A program to keep running: its name and arguments, how long it may take to end, and when it is asked to.

    Programs of a lower ``stop_stage`` have ended before those of a higher one are asked; one stage ends together.
    """

    name: str
    argv: tuple[str, ...]
    grace_seconds: float = 10.0
    stop_stage: int = WORKERS


def web(number: int = 1) -> Program:
    """A web server; it reads HOST, PORT and WEB_PROCESSES from the environment."""
    argv = (sys.executable, "-m", "exchange_os.server")
    return Program(f"web-{number}", argv, grace_seconds=5.0, stop_stage=WEB)


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


#: What the demo consists of, as a number: raised when something is added, which older data directories then get.
DEMO_EDITION = 4


#: Settings of an exchange with a demo, unless given: a fast calendar needs short times to challenge a result.
CUP_SLUG = "world-cup-2026"
DEMO_SETTINGS = {"MIN_CHALLENGE_SECONDS": "60", "FEATURED_VENUE": CUP_SLUG}


def demo_flow(base_url: str) -> Program:
    """The synthetic order flow of the demo, a client of the public API like any other."""
    argv = (sys.executable, "manage.py", "demo_flow", "--base-url", base_url)
    return Program("demo-flow", argv, grace_seconds=3.0, stop_stage=CLIENTS)


def all_programs(data_dir: Path, *, engine_workers: int, web_processes: int) -> list[Program]:
    """Every program of one machine."""
    return [
        *(web(number) for number in range(1, web_processes + 1)),
        beat(data_dir),
        *(engine_worker(number) for number in range(1, engine_workers + 1)),
        default_worker(),
    ]
