"""The synthetic price sources of the demo's perpetual: three signers that push a price each, as any deployer could.

Their private keys are kept in ``DATA_DIR/demo-feeds.json``, readable by this user only. What they say is the fair price
of the demo's spot market with a few ticks of disagreement, signed and sent to the public push entry.
"""

import base64
import http.client
import json
import logging
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from exchange_os.embedded.keys import write_private
from exchange_os.oracles.models import PriceSource, SourceKind

log = logging.getLogger(__name__)

PUSH_PATH = "/api/oracle/v1/push"
NAMES = ("Synthetic source A", "Synthetic source B", "Synthetic source C")
NOISE_TICKS = 12


def ensure_feed_keys() -> dict[str, str]:
    """The public key of each source in base64, by name; keys are made the first time."""
    path = Path(settings.DATA_DIR) / "demo-feeds.json"
    if not path.exists():
        made = {
            name: base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
            for name in NAMES
        }
        write_private(path, json.dumps(made, indent=2) + "\n")
    return {name: _public_text(key) for name, key in _load().items()}


def name_sources(group_id: int, market: int) -> None:
    """Call the market's sources what they are: synthetic."""
    for name, public_key in ensure_feed_keys().items():
        PriceSource.objects.filter(
            group_id=group_id, market=market, kind=SourceKind.PUSH, config__public_key=public_key
        ).update(name=name)


def _load() -> dict[str, Ed25519PrivateKey]:
    """The private keys by name, empty without the file."""
    path = Path(settings.DATA_DIR) / "demo-feeds.json"
    if not path.exists():
        return {}
    return {
        name: Ed25519PrivateKey.from_private_bytes(base64.b64decode(text))
        for name, text in json.loads(path.read_text()).items()
    }


def _public_text(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


@dataclass(frozen=True, slots=True)
class _Feed:
    source_id: int
    key: Ed25519PrivateKey


class PriceFeeds:
    """Pushes one market's price by every source this data directory has the key of."""

    def __init__(self, base_url: str, group_id: int, market: int, seed: int) -> None:
        parts = urlsplit(base_url)
        assert parts.hostname, f"{base_url} has no host"
        self._address = (parts.hostname, parts.port or 80)
        self._draws = Random(f"{seed}:feeds:{market}")
        ids = {
            source.config.get("public_key"): source.pk
            for source in PriceSource.objects.filter(group_id=group_id, market=market, kind=SourceKind.PUSH)
        }
        keys = _load().values()
        self._feeds = [_Feed(ids[text], key) for key in keys if (text := _public_text(key)) in ids]

    def push(self, price_ticks: int, tick_size: Decimal) -> None:
        """Say the price in ticks, each source a little otherwise; one that is refused is said again next time."""
        if not self._feeds:
            return
        connection = http.client.HTTPConnection(*self._address, timeout=5)
        try:
            for feed in self._feeds:
                ticks = price_ticks + self._draws.randint(-NOISE_TICKS, NOISE_TICKS)
                self._push_one(connection, feed, format(ticks * tick_size, "f"))
        except (OSError, http.client.HTTPException) as error:
            log.info("prices not pushed: %s", error)
        finally:
            connection.close()

    def _push_one(self, connection: http.client.HTTPConnection, feed: _Feed, price: str) -> None:
        now_ms = time.time_ns() // 1_000_000
        told = {"source": feed.source_id, "price": price, "published_ms": now_ms, "nonce": now_ms}
        body = json.dumps(told, separators=(",", ":")).encode()
        signature = base64.b64encode(feed.key.sign(body)).decode()
        headers = {"Content-Type": "application/json", "X-Signature": signature}
        connection.request("POST", PUSH_PATH, body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            log.info("price of source %d: %d %s", feed.source_id, response.status, answer[:200])
