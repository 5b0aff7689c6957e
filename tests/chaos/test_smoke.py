"""The fixed set of faults against a live stack: nothing acknowledged is lost, nothing happens twice or by half.

The runs share one private stack in a process of its own; each is judged by ``exchange_os.chaos.oracle``. More seeds and
faults: ``make chaos SEEDS=n``.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

from exchange_os.chaos.faults import FAULTS, SMOKE
from exchange_os.chaos.run import RECOVERY_LIMIT_SECONDS
from exchange_os.demo.stack import PROJECT

MINUTES_AT_MOST = 6

pytestmark = pytest.mark.timeout(MINUTES_AT_MOST * 60 + 60)  # all the runs are made for the first test


@pytest.fixture(scope="module")
def runs() -> dict[str, dict[str, Any]]:
    """Every run of the set by fault, made once."""
    done = subprocess.run(
        [sys.executable, "manage.py", "chaos", "--smoke", "--json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=MINUTES_AT_MOST * 60,
        check=False,
    )
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"fault"')]
    assert len(results) == len(SMOKE), (
        f"{len(results)} of {len(SMOKE)} runs were made:\n{done.stderr[-6000:]}"
    )
    return {result["fault"]: result for result in results}


@pytest.mark.parametrize("fault", SMOKE)
def test_every_promise_is_kept(runs: dict[str, dict[str, Any]], fault: str) -> None:
    run = runs[fault]
    assert not run["problems"], f"{fault} with seed {run['seed']}:\n" + "\n".join(run["problems"])
    assert run["acked"] > 150
    assert run["journaled"] >= run["acked"] * 9 // 10
    assert run["trades"] > 0
    assert (run["recovery_seconds"] or 0.0) < RECOVERY_LIMIT_SECONDS


def test_the_set_names_known_faults() -> None:
    assert set(SMOKE) <= set(FAULTS)
    assert len(set(SMOKE)) == len(SMOKE)
