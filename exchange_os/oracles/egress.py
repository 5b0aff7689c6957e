"""The one way out to the internet: short, small, to public addresses only.

Addresses come from deployers, so each is resolved here, every address it resolves to must be public, and the
connection goes to the very address that was checked (a name that resolves differently a moment later gains nothing).
Only https, no redirects, no compressed answers. ``ORACLE_ALLOW_PRIVATE`` lifts this for tests and closed networks.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from django.conf import settings

from exchange_os.oracles.readings import SourceError, parse_json

MAX_ANSWER_BYTES = 256 * 1024
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "exchange-os-oracle/1"}


def check_url(url: str) -> str:
    """``url`` if it may be asked in principle; the address itself is checked at each request.

    Raises ``SourceError`` ``forbidden_address``.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SourceError("forbidden_address", "this is not an address") from error
    schemes = ("https", "http") if settings.ORACLE_ALLOW_PRIVATE else ("https",)
    if parts.scheme not in schemes or not parts.hostname:
        raise SourceError("forbidden_address", "only https addresses may be asked")
    if parts.username or parts.password:
        raise SourceError("forbidden_address", "an address carries no password")
    if port == 0 or (port not in (None, 443) and not settings.ORACLE_ALLOW_PRIVATE):
        raise SourceError("forbidden_address", "only port 443 may be asked")
    return url


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet; of one that carries an IPv4 address, that counts, too."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def resolve(host: str, port: int) -> str:
    """One address of ``host``, if all of them are allowed. Raises ``SourceError``."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise SourceError("unresolved", f"{host} has no address") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not settings.ORACLE_ALLOW_PRIVATE and not all(is_public(address) for address in addresses):
        raise SourceError("forbidden_address", f"{host} is not on the public internet")
    return addresses[0]


@cache
def _tls() -> ssl.SSLContext:
    """The certificates of the system, read once."""
    return ssl.create_default_context()


def make_client() -> httpx.AsyncClient:
    """A client for one round of questions."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.AsyncClient(
        headers=HEADERS, follow_redirects=False, trust_env=False, limits=limits, verify=_tls()
    )


async def ask_json(client: httpx.AsyncClient, url: str, timeout_ms: int, body: Any = None) -> Any:
    """The JSON answer of ``url``, numbers as decimals: GET, or POST of ``body`` if there is one.

    The whole exchange, resolving included, ends after ``timeout_ms``. Raises ``SourceError``.
    """
    check_url(url)
    try:
        async with asyncio.timeout(timeout_ms / 1_000):
            return parse_json(await _exchange(client, url, body))
    except TimeoutError as error:
        raise SourceError("timeout", f"no answer within {timeout_ms} ms") from error
    except httpx.TimeoutException as error:
        raise SourceError("timeout", f"no answer within {timeout_ms} ms") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise SourceError("unreachable", type(error).__name__) from error


async def tell(
    client: httpx.AsyncClient, url: str, timeout_ms: int, body: bytes, headers: Mapping[str, str]
) -> int:
    """POST ``body`` to ``url``; the status it answers with, its answer unread. Raises ``SourceError``."""
    check_url(url)
    try:
        async with asyncio.timeout(timeout_ms / 1_000):
            request = await _to_checked_address(client, "POST", url, {"content": body}, headers)
            response = await client.send(request, stream=True)
            await response.aclose()
            return response.status_code
    except (TimeoutError, httpx.TimeoutException) as error:
        raise SourceError("timeout", f"no answer within {timeout_ms} ms") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise SourceError("unreachable", type(error).__name__) from error


async def _to_checked_address(
    client: httpx.AsyncClient, method: str, url: str, content: dict[str, Any], headers: Mapping[str, str]
) -> httpx.Request:
    """A request to the very address that was found public, under the name that was asked for."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = await resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
    literal = f"[{address}]" if ":" in address else address
    target = urlunsplit(parts._replace(netloc=f"{literal}:{parts.port}" if parts.port else literal))
    return client.build_request(
        method,
        target,
        headers={"Host": parts.netloc, **headers},
        extensions={"sni_hostname": host},
        **content,
    )


async def _exchange(client: httpx.AsyncClient, url: str, body: Any) -> bytes:
    request = await _to_checked_address(client, "GET" if body is None else "POST", url, {"json": body}, {})
    response = await client.send(request, stream=True)
    try:
        if response.status_code != 200:
            raise SourceError("status", f"answered {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise SourceError("malformed", "the answer is compressed")
        answer = b""
        async for chunk in response.aiter_raw():
            answer += chunk
            if len(answer) > MAX_ANSWER_BYTES:
                raise SourceError("too_large", f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return answer
    finally:
        await response.aclose()
