"""Money on its way that does not arrive, given a push by hand: the same pushes that the clock gives."""

import structlog
from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Transfer, TransferState
from exchange_os.ledger.services.withdrawals import advance_withdrawals
from venues.services.transfers import send_transfers

log = structlog.get_logger(__name__)


def retry_transfer(user: AbstractBaseUser, transfer_id: int) -> Transfer:
    """Send the command of a transfer again; the kernel acts on its id once, so it moves nothing twice.

    Raises ``transfer_over`` unless it is on its way, ``busy`` if the group's stream took nothing.
    """
    transfer = (
        Transfer.objects.filter(pk=transfer_id, state=TransferState.REQUESTED).select_related("asset").first()
    )
    if transfer is None:
        raise DomainError("transfer_over", "It is not on its way any more.")
    if not send_transfers([transfer]):
        raise DomainError(
            "busy", f"Risk group {transfer.group_id} takes nothing now; look at its stream and owner."
        )
    log.info("transfer_retried", transfer=transfer.pk, group=transfer.group_id, user=user.pk)
    return transfer


def retry_withdrawals(user: AbstractBaseUser) -> int:
    """Take every open withdrawal one step further where it can go; how many moved. None is ever sent twice."""
    moved = advance_withdrawals()
    log.info("withdrawals_retried", moved=moved, user=user.pk)
    return moved
