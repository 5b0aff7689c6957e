"""The engine's bounds and intervals, each with its unit. Environment variables ``ENGINE_<NAME>`` override them."""

import os


def _setting(name: str, default: int) -> int:
    return int(os.environ.get(f"ENGINE_{name}", default))


# Admission: commands that may wait in a group's stream; cancels and other urgent commands pass up to the hard bound.
STREAM_DEPTH = _setting("STREAM_DEPTH", 100_000)
STREAM_DEPTH_URGENT = _setting("STREAM_DEPTH_URGENT", 150_000)
BUSY_RETRY_MS = _setting("BUSY_RETRY_MS", 100)
MAX_ENTRY_COMMANDS = _setting("MAX_ENTRY_COMMANDS", 8_192)
MAX_SUBMISSION_BYTES = _setting("MAX_SUBMISSION_BYTES", 4 << 20)

# Drain: how much one group may do before the next one has its turn, and how long the loop stays warm.
BATCH_COMMANDS = _setting("BATCH_COMMANDS", 8_192)
READ_ENTRIES = _setting("READ_ENTRIES", 64)
BATCHES_IN_FLIGHT = _setting("BATCHES_IN_FLIGHT", 2)
QUIET_MS = _setting("QUIET_MS", 1_000)
SLICE_MS = _setting("SLICE_MS", 5_000)
EVICT_IDLE_MS = _setting("EVICT_IDLE_MS", 60_000)
MAX_LOADED_GROUPS = _setting("MAX_LOADED_GROUPS", 1_000)

# Ownership and liveness.
LEASE_MS = _setting("LEASE_MS", 3_000)
WORKER_TTL_MS = _setting("WORKER_TTL_MS", 1_500)
HEARTBEAT_MS = _setting("HEARTBEAT_MS", 300)
WAKE_TTL_MS = _setting("WAKE_TTL_MS", 1_000)
STALL_EXIT_MS = _setting("STALL_EXIT_MS", 15_000)
DEAF_EXIT_MS = _setting("DEAF_EXIT_MS", 4_000)

# Snapshots: replay after a crash is bounded by these. A quiet group is snapshotted only if replay would be felt.
SNAPSHOT_COMMANDS = _setting("SNAPSHOT_COMMANDS", 500_000)
SNAPSHOT_MIN_MS = _setting("SNAPSHOT_MIN_MS", 10_000)
SNAPSHOT_EVICT_COMMANDS = _setting("SNAPSHOT_EVICT_COMMANDS", 5_000)

# Market data.
PUBLISH_INTERVAL_MS = _setting("PUBLISH_INTERVAL_MS", 50)
CHECKPOINT_INTERVAL_MS = _setting("CHECKPOINT_INTERVAL_MS", 10_000)
BOOK_DEPTH = _setting("BOOK_DEPTH", 400)
CANDLE_FLUSH_MS = _setting("CANDLE_FLUSH_MS", 250)

# Callers.
SUBMIT_TIMEOUT_SECONDS = 5.0
