"""Settings of the stack under the trading tests: all of the real ones, with limits that a whole suite stays under."""

from exchange_os.settings import *  # noqa: F403

API_RATE_FACTOR = 5
