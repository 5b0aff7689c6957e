"""Every test runs on a real PostgreSQL and a real Valkey of its own, started here and gone at the end.

``DATABASE_URL`` and ``REDIS_URL``, if given, are used instead. The servers start when this file is imported, because
Django's settings and the test modules below read their addresses as they are imported.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from decimal import Context, setcontext
from pathlib import Path
from typing import Any

import django
import pytest
from redis import Redis
from xdist.scheduler import LoadScopeScheduling

from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import EmbeddedPostgres
from exchange_os.embedded.valkey import EmbeddedValkey
from tests import flush

DRIVERS = {"browser", "chromium", "context", "page"}
WALKS, TRADING = "walks in a browser", "tests/trading/"


def _start_servers() -> contextlib.ExitStack:
    """Start what is not given and say in the environment where it is; closing what is returned undoes both."""
    started = contextlib.ExitStack()
    data_dir = Path(tempfile.mkdtemp(prefix="exchange-os-test-"))
    started.callback(shutil.rmtree, data_dir, ignore_errors=True)
    (data_dir / "static").mkdir()
    keys = load_keys(data_dir)
    said = {"DATA_DIR": str(data_dir), "SECRET_KEY": keys.secret_key, "STATIC_COLLECTED": "False"}
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(data_dir, keys)
        postgres.start()
        started.callback(postgres.stop)
        said |= {"DATABASE_URL": postgres.owner_url, "TEST_APPLICATION_URL": postgres.url}
    if "REDIS_URL" not in os.environ:
        valkey = EmbeddedValkey(data_dir, keys)
        valkey.start()
        started.callback(valkey.stop)
        said["REDIS_URL"] = valkey.url
    said["DJANGO_SETTINGS_MODULE"] = "exchange_os.settings"
    os.environ.update(said)
    for name in said:
        started.callback(os.environ.pop, name, None)
    return started


_servers = _start_servers()
atexit.register(_servers.close)
django.setup()
flush.install()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Each process that shares the tests starts servers of its own: it must not inherit the addresses of these."""
    _servers.close()
    if given := {"DATABASE_URL", "REDIS_URL"} & os.environ.keys():
        raise pytest.UsageError(
            f"{' and '.join(given)} can serve one process of tests only. Unset, or leave out -n."
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a private exchange comes first, because it takes longest: each part is for one process of those that
    share the tests. Its fixtures end with it, the driver of the browser above all, which keeps an event loop running in
    this thread, in which no asynchronous test could start its own."""
    for item in items:
        if not DRIVERS.isdisjoint(getattr(item, "fixturenames", ())) and _part(item.nodeid) != WALKS:
            raise pytest.UsageError(f"{item.nodeid} drives a browser: call its file test_..._walk.py.")
    ranks = {WALKS: 0, TRADING: 1}
    items.sort(key=lambda item: ranks.get(_part(item.nodeid), 2))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hand the tests out part by part, in their order."""

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _part(nodeid)

    config.option.loadscopereorder = False
    return Parts(config, log)


def _part(nodeid: str) -> str:
    """What is run by one process together: a file, the walks through pages, the tests of the trading API."""
    path = nodeid.partition("::")[0]
    if "_walk" in path:
        return WALKS
    return TRADING if path.startswith(TRADING) else path


@pytest.fixture(autouse=True)
def plain_decimals() -> None:
    """Every test begins with the rounding and traps of a fresh process: ccxt sets others for the rest of its own."""
    setcontext(Context())


@pytest.fixture
def redis_client() -> Iterator[Redis]:
    """A client of the stream database on an empty Valkey: every database of it is flushed before and after."""
    with Redis.from_url(f"{os.environ['REDIS_URL']}/0") as client:
        client.flushall()
        yield client
        client.flushall()
