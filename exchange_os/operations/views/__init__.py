"""Pages of operations."""

from exchange_os.operations.views.audit import audit, audit_csv
from exchange_os.operations.views.charts import charts
from exchange_os.operations.views.dashboard import dashboard, live, retry_all_withdrawals, retry_one_transfer
from exchange_os.operations.views.metrics import metrics
from exchange_os.operations.views.runbook import runbook
from exchange_os.operations.views.support import support
from exchange_os.operations.views.switches import move_switch, switches

__all__ = [
    "audit",
    "audit_csv",
    "charts",
    "dashboard",
    "live",
    "metrics",
    "move_switch",
    "retry_all_withdrawals",
    "retry_one_transfer",
    "runbook",
    "support",
    "switches",
]
