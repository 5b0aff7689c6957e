"""Passwords and keys of one installation: made once, kept in ``DATA_DIR``, never in the repository."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from exchange_os.embedded.problems import SetupProblem


@dataclass(frozen=True)
class Keys:
    """The secrets of one installation."""

    secret_key: str
    database_admin_password: str
    database_password: str
    redis_password: str
    database_app_password: str


def load_keys(data_dir: Path) -> Keys:
    """The keys in ``data_dir/keys.json``, made on the first call.

    Raises SetupProblem if the file is there but cannot be used, or if the folder cannot be written.
    """
    path = data_dir / "keys.json"
    if path.exists():
        try:
            members = json.loads(path.read_text())
            if "database_app_password" not in members:  # written before the application had a role of its own
                members["database_app_password"] = secrets.token_hex(24)
                write_private(path, json.dumps(members, indent=2) + "\n")
            return Keys(**members)
        except (ValueError, TypeError) as error:
            raise SetupProblem(
                f"{path} is damaged; restore it from a backup, or move {data_dir} away to start with nothing."
            ) from error
    keys = Keys(
        secret_key=secrets.token_urlsafe(50),
        database_admin_password=secrets.token_hex(24),
        database_password=secrets.token_hex(24),
        redis_password=secrets.token_hex(24),
        database_app_password=secrets.token_hex(24),
    )
    write_private(path, json.dumps(asdict(keys), indent=2) + "\n")
    return keys


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` so that only this user can read it and so that it is whole or not there.

    Raises SetupProblem if the disk is full or the folder may not be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except OSError as error:
        raise SetupProblem(
            f"{path} cannot be written ({error.strerror}); make room or allow it, or set DATA_DIR to another folder."
        ) from error
