"""A deposit acts exactly once, wherever the engine is killed while it settles."""

import signal
from datetime import timedelta

import exchange_kernel as kernel
import pytest

from exchange_os.engine import client, sweeper
from exchange_os.ledger.models import Asset, Transfer, TransferState
from exchange_os.ledger.selectors import wallet_balance
from exchange_os.ledger.services import check_ledger
from tests.engine.conftest import WorkerProcess, wait_until, worker_process
from tests.venues.conftest import draft_of, give
from venues.services import drive_launch, launch_venue, start_deposit
from venues.services.asking import ask
from venues.services.totals import kernel_totals

__all__ = ["worker_process"]

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNT = 16
USD = 10**6


def gone(worker: WorkerProcess) -> bool:
    """Whether the worker's process has ended, the sweeper doing its work meanwhile."""
    sweeper.sweep_streams()
    return worker.process.poll() is not None


def settled(transfer: Transfer) -> bool:
    """Whether the transfer has its answer, the sweeper doing its work meanwhile."""
    sweeper.sweep_streams()
    sweeper.sweep_outbox()
    return not Transfer.objects.filter(pk=transfer.pk, state=TransferState.REQUESTED).exists()


@pytest.mark.parametrize("place", ["inside_commit", "after_commit_before_ack"])
def test_a_deposit_survives_a_kill(clean_redis, worker_process, monkeypatch, deployer, trader, place):
    monkeypatch.setattr(sweeper, "OUTBOX_AGE", timedelta(0))
    usd = Asset.objects.get(symbol="USD")
    give(trader, "1000", "USD")
    first = worker_process("engine-1")
    venue = launch_venue(deployer, draft_of(deployer))
    drive_launch(venue.pk)
    venue.refresh_from_db()
    assert client.submit(venue.group_id, kernel.open_account(ACCOUNT, owner=trader.pk)).code == 0
    first.signal(signal.SIGTERM)
    first.process.wait(20)

    doomed = worker_process("engine-2", XOS_FAILPOINTS=f"{place}=kill")
    transfer = start_deposit(trader, venue, ACCOUNT, usd, 600 * USD)
    wait_until(lambda: gone(doomed))
    worker_process("engine-3")
    wait_until(lambda: settled(transfer))

    transfer.refresh_from_db()
    assert (transfer.state, wallet_balance(trader.pk, usd)) == (TransferState.SETTLED, 400 * USD)
    balances = ask(venue.group_id, {"q": "account", "account": ACCOUNT}, 20.0)["balances"]
    assert [(row["asset"], row["total"]) for row in balances] == [(usd.pk, 600 * USD)]
    report = check_ledger(kernel_totals)
    assert (report.faults, report.groups) == ([], 1)
