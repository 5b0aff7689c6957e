"""A data folder that the servers' user can reach, gone after the test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty folder for one installation."""
    folder = Path(tempfile.mkdtemp(prefix="exchange-os-test-"))
    yield folder
    for server in ("postgres", "valkey"):
        shutil.rmtree((folder / server).resolve(), ignore_errors=True)
    shutil.rmtree(folder)
