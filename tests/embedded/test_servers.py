"""The embedded servers: durable settings, data that survives, a clear sentence when something is wrong."""

import os
import shutil
import signal
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from exchange_os.embedded.keys import load_keys
from exchange_os.embedded.postgres import EmbeddedPostgres
from exchange_os.embedded.problems import SetupProblem
from exchange_os.embedded.processes import wait_until_gone
from exchange_os.embedded.valkey import EmbeddedValkey


def test_postgres_keeps_its_data_and_its_durable_settings(data_dir: Path) -> None:
    keys = load_keys(data_dir)
    server = EmbeddedPostgres(data_dir, keys)
    server.start()
    with psycopg.connect(server.owner_url) as connection:
        names = ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "password_encryption")
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
        assert shown == [("on",), ("on",), ("on",), ("on",), ("scram-sha-256",)]
        superuser = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert superuser == (False,)
        connection.execute("CREATE TABLE kept (id int)")
    server.stop()

    again = EmbeddedPostgres(data_dir, load_keys(data_dir))
    again.start()
    try:
        with psycopg.connect(again.owner_url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    finally:
        again.stop()


def test_postgres_refuses_a_wrong_password(data_dir: Path) -> None:
    keys = load_keys(data_dir)
    server = EmbeddedPostgres(data_dir, keys)
    server.start()
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.owner_url.replace(keys.database_password, "wrong"))
    finally:
        server.stop()


def test_a_database_of_another_version_is_refused_with_the_remedy(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, load_keys(data_dir))
    server.start()
    server.stop()
    (data_dir / "postgres" / "cluster" / "PG_VERSION").write_text("99\n")
    with pytest.raises(
        SetupProblem, match=r"was written by PostgreSQL 99 .* set DATA_DIR to another folder\.$"
    ):
        server.start()


def test_valkey_wants_a_password_refuses_eviction_and_keeps_its_data(data_dir: Path) -> None:
    keys = load_keys(data_dir)
    server = EmbeddedValkey(data_dir, keys)
    server.start()
    with Redis.from_url(server.url, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        client.set("kept", "1")
    server.stop()
    server.start()
    try:
        with Redis.from_url(server.url, decode_responses=True) as client:
            assert client.get("kept") == "1"
    finally:
        server.stop()


def test_servers_go_when_the_process_that_started_them_is_killed(data_dir: Path) -> None:
    starter = os.fork()
    if starter == 0:
        server = EmbeddedValkey(data_dir, load_keys(data_dir))
        server.start()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(starter, 0)
    pid = int((data_dir / "valkey" / "valkey.pid").read_text())
    assert wait_until_gone(pid, 10.0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to another user")
def test_a_folder_the_server_cannot_reach_points_to_one_it_can(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "data"
    server = EmbeddedPostgres(inside, load_keys(inside))
    server.start()
    try:
        assert (inside / "postgres").is_symlink()
        with psycopg.connect(server.owner_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        shutil.rmtree((inside / "postgres").resolve())


def test_damaged_keys_are_named_with_the_remedy(data_dir: Path) -> None:
    (data_dir / "keys.json").write_text("{")
    with pytest.raises(SetupProblem, match=r"keys\.json is damaged; restore it from a backup"):
        load_keys(data_dir)


def test_keys_are_readable_by_their_owner_only(data_dir: Path) -> None:
    first = load_keys(data_dir)
    assert load_keys(data_dir) == first
    assert (data_dir / "keys.json").stat().st_mode & 0o777 == 0o600
