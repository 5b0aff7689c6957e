"""Who may pass: every REST request is placed at a venue, identified if it must be, and counted against a
limit."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from trading import limits
from trading.okx import signing
from trading.okx.caller import Caller, SignedHead, caller_of, known_key
from trading.okx.errors import DialectError
from trading.okx.orders import too_fast
from trading.selectors.catalogue import VenueCatalogue, find_catalogue
from trading.services.keys import note_key_use
from trading.threads import in_database_thread
from trading.used_signatures import use_once

NOTE_USE_SECONDS = 60.0
_noted: dict[int, float] = {}


@dataclass(frozen=True)
class Visitor:
    """An anonymous caller of public data."""

    catalogue: VenueCatalogue
    address: str


def address_of(request: HttpRequest) -> str:
    """Address the request came from; the server resolves trusted proxies."""
    return str(request.META.get("REMOTE_ADDR") or "unknown")


def _venue_slug(request: HttpRequest) -> str:
    assert request.resolver_match is not None
    return str(request.resolver_match.kwargs["venue"])


async def venue_catalogue(slug: str) -> VenueCatalogue:
    """The venue at ``slug``; 404 if there is none."""
    found = await find_catalogue(slug)
    if found is None:
        raise DialectError("404", f"There is no venue at the address {slug}.")
    return found


def _signed_path(request: HttpRequest) -> str:
    """The path as clients sign it: without the prefix of the venue."""
    return request.path[len("/v/") + len(_venue_slug(request)) :]


async def _count(request: HttpRequest, limit: limits.Limit, holder: str) -> None:
    verdict = await limits.spend(limit, f"{holder}:{_signed_path(request)}")
    request.verdict = verdict  # type: ignore[attr-defined]
    if not verdict.allowed:
        raise too_fast(verdict)


def public(limit: limits.Limit = limits.PUBLIC) -> Callable[[HttpRequest], Awaitable[Visitor]]:
    """Gate of public data: limited per address and path."""

    async def enter(request: HttpRequest) -> Visitor:
        address = address_of(request)
        await _count(request, limit, address)
        return Visitor(await venue_catalogue(_venue_slug(request)), address)

    return enter


async def identify(request: HttpRequest) -> Caller:
    """The caller whose key signed this very request, which acts once. Errors: every 501xx of authentication."""
    headers = request.headers
    head = SignedHead(
        key=headers.get("OK-ACCESS-KEY", ""),
        passphrase=headers.get("OK-ACCESS-PASSPHRASE", ""),
        timestamp=headers.get("OK-ACCESS-TIMESTAMP", ""),
        signature=headers.get("OK-ACCESS-SIGN", ""),
    )
    head.check_complete()
    signed_at = signing.request_time_ms(head.timestamp)
    signing.check_window(signed_at, time.time_ns() // 1_000_000)
    catalogue = await venue_catalogue(_venue_slug(request))
    credential = await known_key(catalogue, head.key, head.passphrase, address_of(request))
    signing.verify_request(
        credential.secret,
        head.signature,
        head.timestamp,
        request.method or "",
        _signed_path(request),
        request.META.get("QUERY_STRING", "").encode("latin-1"),
        request.body,
    )
    if request.method != "GET" and not await use_once([(head.signature, signing.valid_until(signed_at))]):
        raise signing.used_before()
    await _note_use(credential.key_id)
    return caller_of(catalogue, credential)


async def _note_use(key_id: int) -> None:
    now = time.monotonic()
    if now - _noted.get(key_id, -NOTE_USE_SECONDS) >= NOTE_USE_SECONDS:
        _noted[key_id] = now
        await in_database_thread(note_key_use, key_id)


def signed(limit: limits.Limit | None = limits.READ) -> Callable[[HttpRequest], Awaitable[Caller]]:
    """Gate of private data: identified, and limited per user and path. Order operations count by instrument
    themselves, so they pass ``None``."""

    async def enter(request: HttpRequest) -> Caller:
        caller = await identify(request)
        if limit is not None:
            await _count(request, limit, f"{caller.user_id}:{caller.catalogue.id}")
        return caller

    return enter


def visitor_of(request: HttpRequest) -> Visitor:
    """Whom ``public`` let in."""
    auth: Any = request.auth  # type: ignore[attr-defined]
    assert isinstance(auth, Visitor)
    return auth


def caller_in(request: HttpRequest) -> Caller:
    """Whom ``signed`` let in."""
    auth: Any = request.auth  # type: ignore[attr-defined]
    assert isinstance(auth, Caller)
    return auth
