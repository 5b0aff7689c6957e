"""A kernel by itself: no journal, no database, no stream. For simulations, which own what they do to it."""

from exchange_kernel import Kernel


def scratch_kernel(group: int = 1) -> Kernel:
    """An empty risk group in this process; gone when nobody holds it."""
    return Kernel(group)
