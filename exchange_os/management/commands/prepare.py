"""``manage.py prepare``: bring a database and the static files up to this version of the code."""

import hashlib
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.checks import ERROR, run_checks
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from exchange_os.roles import grant_application

_OLDEST_POSTGRESQL = 160000
_EXIT_PROBLEM = 3


class Command(BaseCommand):
    """Checks, migrates, collects; says what is wrong in one sentence and exits with 3."""

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the steps in order."""
        for message in run_checks():
            if message.level >= ERROR:
                self._give_up(f"{message.msg} {message.hint or ''}".strip())
        self._refuse_an_unfit_database()
        call_command("migrate", verbosity=0, interactive=False)
        if settings.DATABASE_APP_ROLE:
            grant_application(settings.DATABASE_APP_ROLE)
        _collect_static_files()

    def _refuse_an_unfit_database(self) -> None:
        where = "{HOST}:{PORT}".format(**connection.settings_dict)
        try:
            connection.ensure_connection()
        except OperationalError as error:
            self._give_up(
                f"The database at {where} does not let us in ({_first_line(error)}); check DATABASE_URL."
            )
        version = connection.cursor().connection.info.server_version
        if version < _OLDEST_POSTGRESQL:
            self._give_up(
                f"The database at {where} is PostgreSQL {version // 10000} and 16 or newer is needed; "
                "give another DATABASE_URL, or unset it for the embedded database."
            )
        loader = MigrationLoader(connection)
        unknown = sorted(
            f"{app}.{name}"
            for app, name in loader.applied_migrations
            if app in loader.migrated_apps
            and (app, name) not in loader.disk_migrations
            and not _was_squashed(loader, app, name)
        )
        if unknown:
            self._give_up(
                f"The database at {where} was written by a newer Exchange OS ({unknown[-1]} is unknown here); "
                "update this folder, or set DATA_DIR to another folder."
            )

    def _give_up(self, sentence: str) -> None:
        self.stderr.write(sentence)
        sys.exit(_EXIT_PROBLEM)


def _was_squashed(loader: MigrationLoader, app: str, name: str) -> bool:
    return any((app, name) in migration.replaces for migration in loader.disk_migrations.values())


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]


def _collect_static_files() -> None:
    """Collect and compress the static files, unless none has changed since the last time."""
    if not settings.STATIC_COLLECTED:
        return
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    note = Path(settings.STATIC_ROOT) / ".collected"
    if note.is_file() and note.read_text() == digest.hexdigest():
        return
    call_command("collectstatic", verbosity=0, interactive=False)
    note.write_text(digest.hexdigest())
