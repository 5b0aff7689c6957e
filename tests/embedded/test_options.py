"""What a person may choose about ``make run``."""

from pathlib import Path

import pytest

from exchange_os.embedded.options import read_options
from exchange_os.embedded.problems import SetupProblem


def test_with_nothing_said_it_listens_on_loopback_port_8000() -> None:
    options = read_options({})
    assert (options.host, options.port, options.url) == ("127.0.0.1", 8000, "http://localhost:8000")
    assert options.data_dir.name == ".run"
    assert (options.database_url, options.redis_url, options.demo) == (None, None, True)
    assert options.engine_workers >= 1


def test_what_is_said_is_done(tmp_path: Path) -> None:
    options = read_options(
        {
            "PORT": "8123",
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": "postgresql://elsewhere/x",
            "REDIS_URL": "redis://elsewhere",
            "ENGINE_WORKERS": "3",
            "DEMO": "no",
        }
    )
    assert (options.port, options.data_dir, options.engine_workers) == (8123, tmp_path, 3)
    assert options.database_url == "postgresql://elsewhere/x"
    assert options.redis_url == "redis://elsewhere"
    assert options.demo is False


@pytest.mark.parametrize("port", ["eight", "-1", "0", "65536", "80.5"])
def test_a_senseless_port_is_refused_with_the_bounds(port: str) -> None:
    with pytest.raises(SetupProblem) as refused:
        read_options({"PORT": port})
    assert str(refused.value) == f"PORT is {port!r} and must be a whole number from 1 to 65535."
