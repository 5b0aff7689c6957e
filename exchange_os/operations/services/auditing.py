"""The nightly check of the audit trail."""

import time

from django.core.cache import cache

from exchange_os.operations.selectors.audit import AUDIT_KEY, Checked, check_chain


def check_audit() -> Checked:
    """Recompute the chain of the audit trail, which must hold the head that it had when it was last found whole.

    What is found is kept for the dashboard. As long as it does not hold, the head that is looked for stays.
    """
    before = cache.get(AUDIT_KEY) or {"head": ""}
    found = check_chain(before["head"])
    sound = found.holds and not found.broken
    told = {
        "broken": found.broken,
        "cut": not found.broken and not found.holds,
        "head": found.head if sound else before["head"],
        "at": time.time(),
    }
    cache.set(AUDIT_KEY, told, None)
    return found
