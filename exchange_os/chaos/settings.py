"""Settings of a chaos stack: the product's, with snapshots often enough for a run of seconds to meet them."""

from exchange_os.settings import *  # noqa: F403

MIN_STAKE = "1"
ENGINE_SNAPSHOT_COMMANDS = 1_500
ENGINE_SNAPSHOT_MIN_MS = 500
