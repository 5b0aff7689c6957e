"""The deployer's API, ``/api/deployer/v1/``: what a program may do at a venue with a token of one of its members.

The token, ``Authorization: Bearer xd_…``, names the venue. Every verb is the service that the console's button calls,
so roles, two people, time locks and the audit log hold here as there. Refusals are ``{"code", "message", "field"?}``.
"""

from datetime import datetime
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from ninja import Body, NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import HttpBearer

from exchange_os.errors import DomainError
from venues.errors import Refusals
from venues.evidence import MAX_ITEMS, evidence_link
from venues.models import DeployerToken, Event, EventState, Market, MarketKind, Role
from venues.services.adding import add_market
from venues.services.capacity import settlement_asset
from venues.services.event_moves import outcome_names, window_ends
from venues.services.operate import halt_market, halt_venue, resume_market, resume_venue
from venues.services.programs import Told, take_result
from venues.services.roles import member_event
from venues.services.tokens import require_token_role, token_of
from venues.specs import listing_spec

PPM = 1_000_000
#: States in which a result can be proposed or corrected without giving anything up.
WAITING = (EventState.OPEN, EventState.CLOSED, EventState.PROPOSED)
STATUS = {
    "role_missing": 403, "venue_unknown": 404, "event_unknown": 404, "market_unknown": 404, "too_many_requests": 429,
    "busy": 503, "outcome_unknown": 503, "group_halted": 503,
}  # fmt: skip


class TokenAuth(HttpBearer):
    """``Authorization: Bearer xd_…``."""

    def authenticate(self, request: HttpRequest, token: str) -> DeployerToken | None:
        """The token, or None, which answers 401."""
        return token_of(token)


class BoundedParser(Parser):
    """JSON of bounded depth, with numbers a machine can hold."""

    def parse_body(self, request: HttpRequest) -> Any:
        """What the body says. Raises ValueError."""
        return orjson.loads(request.body)


api = NinjaAPI(
    title="Exchange OS deployer API",
    version="1.0.0",
    description="Run a venue from a program, with a token made on the tab API of its console.",
    urls_namespace="deployer_api",
    auth=TokenAuth(),
    parser=BoundedParser(),
    docs_url=None,
    openapi_url="/openapi.json",
)


class VenueOut(Schema):
    """The token's venue."""

    id: int
    slug: str
    name: str
    state: str
    role: str


class MarketOut(Schema):
    """A market; prices in quote, fees in parts per million."""

    number: int
    symbol: str
    kind: str
    phase: str
    tick_size: str
    lot_size: str
    maker_fee_ppm: int
    taker_fee_ppm: int


class EventOut(Schema):
    """An event and its outcomes by number. ``unit_ticks`` is how finely one unit can be shared out; ``payouts``, of a
    result that is proposed or paid, are parts per million by outcome, ``void`` if there is none to be found; until
    ``correctable_until`` it can be replaced."""

    id: int
    code: str
    title: str
    state: str
    closes: datetime
    outcomes: dict[str, str]
    unit_ticks: int
    payouts: dict[str, int]
    void: bool
    correctable_until: datetime | None


class LinkIn(Schema):
    """An address and the SHA-256 of what stood there."""

    link: str
    sha256: str


class Reason(Schema):
    """Why, in words that traders can read."""

    reason: str = ""


class Result(Schema):
    """One of: the outcome that happened, parts per million of one unit by outcome, or ``void``. ``evidence`` are the
    words, ``source`` where it can be checked (that of the rules unless said), ``links`` what was seen there.
    ``concede`` says that it may replace a disputed result, which pays the challengers."""

    evidence: str
    outcome: int | None = None
    payouts: dict[int, int] | None = None
    void: bool = False
    source: str = ""
    links: list[LinkIn] = []
    concede: bool = False


class Added(Schema):
    """Symbols that open in a moment."""

    symbols: list[str]


class Failure(Schema):
    """A refusal: its code, a sentence with the remedy, and of a form every field at fault."""

    code: str
    message: str
    field: str | None = None
    errors: dict[str, str] | None = None


REFUSALS = {400: Failure, 403: Failure, 404: Failure, 422: Failure, 429: Failure, 503: Failure}


@api.exception_handler(DomainError)
def refused(request: HttpRequest, error: Any) -> HttpResponse:
    """A refusal as JSON with the status that fits."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.field:
        body["field"] = error.field
    if isinstance(error, Refusals):
        body["errors"] = {name: each.message for name, each in error.errors.items()}
    return api.create_response(request, body, status=STATUS.get(error.code, 422))


@api.exception_handler(AuthenticationError)
def unknown_token(request: HttpRequest, error: Any) -> HttpResponse:
    """No token, or none that lives."""
    body = {"code": "token_unknown", "message": "Send a living token: Authorization: Bearer xd_…"}
    return api.create_response(request, body, status=401)


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, error: Any) -> HttpResponse:
    """A body that is not what the schema says."""
    where = ".".join(str(part) for part in error.errors[0]["loc"][1:]) if error.errors else ""
    body = {"code": "malformed", "message": f"{where or 'The body'}: {error.errors[0]['msg']}"}
    return api.create_response(request, body, status=400)


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, error: Any) -> HttpResponse:
    """A body that is no JSON."""
    body = {"code": "malformed", "message": "The body is no JSON, or is nested too deeply."}
    return api.create_response(request, body, status=error.status_code)


@api.get("/venue", response={200: VenueOut, **REFUSALS}, summary="The token's venue")
def venue(request: HttpRequest) -> dict[str, Any]:
    """Its state, and the token's role there."""
    token = _token(request)
    found = token.venue
    return {"id": found.pk, "slug": found.slug, "name": found.name, "state": found.state, "role": token.role}


@api.get("/markets", response={200: list[MarketOut], **REFUSALS}, summary="Every market")
def markets(request: HttpRequest) -> list[dict[str, Any]]:
    """Also those that are opening."""
    return [_market(row) for row in Market.objects.filter(venue=_token(request).venue)]


@api.post("/markets", response={201: Added, **REFUSALS}, summary="Add a market or an event (owner)")
def add(request: HttpRequest, body: Body[dict[str, str]]) -> tuple[int, dict[str, Any]]:
    """The fields of the console's form as text: ``kind`` is spot, swap or outcome. It opens in a moment."""
    token = _allowed(request, Role.OWNER)
    taken = set(token.venue.markets.values_list("symbol", flat=True))
    kind = body.get("kind", "")
    if kind not in MarketKind.values:
        raise DomainError("kind_unknown", "The kind is spot, swap or outcome.", field="kind")
    spec = listing_spec(body, taken=taken, settlement=settlement_asset(token.venue))
    added = add_market(token.user, token.venue, spec)
    return 201, {"symbols": [market.symbol for market in added]}


@api.post("/halt", response={200: VenueOut, **REFUSALS}, summary="Halt the venue (halter)")
def halt(request: HttpRequest, body: Reason) -> dict[str, Any]:
    """Every market takes cancels only; ends by itself unless two people agree on longer."""
    token = _allowed(request, Role.HALTER)
    token.venue = halt_venue(token.user, token.venue, body.reason[:300])
    return venue(request)


@api.post("/resume", response={200: VenueOut, **REFUSALS}, summary="Resume the venue (halter)")
def resume(request: HttpRequest, body: Reason) -> dict[str, Any]:
    """Every halted market trades again."""
    token = _allowed(request, Role.HALTER)
    token.venue = resume_venue(token.user, token.venue, body.reason[:300])
    return venue(request)


@api.post("/markets/{number}/halt", response={200: MarketOut, **REFUSALS}, summary="Halt one market (halter)")
def halt_one(request: HttpRequest, number: int, body: Reason) -> dict[str, Any]:
    """It takes cancels only."""
    token = _allowed(request, Role.HALTER)
    return _market(halt_market(token.user, token.venue, number, body.reason[:300]))


@api.post(
    "/markets/{number}/resume", response={200: MarketOut, **REFUSALS}, summary="Resume one market (halter)"
)
def resume_one(request: HttpRequest, number: int, body: Reason) -> dict[str, Any]:
    """It trades again."""
    token = _allowed(request, Role.HALTER)
    return _market(resume_market(token.user, token.venue, number, body.reason[:300]))


@api.get(
    "/events", response={200: list[EventOut], **REFUSALS}, summary="Every event, or those without a result"
)
def events(request: HttpRequest, waiting: bool = False) -> list[dict[str, Any]]:
    """With its outcomes by number. ``waiting``: those that wait for a result or whose proposed one can be corrected."""
    rows = Event.objects.filter(venue=_token(request).venue).prefetch_related("markets")
    return [_event(row) for row in (rows.filter(state__in=WAITING) if waiting else rows)]


@api.get("/events/{event_id}", response={200: EventOut, **REFUSALS}, summary="One event")
def one_event(request: HttpRequest, event_id: int) -> dict[str, Any]:
    """With the result that stands."""
    return _event(_own_event(_token(request), event_id))


@api.post(
    "/events/{event_id}/result",
    response={200: EventOut, **REFUSALS},
    summary="Propose or correct a result (oracle updater)",
)
def result(request: HttpRequest, event_id: int, body: Result) -> dict[str, Any]:
    """Trading ends, the time to challenge begins; another result begins it anew. The same once more changes nothing."""
    token = _allowed(request, Role.ORACLE_UPDATER)
    found = _own_event(token, event_id)
    if [body.outcome is not None, body.payouts is not None, body.void].count(True) != 1:
        raise DomainError("payouts_invalid", "Say one of outcome, payouts and void.", field="outcome")
    shares = None if body.void else body.payouts
    if body.outcome is not None:
        shares = {body.outcome: PPM}
    links = [evidence_link(each.link, each.sha256) for each in body.links[: MAX_ITEMS + 1]]
    told = Told(shares, body.evidence, body.source, links, body.concede)
    return _event(take_result(token.user, found, told))


def _own_event(token: DeployerToken, event_id: int) -> Event:
    found = member_event(token.user, event_id)
    if found.venue_id != token.venue_id:
        raise DomainError("event_unknown", "You have no such event.")
    return found


def _token(request: HttpRequest) -> DeployerToken:
    token: DeployerToken = request.auth  # type: ignore[attr-defined]
    return token


def _allowed(request: HttpRequest, role: Role) -> DeployerToken:
    token = _token(request)
    require_token_role(token, role)
    return token


def _market(row: Market) -> dict[str, Any]:
    return {
        "number": row.number, "symbol": row.symbol, "kind": row.kind, "phase": row.get_phase_display().lower(),
        "tick_size": row.tick_size, "lot_size": row.lot_size, "maker_fee_ppm": row.maker_fee_ppm,
        "taker_fee_ppm": row.taker_fee_ppm,
    }  # fmt: skip


def _event(row: Event) -> dict[str, Any]:
    return {
        "id": row.pk, "code": row.code, "title": row.title, "state": row.state, "closes": row.closes,
        "outcomes": {str(number): name for number, name in outcome_names(row).items()},
        "unit_ticks": min((market.payout_ticks for market in row.markets.all()), default=0),
        "payouts": row.payouts if row.proposed else {}, "void": row.voiding,
        "correctable_until": window_ends(row) if row.state == EventState.PROPOSED else None,
    }  # fmt: skip
