"""Every test runs on a real PostgreSQL and a real Valkey of its own, started here and gone at the end.

``DATABASE_URL`` and ``REDIS_URL``, if given, are used instead. The servers start when this file is imported, because
Django's settings and the test modules below read their addresses as they are imported.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from redis import Redis

from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import EmbeddedPostgres
from exchange_os.embedded.valkey import EmbeddedValkey
from tests import flush


def _start_servers() -> None:
    data_dir = Path(tempfile.mkdtemp(prefix="exchange-os-test-"))
    (data_dir / "static").mkdir()
    keys = load_keys(data_dir)
    atexit.register(shutil.rmtree, data_dir, ignore_errors=True)
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ["SECRET_KEY"] = keys.secret_key
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(data_dir, keys)
        postgres.start()
        atexit.register(postgres.stop)
        os.environ["DATABASE_URL"] = postgres.owner_url
        os.environ["TEST_APPLICATION_URL"] = postgres.url
    if "REDIS_URL" not in os.environ:
        valkey = EmbeddedValkey(data_dir, keys)
        valkey.start()
        atexit.register(valkey.stop)
        os.environ["REDIS_URL"] = valkey.url


os.environ["DJANGO_SETTINGS_MODULE"] = "exchange_os.settings"
os.environ["STATIC_COLLECTED"] = "False"
_start_servers()
django.setup()
flush.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that drive a browser come last: its synchronous driver keeps an event loop running in this thread, in
    which no asynchronous test could start its own."""
    drivers = {"browser", "chromium", "context", "page"}
    items.sort(key=lambda item: not drivers.isdisjoint(getattr(item, "fixturenames", ())))


@pytest.fixture
def redis_client() -> Iterator[Redis]:
    """A client of the stream database on an empty Valkey: every database of it is flushed before and after."""
    with Redis.from_url(f"{os.environ['REDIS_URL']}/0") as client:
        client.flushall()
        yield client
        client.flushall()
