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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exchange_os.demo.client import wait_until_ready
from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import APP_ROLE, EmbeddedPostgres
from exchange_os.embedded.problems import SetupProblem
from exchange_os.embedded.processes import free_port, last_lines, spawn, stop
from exchange_os.embedded.programs import Program, all_programs
from exchange_os.embedded.valkey import EmbeddedValkey

PROJECT = Path(__file__).resolve().parent.parent.parent
PORTS_VARIABLE = "EXCHANGE_OS_STACK_PORTS"
READY_SECONDS = 60.0


@dataclass
class PrivateStack:
    """``start`` brings everything up, ``stop`` takes it down and deletes the data.

    ``engine_workers`` engine workers are started under the names ``engine-1`` ...; ``extra`` is added to the
    environment of every process and ``engine_extra`` to that of the engine workers. Ports are chosen when
    the stack is made, so that ``environment`` is known before anything runs; a process which was given it can take the
    stack over by ``adopted``.
    """

    engine_workers: int = 1
    extra: Mapping[str, str] = field(default_factory=dict)
    engine_extra: dict[str, str] = field(default_factory=dict)
    data_dir: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="exchange-os-")))
    ports: tuple[int, int, int] = field(default_factory=lambda: (free_port(), free_port(), free_port()))
    postgres: EmbeddedPostgres = field(init=False)
    valkey: EmbeddedValkey = field(init=False)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        keys = load_keys(self.data_dir)
        self.postgres = EmbeddedPostgres(self.data_dir, keys, self.ports[0])
        self.valkey = EmbeddedValkey(self.data_dir, keys, self.ports[1])
        self.port = self.ports[2]

    @classmethod
    def adopted(cls, engine_workers: int, extra: Mapping[str, str]) -> "PrivateStack":
        """The stack that this process was started for, described in its environment and not yet running."""
        ports = [int(port) for port in os.environ[PORTS_VARIABLE].split(",")]
        return cls(
            engine_workers,
            extra,
            data_dir=Path(os.environ["DATA_DIR"]),
            ports=(ports[0], ports[1], ports[2]),
        )

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
            PORTS_VARIABLE: ",".join(map(str, self.ports)),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "DATA_DIR": str(self.data_dir),
            "SECRET_KEY": self.postgres.keys.secret_key,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_PROCESSES": "1",
            "STATIC_COLLECTED": "False",
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    def start(self) -> None:
        """Start everything and wait until ``/readyz`` says so. Raises :class:`SetupProblem` with the reason."""
        self.postgres.start()
        self.valkey.start()
        owner = {"DATABASE_URL": self.postgres.owner_url, "DATABASE_APP_ROLE": APP_ROLE}
        self.manage("prepare", environment=owner)
        for name in self._programs():
            self.launch(name)
        deadline = time.monotonic() + READY_SECONDS
        while not wait_until_ready(self.base_url, 1.0):
            if dead := self.dead():
                raise SetupProblem(f"{', '.join(dead)} ended at the start.\n{self.complaints(dead)}")
            if time.monotonic() > deadline:
                raise SetupProblem(f"The private exchange did not come up.\n{self.complaints()}")

    def stop(self) -> None:
        """Stop everything in order and delete the data."""
        for name, process in self.processes.items():
            self.thaw(name)
            if process.poll() is None:
                process.terminate()
        for name, process in self.processes.items():
            stop(process, timeout_seconds=self._programs()[name].grace_seconds)
        self.processes.clear()
        self.valkey.stop()
        self.postgres.stop()
        for server in ("postgres", "valkey"):
            shutil.rmtree((self.data_dir / server).resolve(), ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def launch(self, name: str) -> None:
        """Start the process ``name`` (again); its output goes to ``logs/<name>.log``."""
        extra = self.engine_extra if name.startswith("engine-") else {}
        self.processes[name] = spawn(
            self._programs()[name].argv,
            log=self.data_dir / "logs" / f"{name}.log",
            env={**self.environment, **extra},
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

    def manage(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a management command against the stack; its output. Raises :class:`SetupProblem` if it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SetupProblem(f"manage.py {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
        return done.stdout

    def complaints(self, names: Sequence[str] = ()) -> str:
        """The last lines of every log, or of those of some processes, for a failure's report."""
        logs = sorted((self.data_dir / "logs").glob("*.log"))
        logs = [log for log in logs if not names or log.stem in names]
        return "\n".join(f"--- {log.name}\n{_shortened(last_lines(log, 12))}" for log in logs)

    def _programs(self) -> dict[str, Program]:
        """The programs of ``make run`` by name, in the order in which they are stopped."""
        programs = all_programs(self.data_dir, engine_workers=self.engine_workers, web_processes=1)
        return {program.name: program for program in programs}


def _shortened(text: str) -> str:
    """Lines of at most 300 characters."""
    return "\n".join(line if len(line) <= 300 else f"{line[:300]} ..." for line in text.splitlines())
