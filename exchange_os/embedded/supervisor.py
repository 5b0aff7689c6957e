"""``make run``: everything on one machine under one supervisor.

Database and broker first (unless their addresses are given), then the schema, then the programs, then a demo on the
first run. From then on it starts again whatever dies. A stop signal stops all of it in order: web server, beat,
workers, broker, database. Each program asks the system to be ended with its parent, so that even a killed supervisor
leaves no process.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from exchange_os.embedded.children import Children
from exchange_os.embedded.keys import load_keys, write_private
from exchange_os.embedded.options import Options
from exchange_os.embedded.postgres import EmbeddedPostgres
from exchange_os.embedded.problems import SetupProblem
from exchange_os.embedded.processes import last_lines, port_is_free
from exchange_os.embedded.programs import CUP_SLUG, DEMO_EDITION, DEMO_SETTINGS, all_programs, demo_flow
from exchange_os.embedded.valkey import EmbeddedValkey

PROJECT = Path(__file__).resolve().parent.parent.parent
_TEND_SECONDS = 0.05
_READY_SECONDS = 90.0
_ROOM_NEEDED_MB = 500
_EXIT_PROBLEM = 3


class _StopAsked(BaseException):
    """A stop signal arrived."""


@dataclass
class Supervisor:
    """Runs the exchange as ``options`` say until a stop signal."""

    options: Options
    _servers: list[EmbeddedPostgres | EmbeddedValkey] = field(default_factory=list)
    _environment: dict[str, str] = field(default_factory=dict)
    _owner_url: str | None = field(default_factory=lambda: os.environ.get("DATABASE_OWNER_URL"))
    _children: Children | None = None
    _stop_signals: int = 0

    def run(self) -> None:
        """Start everything, keep it running, return after a stop signal has been obeyed.

        Raises SetupProblem, with everything stopped again, if something cannot be started.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop_signal)
        try:
            with self._only_one():
                try:
                    self._start()
                    self._keep_running()
                finally:
                    self._stop_signals = max(self._stop_signals, 1)
                    self._stop()
        except _StopAsked:
            return

    def _start(self) -> None:
        began = time.monotonic()
        self._check_machine()
        self._start_servers()
        self._prepare()
        self._start_programs()
        self._wait_until_ready()
        people = self._start_demo()
        self._say(f"\nExchange OS is ready: {self.options.url}  ({time.monotonic() - began:.1f} s)")
        if people:
            self._say(f"  The World Cup opens in some seconds: {self.options.url}/v/{CUP_SLUG}/")
        for person in people:
            self._say("  Sign in as {role}: {email}  password: {password}".format(**person))
        self._say(f"Ctrl-C stops it. Data and logs: {self.options.data_dir}\n")

    def _check_machine(self) -> None:
        data_dir = self.options.data_dir
        free_mb = shutil.disk_usage(data_dir).free // 1_000_000
        if free_mb < _ROOM_NEEDED_MB:
            raise SetupProblem(
                f"There are {free_mb} MB free on the disk of {data_dir} and {_ROOM_NEEDED_MB} MB are needed; "
                "make room, or set DATA_DIR to a folder on another disk."
            )
        if not port_is_free(self.options.port, self.options.host):
            raise SetupProblem(
                f"Port {self.options.port} is taken by another program; stop that, "
                f"or choose another port: make run PORT={self.options.port + 1}"
            )

    def _start_servers(self) -> None:
        keys = load_keys(self.options.data_dir)
        database_url, redis_url = self.options.database_url, self.options.redis_url
        if database_url is None:
            with self._step("Database (PostgreSQL)"):
                postgres = EmbeddedPostgres(self.options.data_dir, keys)
                self._servers.append(postgres)
                postgres.start()
                database_url, self._owner_url = postgres.url, postgres.owner_url
        if redis_url is None:
            with self._step("Broker (Valkey)"):
                valkey = EmbeddedValkey(self.options.data_dir, keys)
                self._servers.append(valkey)
                valkey.start()
                redis_url = valkey.url
        addresses = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": os.environ.get("SECRET_KEY") or keys.secret_key,
            "EXCHANGE_OS_URL": self.options.loopback_url,
        }
        self._environment = {
            **os.environ,
            **addresses,
            "DATA_DIR": str(self.options.data_dir),
            "DJANGO_SETTINGS_MODULE": "exchange_os.settings",
            "PORT": str(self.options.port),
            "HOST": self.options.host,
            "WEB_PROCESSES": str(self.options.web_processes),
            "PYTHONUNBUFFERED": "1",
        }
        if self.options.demo:
            self._environment = DEMO_SETTINGS | self._environment
        lines = "".join(f"{name}={json.dumps(value)}\n" for name, value in addresses.items())
        write_private(self.options.data_dir / "environment", lines)

    def _prepare(self) -> None:
        """Migrate as the owner of the schema, where that is another role than the programs'."""
        owner: dict[str, str] = {}
        if self._owner_url:
            role = urlsplit(self._environment["DATABASE_URL"]).username or ""
            owner = {"DATABASE_URL": self._owner_url, "DATABASE_APP_ROLE": role}
        with self._step("Schema and static files"):
            self._manage("prepare", environment=owner)

    def _start_programs(self) -> None:
        with self._step(f"Web server, {self.options.engine_workers} engine workers, default worker, beat"):
            self._children = Children(self._environment, self.options.logs, PROJECT, self._say)
            for program in all_programs(
                self.options.data_dir,
                engine_workers=self.options.engine_workers,
                web_processes=self.options.web_processes,
            ):
                self._children.start(program)

    def _wait_until_ready(self) -> None:
        with self._step("Ready for orders"):
            deadline = time.monotonic() + _READY_SECONDS
            missing = ["web server"]
            while missing:
                if time.monotonic() > deadline:
                    raise SetupProblem(
                        f"Not ready after {_READY_SECONDS:.0f} seconds: {', '.join(missing)}; see {self.options.logs}."
                    )
                self._tend()
                self._give_up_if_hopeless()
                time.sleep(_TEND_SECONDS * 2)
                missing = _missing_parts(self.options.loopback_url)

    def _give_up_if_hopeless(self) -> None:
        assert self._children is not None, "the programs have been started"
        child = self._children.hopeless()
        if child is not None:
            log = self._children.log_of(child.program)
            raise SetupProblem(
                f"{child.program.name} cannot be started; the end of {log}:\n{last_lines(log)}"
            )

    def _start_demo(self) -> list[dict[str, str]]:
        """Make the demo on the first run, or what it lacks, and set its flow going; the people who can sign in.

        A demo that cannot be made is said and tried again on the next run; the exchange runs without it.
        """
        record = self.options.data_dir / "demo.json"
        if not self.options.demo:
            return []
        if not record.exists() or json.loads(record.read_text()).get("edition") != DEMO_EDITION:
            try:
                with self._step("Demo venue"):
                    write_private(record, self._manage("seed_demo", "--json").strip().splitlines()[-1] + "\n")
            except SetupProblem as problem:
                self._say(f"The demo could not be made, the exchange runs without it. {problem}")
                if not record.exists():
                    return []
        assert self._children is not None, "the demo starts after the programs"
        self._children.start(demo_flow(self.options.loopback_url))
        people: list[dict[str, str]] = json.loads(record.read_text())["people"]
        return people

    def _keep_running(self) -> None:
        while True:
            self._tend()
            time.sleep(_TEND_SECONDS)

    def _tend(self) -> None:
        for server in self._servers:
            if server.process is not None and server.process.poll() is not None:
                self._say(f"{server.title} ended; it is started again.")
                try:
                    server.start()
                except SetupProblem as problem:
                    self._say(str(problem))
                    time.sleep(1.0)
        if self._children is not None:
            self._children.tend()

    def _stop(self) -> None:
        self._say("Stopping: web server, beat, workers, broker, database.")
        if self._children is not None:
            self._children.stop(impatient=lambda: self._stop_signals > 1)
        for server in reversed(self._servers):
            server.stop()
        (self.options.data_dir / "environment").unlink(missing_ok=True)
        self._say("Stopped.")

    def _manage(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a management command to its end while the programs are tended; its standard output.

        Raises SetupProblem with the command's own sentence, or with the end of its log.
        """
        log = self.options.logs / f"{arguments[0]}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=PROJECT,
                env={**self._environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            ) as process,
        ):
            try:
                said, _ = process.communicate()
            except BaseException:
                process.kill()
                raise
        if process.returncode == _EXIT_PROBLEM:
            raise SetupProblem(last_lines(log, 1))
        if process.returncode != 0:
            raise SetupProblem(f"manage.py {arguments[0]} failed; see {log}:\n{last_lines(log)}")
        return said.decode()

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """Hold the lock of the data folder: two supervisors on one folder would start two databases on it."""
        data_dir = self.options.data_dir
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            lock = (data_dir / "lock").open("a+")
        except OSError as error:
            raise SetupProblem(
                f"{data_dir} cannot be written ({error.strerror}); set DATA_DIR to another folder."
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SetupProblem(
                    f"Exchange OS runs already with the data in {data_dir}; stop it, "
                    "or run another beside it: make run PORT=8001 DATA_DIR=/path/to/another/folder"
                ) from error
            yield

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        began = time.monotonic()
        print(f"  {title} ...", end="", flush=True)
        try:
            yield
        except BaseException:
            print()
            raise
        print(f" {time.monotonic() - began:.1f} s", flush=True)

    def _say(self, sentence: str) -> None:
        print(sentence, flush=True)

    def _on_stop_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signals += 1
        if self._stop_signals == 1:
            print()
            raise _StopAsked


def _missing_parts(base_url: str) -> list[str]:
    """The parts which ``/readyz`` says are not ready, in words; empty if all are."""
    try:
        with urllib.request.urlopen(f"{base_url}/readyz", timeout=5.0):
            return []
    except urllib.error.HTTPError as answer:
        return _parts_of(answer.read)
    except OSError:
        return ["web server"]


def _parts_of(read: Callable[[], bytes]) -> list[str]:
    try:
        parts: dict[str, Any] = json.loads(read())["parts"]
    except (ValueError, KeyError):
        return ["web server"]
    return [f"{name} {state}" for name, state in parts.items() if state != "ok"]
