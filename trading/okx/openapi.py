"""The OpenAPI document of a venue's trading API, made from the routes that serve it."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse

from trading.okx.api import okx_api
from trading.okx.envelope import answer
from trading.okx.gate import venue_catalogue
from trading.okx.reference import BODIES, ERRORS, LISTS, MEANINGS
from trading.okx.shapes import rows_of

PREFIX = "/api/v5"
SIGNED_PARTS = ("/account", "/asset", "/sprd", "/trade")
METHODS = ("get", "post")
HEADERS = ("OK-ACCESS-KEY", "OK-ACCESS-SIGN", "OK-ACCESS-TIMESTAMP", "OK-ACCESS-PASSPHRASE")
_RATE_HEADERS = {
    name: {"description": meaning, "schema": {"type": "integer"}}
    for name, meaning in (
        ("X-RateLimit-Limit", "Requests in the window."),
        ("X-RateLimit-Remaining", "What is left of them."),
        ("X-RateLimit-Reset-Ms", "Milliseconds until one more is free, 0 if one is."),
    )
}


def is_signed(path: str) -> bool:
    """Whether a path below ``/api/v5`` needs a key."""
    return path.startswith(SIGNED_PARTS)


def _member(name: str) -> dict[str, Any]:
    if name in LISTS:
        schema: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
    else:
        schema = {"type": ["string", "number", "boolean"]}
    return schema | ({"description": MEANINGS[name]} if name in MEANINGS else {})


def _body(path: str) -> dict[str, Any]:
    """The body of a POST as a schema."""
    names = BODIES[path].split()
    members = [name for name in names if name != "[]"]
    schema: dict[str, Any] = {
        "type": "object",
        "required": [name[1:] for name in members if name.startswith("*")],
        "properties": {name.lstrip("*"): _member(name.lstrip("*")) for name in members},
    }
    if names[0] == "[]":
        schema = {"type": "array", "minItems": 1, "maxItems": 20, "items": schema}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _envelope(description: str, **extra: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Envelope"}}}
    return {"description": description, "content": content, **extra}


def _done(rows: dict[str, Any]) -> dict[str, Any]:
    """The answer of status 200, with what its rows are."""
    answer = _envelope("Done, or refused by a rule: read code.", headers=_RATE_HEADERS)
    data = {"type": "object", "properties": {"data": {"type": "array", "items": rows}}}
    content = answer["content"]["application/json"]
    content["schema"] = {"allOf": [content["schema"], data]}
    return answer


def _responses(signed: bool, rows: dict[str, Any]) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for fault in ERRORS:
        by_status.setdefault(fault.status, []).append(fault.code)
    found = {
        str(status): _envelope(f"Codes {', '.join(codes)}")
        for status, codes in by_status.items()
        if status not in (200, 405) and (signed or status != 401)
    }
    return {
        "200": _done(rows),
        **dict(sorted(found.items())),
    }


def _operation(path: str, method: str, made: dict[str, Any]) -> dict[str, Any]:
    signed = is_signed(path)
    parameters = [
        {**each, "description": MEANINGS[each["name"]]} if each["name"] in MEANINGS else each
        for each in made.get("parameters", ())
        if each["in"] == "query"
    ]
    operation: dict[str, Any] = {
        "operationId": f"{method}{path.replace('/', '-')}",
        "summary": made["summary"],
        "tags": [path.split("/")[1]],
        "parameters": parameters,
        "responses": _responses(signed, rows_of(f"{method.upper()} {path}")),
        "security": [{header: [] for header in HEADERS}] if signed else [],
    }
    if method == "post":
        operation["requestBody"] = _body(path)
    return operation


@cache
def operations() -> dict[str, dict[str, Any]]:
    """``paths`` of the document, without the prefix of the interface."""
    made = okx_api.get_openapi_schema(path_prefix="")["paths"]
    found: dict[str, dict[str, Any]] = {}
    for name, item in sorted(made.items()):
        path = "/" + name.lstrip("/")
        found[path] = {method: _operation(path, method, item[method]) for method in METHODS if method in item}
    return found


def document(base: str, name: str) -> dict[str, Any]:
    """The document of the venue called ``name`` whose address is ``base``."""
    envelope = {
        "type": "object",
        "required": ["code", "msg", "data"],
        "properties": {
            "code": {"type": "string", "description": "0 if done."},
            "msg": {"type": "string", "description": "What went wrong and what to do."},
            "data": {"type": "array", "items": {}},
            "inTime": {"type": "string", "description": "Microseconds; order operations only."},
            "outTime": {"type": "string", "description": "Microseconds; order operations only."},
        },
        "additionalProperties": False,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{name}: trading API",
            "version": "5.0.0",
            "description": "OKX-v5-compatible. A signature covers timestamp + method + path from /api/v5 on + body.",
        },
        "servers": [{"url": base}],
        "paths": {PREFIX + path: item for path, item in operations().items()},
        "components": {
            "schemas": {"Envelope": envelope},
            "securitySchemes": {
                header: {"type": "apiKey", "in": "header", "name": header} for header in HEADERS
            },
        },
    }


async def openapi(request: HttpRequest, venue: str) -> HttpResponse:
    """The document of one venue as JSON."""
    catalogue = await venue_catalogue(venue)
    return answer(document(request.build_absolute_uri(f"/v/{venue}"), catalogue.slug))
