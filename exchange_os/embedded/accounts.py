"""Under which user the embedded servers run, and where that user can reach files.

PostgreSQL refuses to run as root, rightly. When we are root, the servers run as an unprivileged user; when the
project lies where that user cannot go (a clone in root's home, say), their programs and data live in a folder under
``/var/lib/exchange-os`` and ``DATA_DIR`` points there.
"""

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exchange_os.embedded.problems import SetupProblem

_SHARED_ROOT = Path("/var/lib/exchange-os")
_CANDIDATES = ("exchange-os", "postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An operating-system user: its name and its numeric ids."""

    name: str
    uid: int
    gid: int


def server_account(existing_data: Path | None = None) -> Account | None:
    """The user for the servers: None (ourselves) unless we are root.

    ``existing_data`` is a folder that a server owns from an earlier run; its owner stays in charge of it.
    Raises SetupProblem if this system has no unprivileged user.
    """
    if os.geteuid() != 0:
        return None
    if existing_data is not None and existing_data.exists() and existing_data.stat().st_uid != 0:
        status = existing_data.stat()
        return Account(pwd.getpwuid(status.st_uid).pw_name, status.st_uid, status.st_gid)
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise SetupProblem(
        "PostgreSQL does not run as root and this system has no user 'nobody' to run it as; "
        "create a user named 'exchange-os', or run as an ordinary user."
    )


def can_reach(account: Account | None, path: Path) -> bool:
    """Whether ``account`` may enter the folder, or execute the file, ``path``."""
    if account is None:
        return os.access(path, os.X_OK)
    test = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
    )
    return test.returncode == 0


def server_home(data_dir: Path, name: str, account: Account | None) -> Path:
    """The folder ``data_dir/name`` for a server's files, owned by ``account`` and reachable to it.

    Where ``account`` cannot reach ``data_dir``, the folder lies under ``/var/lib/exchange-os`` and
    ``data_dir/name`` is a link to it, so that the data is found again and its place is plain to see.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    home = data_dir / name
    if account is None:
        home.mkdir(mode=0o700, exist_ok=True)
        return home
    if not home.is_symlink():
        data_dir.chmod(0o711)
        if can_reach(account, data_dir):
            home.mkdir(mode=0o700, exist_ok=True)
            os.chown(home, account.uid, account.gid)
            return home
        if home.exists():
            raise SetupProblem(
                f"The user {account.name} can no longer reach {home}; restore its access or move the folder."
            )
        place = _shared_folder(f"{name}-{uuid.uuid4().hex[:12]}")
        home.symlink_to(place)
    place = home.resolve()
    place.mkdir(exist_ok=True)
    place.chmod(0o700)
    os.chown(place, account.uid, account.gid)
    return place


def reachable_program(
    program: Path, account: Account | None, *, base: Path, parts: Sequence[Path], version: str
) -> Path:
    """``program``, or a copy of it that ``account`` can execute.

    ``parts`` are the folders under ``base`` that the program needs, its own among them; a copy keeps their places
    relative to one another. ``version`` names the copy, so that it is made once. Raises SetupProblem if the copy
    cannot be executed either.
    """
    if can_reach(account, program):
        return program
    copies = _shared_folder(f"programs-{version}")
    for part in parts:
        copy = copies / part.relative_to(base)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            partial = copy.with_name(f"{copy.name}.partial-{os.getpid()}")
            shutil.copytree(part, partial, symlinks=True)
            partial.rename(copy)
    target = copies / program.relative_to(base)
    if not can_reach(account, target):
        raise SetupProblem(
            f"The user {account.name if account else 'running this'} may not execute {target}; "
            "allow it, or give DATABASE_URL and REDIS_URL of servers that run already."
        )
    return target


def _shared_folder(name: str) -> Path:
    folder = _SHARED_ROOT / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupProblem(
            f"The folder {folder} cannot be made ({error.strerror}); make it, or run as an ordinary user."
        ) from error
    _SHARED_ROOT.chmod(0o755)
    folder.chmod(0o755)
    return folder
