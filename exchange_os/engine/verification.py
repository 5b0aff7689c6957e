"""Whether a risk group is what its journal says: the rules behind ``manage.py verify_journal``."""

from exchange_os.engine import journal, recovery
from exchange_os.engine.audit import Audit, audit_group
from exchange_os.engine.database import make_connection
from exchange_os.engine.errors import JournalBroken
from exchange_os.engine.models import RiskGroup
from exchange_os.ledger.services import escrow_totals


def verify_group(group_id: int) -> Audit:
    """Audit a quiet group: its chain of hashes, a replay from zero, its tables, its snapshots and its escrow.

    The answer's ``problems`` are sentences; none means that everything holds. Raises ``RiskGroup.DoesNotExist``.
    """
    row = RiskGroup.objects.get(pk=group_id)
    audit = audit_group(group_id)
    head = journal.Head(
        id=group_id,
        epoch=row.epoch,
        head_sequence=row.head_sequence,
        head_hash=bytes(row.head_hash),
        kernel_now_ms=row.kernel_now_ms,
        stream_cursor=row.stream_cursor,
        stream_generation=row.stream_generation,
        candles_sequence=row.head_sequence,
        status=row.status,
        crash_count=row.crash_count,
        crash_entry=row.crash_entry,
        unclean=False,
    )
    with make_connection() as connection:
        try:
            kernel, _, _ = recovery.rebuild(connection, head)
        except JournalBroken as error:
            audit.fault(str(error))
        else:
            if kernel.state_root().hex() != audit.root:
                audit.fault("the newest snapshot and its replay give another state than the whole journal")
    for asset, units in sorted(escrow_totals(group_id).items()):
        held = audit.totals.get(asset, 0)
        if held != units:
            audit.fault(
                f"asset {asset}: the ledger's escrow holds {units} units, the kernel's accounts {held}"
            )
    return audit
