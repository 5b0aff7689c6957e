"""Memory that evicted groups leave behind, given back to the system.

A group with one market takes some 80 kB while it is loaded. The C library keeps what is freed in the middle of its heap
for later, so a worker through whose hands ten thousand quiet groups have gone would stay as large as at its busiest.
"""

import ctypes
import gc

_libc = ctypes.CDLL(None)
_TRIM = getattr(_libc, "malloc_trim", None)


def give_back() -> None:
    """Collect what is unreachable and return free pages to the system; for an idle moment, it may take milliseconds."""
    gc.collect()
    if _TRIM is not None:  # glibc has it; other C libraries give pages back by themselves
        _TRIM(0)
