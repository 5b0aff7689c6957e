"""Prices that a deployer pushes."""

from exchange_os.engine.clock import wall_ms
from exchange_os.errors import DomainError
from exchange_os.oracles.adapters import push
from exchange_os.oracles.models import PriceSource, SourceKind
from exchange_os.oracles.services.observing import Round, tell_kernel

#: A push may be this much older than our clock, or ahead of it.
OLDEST_MS = 30_000
AHEAD_MS = 2_000


def accept_push(body: bytes, signature: str, now_ms: int | None = None) -> Round:
    """Take a signed price: checked, kept, told to the kernel. Each nonce counts once, and they only rise.

    Raises ``DomainError``: ``push_malformed``, ``push_signature`` (also for a source that is none), ``push_time``,
    ``push_repeated``, ``push_too_soon``.
    """
    now_ms = wall_ms() if now_ms is None else now_ms
    pushed = push.parse(body)
    source = PriceSource.objects.filter(pk=pushed.source_id, kind=SourceKind.PUSH, enabled=True).first()
    if source is None:
        raise DomainError("push_signature", "The signature is not that of this source's key.")
    push.verify(source.config, body, signature)
    if not now_ms - OLDEST_MS <= pushed.reading.published_ms <= now_ms + AHEAD_MS:
        raise DomainError("push_time", "A price is pushed when it is published.", now_ms=now_ms)
    if pushed.nonce <= source.push_nonce:
        raise DomainError("push_repeated", "A nonce is larger than all before.", nonce=source.push_nonce)
    mine = PriceSource.objects.filter(pk=source.pk, push_nonce__lt=pushed.nonce, next_poll_ms__lte=now_ms)
    if not mine.update(push_nonce=pushed.nonce, next_poll_ms=now_ms + source.poll_ms):
        raise DomainError("push_too_soon", f"A price is pushed every {source.poll_ms} ms at most.")
    source.refresh_from_db()
    return tell_kernel(source.group_id, [(source, pushed.reading)])
