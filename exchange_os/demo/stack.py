"""A whole private exchange on this machine, started and stopped by a command or a test.

Database and broker of its own on ports of their own, then the same processes that ``make run`` starts: web server,
engine workers, default worker and beat. Each process can be killed, frozen and started again by name, which is what
the chaos runs need. The processes die with the one who started them.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exchange_os.demo.client import wait_until_ready
from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import EmbeddedPostgres
from exchange_os.embedded.problems import SetupProblem
from exchange_os.embedded.processes import free_port, last_lines, spawn, stop
from exchange_os.embedded.valkey import EmbeddedValkey

PROJECT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 60.0
CELERY = (
    "-m",
    "celery",
    "-A",
    "exchange_os",
    "worker",
    "--loglevel",
    "WARNING",
    "--without-gossip",
    "--without-mingle",
)


@dataclass
class PrivateStack:
    """``start`` brings everything up, ``stop`` takes it down and deletes the data.

    ``engine_workers`` engine workers are started under the names ``engine-1`` ...; ``extra`` is added to the
    environment of every process.
    """

    engine_workers: int = 1
    extra: Mapping[str, str] = field(default_factory=dict)
    data_dir: Path = field(init=False)
    postgres: EmbeddedPostgres = field(init=False)
    valkey: EmbeddedValkey = field(init=False)
    port: int = field(init=False, default=0)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.data_dir = Path(tempfile.mkdtemp(prefix="exchange-os-"))
        keys = load_keys(self.data_dir)
        self.postgres = EmbeddedPostgres(self.data_dir, keys)
        self.valkey = EmbeddedValkey(self.data_dir, keys)

    @property
    def base_url(self) -> str:
        """Address of the web server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this stack needs in its environment."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "exchange_os.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "DATA_DIR": str(self.data_dir),
            "SECRET_KEY": self.postgres.keys.secret_key,
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    def start(self) -> None:
        """Start everything and wait until ``/readyz`` says so. Raises :class:`SetupProblem` with the reason."""
        self.postgres.start()
        self.valkey.start()
        self.manage("migrate", "--verbosity", "0")
        self.port = free_port()
        for name in self._commands():
            self.launch(name)
        if not wait_until_ready(self.base_url, READY_SECONDS):
            raise SetupProblem(f"The private stack did not come up.\n{self.complaints()}")

    def stop(self) -> None:
        """Stop everything in order and delete the data."""
        for name in sorted(self.processes, key=lambda name: name != "web"):
            self.thaw(name)
            self.processes[name].terminate() if self.processes[name].poll() is None else None
        for process in self.processes.values():
            stop(process, timeout_seconds=8.0)
        self.processes.clear()
        self.valkey.stop()
        self.postgres.stop()
        for server in ("postgres", "valkey"):
            shutil.rmtree((self.data_dir / server).resolve(), ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def launch(self, name: str, extra: Mapping[str, str] | None = None) -> None:
        """Start the process ``name`` (again); its output goes to ``logs/<name>.log``."""
        self.processes[name] = spawn(
            self._commands()[name],
            log=self.data_dir / "logs" / f"{name}.log",
            env={**self.environment, **(extra or {})},
            cwd=PROJECT,
        )

    def kill(self, name: str) -> float:
        """``kill -9`` a process; the moment (monotonic seconds) at which it was done."""
        moment = time.monotonic()
        self.processes[name].kill()
        self.processes[name].wait()
        return moment

    def freeze(self, name: str) -> None:
        """Stop a process in its tracks (SIGSTOP)."""
        self.processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen process run on (SIGCONT); one that is gone or running is left as it is."""
        if self.processes[name].poll() is None:
            self.processes[name].send_signal(signal.SIGCONT)

    def dead(self) -> list[str]:
        """Names of the processes that have ended."""
        return [name for name, process in self.processes.items() if process.poll() is not None]

    def manage(self, *arguments: str) -> str:
        """Run a management command against the stack; its output. Raises :class:`SetupProblem` if it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SetupProblem(f"manage.py {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def complaints(self) -> str:
        """The last lines of every log, for a failure's report."""
        logs = sorted((self.data_dir / "logs").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{last_lines(log, 15)}" for log in logs)

    def _commands(self) -> dict[str, list[str]]:
        """The argument lists of the processes, by name, in the order in which they are started."""
        python = sys.executable
        commands = {
            f"engine-{number}": [
                python, *CELERY, "--pool", "solo", "--queues", f"engine,engine.engine-{number}",
                "--hostname", f"engine-{number}",
            ]
            for number in range(1, self.engine_workers + 1)
        }  # fmt: skip
        commands["default"] = [
            python,
            *CELERY,
            "--pool",
            "solo",
            "--queues",
            "default",
            "--hostname",
            "default",
        ]
        commands["beat"] = [
            python, "-m", "celery", "-A", "exchange_os", "beat", "--loglevel", "WARNING",
            "--schedule", str(self.data_dir / "beat-schedule"), "--pidfile", "",
        ]  # fmt: skip
        commands["web"] = [
            python, "-m", "uvicorn", "exchange_os.asgi:application", "--host", "127.0.0.1", "--port", str(self.port),
            "--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "3",
        ]  # fmt: skip
        return commands
