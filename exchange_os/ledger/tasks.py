"""Periodic work of the ledger: running it twice or late does no harm."""

from celery import shared_task

from exchange_os.ledger.services.stakes import finish_matured
from exchange_os.ledger.services.withdrawals import advance_withdrawals


@shared_task(name="ledger.sweep_withdrawals")
def sweep_withdrawals() -> None:
    """Take every open withdrawal a step further."""
    advance_withdrawals()


@shared_task(name="ledger.sweep_unbonding")
def sweep_unbonding() -> None:
    """Pay stake that has finished unbonding into its deployer's wallet."""
    finish_matured()
