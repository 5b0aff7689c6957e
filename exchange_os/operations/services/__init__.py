"""The verbs of operations."""

from exchange_os.operations.services.auditing import check_audit
from exchange_os.operations.services.holding import tell_holds
from exchange_os.operations.services.sampling import take_sample, thin_samples
from exchange_os.operations.services.switches import ask_switch, confirm_switch, withdraw_switch

__all__ = [
    "ask_switch",
    "check_audit",
    "confirm_switch",
    "take_sample",
    "tell_holds",
    "thin_samples",
    "withdraw_switch",
]
