"""Throw-away servers for benchmarks: a PostgreSQL and a Valkey with the settings of production, and engine workers."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import django
import psycopg
from django.core.management import call_command
from redis import Redis

from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import ADMIN, EmbeddedPostgres
from exchange_os.embedded.valkey import EmbeddedValkey

LOG_FILES = 32  # of 16 MB, min_wal_size
PROJECT = Path(__file__).resolve().parent.parent
#: Addresses of what ``start_servers`` started.
_servers: dict[str, str] = {}


def start_servers() -> None:
    """Start both servers, set Django up on them and migrate; they and their data are gone at the end of the process."""
    data_dir = Path(tempfile.mkdtemp(prefix="exchange-os-bench-"))
    keys = load_keys(data_dir)
    atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ["SECRET_KEY"] = keys.secret_key
    postgres, valkey = EmbeddedPostgres(data_dir, keys), EmbeddedValkey(data_dir, keys)
    for server in (postgres, valkey):
        server.start()
        atexit.register(server.stop)
    os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = postgres.owner_url, valkey.url
    os.environ["DJANGO_SETTINGS_MODULE"] = "exchange_os.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    _servers["admin"] = (
        f"postgresql://{ADMIN}:{keys.database_admin_password}@127.0.0.1:{postgres.port}/postgres"
    )
    fill_log()


def fill_log() -> None:
    """Have the files of the write-ahead log made which a server keeps and writes over once it has run for some minutes.

    In its first minutes it makes one every 16 MB, which holds up commits by 12 ms (measured), at 300,000 commands a
    second every 390 ms. ``LOG_FILES`` last for some twelve seconds of that rate.
    """
    with psycopg.connect(_servers["admin"], autocommit=True) as session:
        for _ in range(LOG_FILES):
            session.execute("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
        session.execute("CHECKPOINT")


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that another process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a benchmark's process did not do its part in time")
        time.sleep(0.01)


class Worker:
    """One engine worker process, as the supervisor starts it; ``wait``: until it shows a sign of life."""

    def __init__(self, name: str = "engine-1", wait: bool = True, **environment: str) -> None:
        command = [
            sys.executable, "-m", "celery", "-A", "exchange_os", "worker", "--pool", "solo", "--queues", "engine",
            "--hostname", name, "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        with Redis.from_url(f"{os.environ['REDIS_URL']}/0") as redis:
            before = set(redis.scan_iter(f"xos:worker:{name}/*"))
            self.process = subprocess.Popen(
                command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
            )
            atexit.register(self.kill)
            if wait:
                wait_until(lambda: not before.issuperset(redis.scan_iter(f"xos:worker:{name}/*")))

    def kill(self) -> None:
        """End the process at once; its sign of life stays for a while, as after any crash."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def cpu_seconds(self) -> float:
        """Processor time used so far, of all its threads."""
        return time.clock_gettime(
            ~self.process.pid << 3 | 2
        )  # clock_getcpuclockid(3): to the nanosecond, not the tick

    def memory_mb(self) -> float:
        """Resident memory in MB, without what it shares with other processes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
        raise LookupError("RssAnon")
