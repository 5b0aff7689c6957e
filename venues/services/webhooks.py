"""Webhooks: every act at a venue is told to the addresses its team named, signed, until it was taken.

A delivery is a row written with the act, so none is lost with a process. It is sent at least once and in no promised
order. The body is signed with HMAC-SHA256 over ``<time>.<body>``; ``X-Exos-Signature`` is ``t=<time>,v1=<hex>``.
Addresses are asked through the one guarded way out, which refuses what is not on the public internet each time anew.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import secrets
from datetime import timedelta

import httpx
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.oracles import egress
from exchange_os.oracles.readings import SourceError
from exchange_os.sealing import seal, unseal
from venues.models import DeliveryState, Role, Venue, Webhook, WebhookDelivery
from venues.services.acts import note_act
from venues.services.roles import require_role

log = logging.getLogger(__name__)

PURPOSE = "venue webhooks"
MAX_WEBHOOKS = 5
MAX_ATTEMPTS = 8
FIRST_WAIT_SECONDS = 10
TIMEOUT_MS = 5_000
AT_ONCE = 20


def add_webhook(user: AbstractBaseUser, venue: Venue, url: str) -> tuple[Webhook, str]:
    """Tell ``url`` of every act from now on; answers the webhook and its secret, which is shown once.

    Raises ``role_missing``, ``url_invalid``, ``webhook_there``, ``too_many_webhooks``.
    """
    venue = require_role(user, venue, Role.OWNER)
    address = url.strip()
    try:
        egress.check_url(address)
    except SourceError as forbidden:
        raise DomainError("url_invalid", f"Enter an https address: {forbidden}.", field="url") from forbidden
    if len(address) > 300 or not address.isascii() or not address.isprintable():
        raise DomainError("url_invalid", "Enter an https address of at most 300 characters.", field="url")
    if Webhook.objects.filter(venue=venue).count() >= MAX_WEBHOOKS:
        raise DomainError("too_many_webhooks", f"At most {MAX_WEBHOOKS} webhooks.", field="url")
    secret = "whsec_" + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            made = Webhook.objects.create(venue=venue, url=address, secret=seal(PURPOSE, secret.encode()))
            note_act(venue, user, "added the webhook", address)
    except IntegrityError as there:
        raise DomainError("webhook_there", "This address is told already.", field="url") from there
    return made, secret


def remove_webhook(user: AbstractBaseUser, venue: Venue, webhook_id: int) -> None:
    """Tell an address no more. Raises ``role_missing``."""
    venue = require_role(user, venue, Role.OWNER)
    found = Webhook.objects.filter(venue=venue, pk=webhook_id).first()
    if found is not None:
        with transaction.atomic():
            found.delete()
            note_act(venue, user, "removed the webhook", found.url)


def send_again(user: AbstractBaseUser, venue: Venue, delivery_id: int) -> None:
    """Try a delivery anew from the start. Raises ``role_missing``."""
    require_role(user, venue, Role.OWNER)
    WebhookDelivery.objects.filter(pk=delivery_id, webhook__venue=venue).update(
        state=DeliveryState.DUE, attempts=0, due=timezone.now(), error=""
    )


def deliveries_of(venue: Venue) -> QuerySet[WebhookDelivery]:
    """What was told to the venue's webhooks, newest first."""
    return WebhookDelivery.objects.filter(webhook__venue=venue).select_related("webhook", "act")


def deliver_due() -> int:
    """Send what is due, some at once; how many were taken. A delivery that somebody else sends now is left to them."""
    now = timezone.now()
    with transaction.atomic():
        rows = list(
            WebhookDelivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state=DeliveryState.DUE, due__lte=now)
            .select_related("webhook", "webhook__venue", "act", "act__by")
            .order_by("due")[:AT_ONCE]
        )
        for row in rows:
            row.attempts += 1
            row.due = now + timedelta(seconds=FIRST_WAIT_SECONDS * 4 ** (row.attempts - 1))
            row.tried = now
        WebhookDelivery.objects.bulk_update(rows, ["attempts", "due", "tried"])
    if not rows:
        return 0
    for row, (status, error) in zip(rows, asyncio.run(_send_all(rows)), strict=True):
        taken = 200 <= status < 300
        over = row.attempts >= MAX_ATTEMPTS
        row.state = DeliveryState.DONE if taken else DeliveryState.FAILED if over else DeliveryState.DUE
        row.status, row.error = status, error[:120]
        row.save(update_fields=["state", "status", "error"])
    return sum(row.state == DeliveryState.DONE for row in rows)


def body_of(delivery: WebhookDelivery) -> bytes:
    """What is sent of an act, the same bytes at each try."""
    act = delivery.act
    return json.dumps(
        {
            "delivery": delivery.pk,
            "venue": delivery.webhook.venue.slug,
            "at": act.at.isoformat(),
            "by": getattr(act.by, "email", None),
            "act": act.verb,
            "about": act.about,
            "reason": act.words,
            "before": act.before,
            "after": act.after,
        },
        separators=(",", ":"),
    ).encode()


def signature(secret: bytes, time_seconds: int, body: bytes) -> str:
    """The header's value: ``t=<time>,v1=<HMAC-SHA256 in hex>``."""
    code = hmac.new(secret, f"{time_seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time_seconds},v1={code}"


async def _send_all(rows: list[WebhookDelivery]) -> list[tuple[int, str]]:
    async with egress.make_client() as client:
        return await asyncio.gather(*(_send(client, row) for row in rows))


async def _send(client: httpx.AsyncClient, row: WebhookDelivery) -> tuple[int, str]:
    """(status, what went wrong) of one try."""
    body, now = body_of(row), int(timezone.now().timestamp())
    secret = unseal(PURPOSE, bytes(row.webhook.secret))
    headers = {
        "Content-Type": "application/json",
        "X-Exos-Delivery": str(row.pk),
        "X-Exos-Signature": signature(secret, now, body),
    }
    try:
        status = await egress.tell(client, row.webhook.url, TIMEOUT_MS, body, headers)
    except SourceError as failed:
        log.info("webhook %s: %s", row.webhook_id, failed)
        return 0, str(failed)
    return status, "" if 200 <= status < 300 else f"answered {status}"
