"""A backup that was never restored is a hope: take one, restore it beside, and prove that it holds.

The dump is one consistent view of the running database. It is restored into a PostgreSQL of its own, started here and
gone afterwards. There every journal is replayed from zero and compared with its tables, the ledger is added up again,
and the journals are verified by the kernel's own package up to the heads published in the last night, root by root.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import DATABASE, EmbeddedPostgres, find_installation
from exchange_os.errors import DomainError

PROJECT = Path(__file__).resolve().parent.parent
_JOBS = "2"
T = TypeVar("T")
#: Commands that prove the restored database, each by its exit status.
PROOFS = (["verify_journal"], ["check_ledger", "--books-only"], ["verify_published"])


class DrillFailed(DomainError):
    """A step of the drill could not be done or its proof does not hold."""


@dataclass
class DrillReport:
    """Seconds by step and what the proofs said."""

    seconds: dict[str, float] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    bytes: int = 0


def restore_drill(backup: Path | None = None, tell: Callable[[str], None] = print) -> DrillReport:
    """Restore ``backup`` (a directory of ``pg_dump -Fd``), or one taken now, beside, and prove it.

    Raises ``DrillFailed``. ``tell`` is told of each step when it is done.
    """
    report = DrillReport()
    folder = Path(tempfile.mkdtemp(prefix="exchange-os-drill-"))
    server = EmbeddedPostgres(folder, load_keys(folder))
    try:
        dump = backup or folder / "dump"
        if backup is None:
            _step(report, tell, "backup", lambda: take_backup(dump))
        report.bytes = sum(file.stat().st_size for file in dump.iterdir())
        server.start()
        _step(report, tell, "restore", lambda: _restore(dump, server))
        for command in PROOFS:
            report.said += _step(report, tell, command[0], partial(_prove, command, server, folder))
    finally:
        server.stop()
        shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    return report


def take_backup(folder: Path) -> None:
    """Dump the configured database into ``folder``. Raises ``DrillFailed``."""
    where = settings.DATABASES["default"]
    address = {"PGHOST": where["HOST"], "PGPORT": str(where["PORT"] or 5432), "PGUSER": where["USER"]}
    _run(
        [
            "pg_dump",
            "--format=directory",
            f"--jobs={_JOBS}",
            "--compress=1",
            f"--file={folder}",
            where["NAME"],
        ],
        {**address, "PGPASSWORD": where["PASSWORD"]},
        "backup",
    )


def _restore(dump: Path, server: EmbeddedPostgres) -> None:
    _run(
        [
            "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={_JOBS}",
            f"--dbname={server.owner_url}", str(dump),
        ],
        {},
        "restore",
    )  # fmt: skip


def _prove(command: list[str], server: EmbeddedPostgres, folder: Path) -> list[str]:
    """Run a proof on the restored database; its lines. Raises ``DrillFailed``."""
    environment = {
        **os.environ, "DATABASE_URL": server.owner_url, "DATA_DIR": str(folder), "SECRET_KEY": settings.SECRET_KEY,
        "REDIS_URL": settings.REDIS_URL, "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise DrillFailed(
            "proof_failed",
            f"{command[0]} on the restored {DATABASE} does not hold:\n{done.stdout[:2000]}{done.stderr[-1000:]}",
        )
    return done.stdout.strip().splitlines()


def _run(command: list[str], environment: dict[str, str], what: str) -> None:
    program = find_installation().bin / command[0]
    done = subprocess.run(
        [str(program), *command[1:]], env={**os.environ, **environment}, capture_output=True, text=True
    )
    if done.returncode:
        raise DrillFailed(f"{what}_failed", f"The {what} failed: {done.stderr.strip()[-2000:]}")


def _step(report: DrillReport, tell: Callable[[str], None], name: str, work: Callable[[], T]) -> T:
    began = time.monotonic()
    answer = work()
    report.seconds[name] = round(time.monotonic() - began, 1)
    tell(f"  {name}: {report.seconds[name]} s")
    return answer
