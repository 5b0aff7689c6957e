"""A holder's own pages: credentials and who sees them, applying to an issuer, and how an application stands."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import safe_next, signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.pages.markets import venue_or_404
from trading.services.permissions import settle_permission
from venues.access import LEVEL_WORDS, LEVELS
from venues.countries import country_name, country_options
from venues.holders import credentials_of, open_cases_of
from venues.models import OPEN_CASES, CaseState, DocumentKind, Issuer, IssuerKind, KycCase, Venue
from venues.selectors import LIVE_STATES
from venues.services.credentials import give_consent, withdraw_consent
from venues.services.kyc_cases import NEEDED, Details, add_documents, apply_for, withdraw_case
from venues.services.kyc_documents import MAX_BYTES, Upload

#: Everything that one application may bring, forms and borders of parts included.
MAX_REQUEST = 4 * MAX_BYTES


class BoundedMemory(MemoryFileUploadHandler):
    """Keeps uploads in memory, up to ``MAX_REQUEST`` in all: no paper lies under a name in a folder of the server."""

    left = MAX_REQUEST

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Take every upload, large ones too."""
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """One piece of a file."""
        self.left -= len(raw_data)
        if self.left < 0:
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


def _uploads(request: SignedInRequest) -> list[Upload]:
    found = []
    for kind in DocumentKind.values:
        for file in request.FILES.getlist(kind):
            found.append(Upload(kind, file.read()))
    return found


@signed_in
@require_safe
def credentials(request: SignedInRequest) -> HttpResponse:
    """What the user holds, who sees it, and what is under way."""
    now = timezone.now()
    held = credentials_of(request.user.pk, now)
    takers = Venue.objects.filter(access_policy__isnull=False, state__in=LIVE_STATES).select_related(
        "access_policy"
    )
    trusting: dict[int, list[Venue]] = {}
    for venue in takers[:200]:
        for issuer in venue.access_policy.rules.get("issuers", []) if venue.access_policy else []:
            trusting.setdefault(issuer, []).append(venue)
    rows = []
    for each in held:
        seen = {consent.venue_id for consent in each.consents}
        more = [venue for venue in trusting.get(each.credential.issuer_id, []) if venue.pk not in seen]
        rows.append({"shown": each, "country": country_name(each.credential.jurisdiction),
                     "level": LEVELS[each.credential.level], "more": more})  # fmt: skip
    past = KycCase.objects.filter(holder=request.user, state__in=[CaseState.REFUSED, CaseState.WITHDRAWN])
    context = {
        "rows": rows,
        "cases": open_cases_of(request.user.pk),
        "past": past.select_related("issuer").order_by("-decided")[:5],
        "issuers": Issuer.objects.filter(active=True, venue__state__in=LIVE_STATES).select_related("venue")[
            :50
        ],
    }
    return render(request, "trading/credentials/list.html", context)


@signed_in
@require_POST
def share(request: SignedInRequest, credential_id: int) -> HttpResponse:
    """Let a venue see a credential; trading there begins at once if it was all that was missing."""
    venue = venue_or_404(request.POST.get("venue", ""))
    try:
        give_consent(request.user, credential_id, venue)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        settle_permission(request.user.pk, venue.pk)
        messages.success(request, f"{venue.name} sees the credential now.")
    return redirect(safe_next(request) or "pages:credentials")


@signed_in
@require_POST
def withdraw(request: SignedInRequest, consent_id: int) -> HttpResponse:
    """No longer let a venue see a credential."""
    try:
        consent = withdraw_consent(request.user, consent_id)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        settle_permission(request.user.pk, consent.venue_id)
        messages.success(
            request,
            f"{consent.venue.name} no longer sees it. You can still close, cancel and withdraw there.",
        )
    return redirect("pages:credentials")


@method_decorator([csrf_exempt, signed_in], name="dispatch")
class Apply(View):
    """Applying to an issuer. Papers stay in memory, so the handler is chosen before the body is read, and only then is
    the request checked for forgery."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Choose where uploads go, then go on."""
        request.upload_handlers = [BoundedMemory(request)]
        return csrf_protect(self._guarded)(request, *args, **kwargs)

    def _guarded(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: SignedInRequest, slug: str) -> HttpResponse:
        """The form, for the level that was asked for."""
        issuer = _issuer(slug)
        level = request.GET.get("level", "")
        return self._form(request, issuer, {"level": level if level in ("1", "2", "3") else "2"}, None)

    def post(self, request: SignedInRequest, slug: str) -> HttpResponse:
        """Apply; a refusal comes back at its field. Papers have to be chosen again then, as browsers want it."""
        issuer, post = _issuer(slug), request.POST
        level = post.get("level", "")
        details = Details(
            name=" ".join(post.get("name", "").split()), born=post.get("born", ""), country=post.get("country", ""),
            address=" ".join(post.get("address", "").split()),
        )  # fmt: skip
        venue = _venue(request)
        try:
            if issuer.kind == IssuerKind.DESK and post.get("agreed") != "on":
                raise DomainError(
                    "consent_needed", "Tick this to go on: the desk has to see it.", field="agreed"
                )
            case = apply_for(request.user, issuer, int(level) if level.isdecimal() else 0, details,
                             _uploads(request), venue)  # fmt: skip
        except DomainError as refused:
            return self._form(request, issuer, post.dict(), refused, status=422)
        if issuer.kind == IssuerKind.PROVIDER:
            return redirect(issuer.apply_url.replace("{reference}", str(case.reference)))
        return redirect("pages:application", case.pk)

    def _form(
        self,
        request: SignedInRequest,
        issuer: Issuer,
        typed: dict[str, Any],
        refused: DomainError | None,
        status: int = 200,
    ) -> HttpResponse:
        context = {
            "issuer": issuer,
            "typed": typed,
            "refused": refused,
            "venue": _venue(request),
            "levels": [(str(number), LEVELS[number], LEVEL_WORDS[number]) for number in NEEDED],
            "documents": [
                (kind.value, kind.label, _asked_from(kind)) for kind in (DocumentKind.IDENTITY, DocumentKind.ADDRESS,
                                                                         DocumentKind.FUNDS)
            ],
            "countries": country_options(),
            "max_mb": MAX_BYTES // 1_000_000,
        }  # fmt: skip
        return render(request, "trading/credentials/apply.html", context, status=status)


def _asked_from(kind: DocumentKind) -> int:
    """The lowest level that asks for a document of the kind."""
    return min(level for level, kinds in NEEDED.items() if kind in kinds)


def _issuer(slug: str) -> Issuer:
    return get_object_or_404(Issuer.objects.select_related("venue"), slug=slug, active=True)


def _venue(request: SignedInRequest) -> Venue | None:
    slug = request.POST.get("venue") or request.GET.get("venue") or ""
    return Venue.objects.filter(slug=slug, state__in=LIVE_STATES).first() if slug else None


def _own_case(request: SignedInRequest, case_id: int) -> KycCase:
    case = (
        KycCase.objects.filter(pk=case_id, holder_id=request.user.pk)
        .select_related("issuer", "venue")
        .first()
    )
    if case is None:
        raise Http404("You have no such application.")
    return case


@signed_in
@require_safe
def application(request: SignedInRequest, case_id: int) -> HttpResponse:
    """How one's application stands; what is still wanted can be sent."""
    case = _own_case(request, case_id)
    context = {
        "case": case,
        "level": LEVELS[case.level],
        "documents": case.documents.all(),
        "moves": case.moves.all(),
        "is_open": case.state in OPEN_CASES,
        "wants_more": case.state == CaseState.MORE_WANTED,
        "kinds": DocumentKind.choices,
        "provider_url": case.issuer.apply_url.replace("{reference}", str(case.reference)),
        "credential": case.credentials.first(),
    }
    template = (
        "trading/credentials/progress.html"
        if request.headers.get("HX-Request") == "true"
        else "trading/credentials/application.html"
    )
    return render(request, template, context)


@method_decorator([csrf_exempt, signed_in], name="dispatch")
class AddDocuments(Apply):
    """What an issuer still wants."""

    http_method_names = ["post"]

    def post(self, request: SignedInRequest, case_id: int) -> HttpResponse:  # type: ignore[override]
        """Send further papers."""
        case = _own_case(request, case_id)
        kind = request.POST.get("kind", "")
        try:
            uploads = [Upload(kind, file.read()) for file in request.FILES.getlist("document")]
            add_documents(request.user, case.pk, uploads)
        except DomainError as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, "Sent.")
        return redirect("pages:application", case.pk)


@signed_in
@require_POST
def take_back(request: SignedInRequest, case_id: int) -> HttpResponse:
    """Take an application back."""
    try:
        withdraw_case(request.user, _own_case(request, case_id).pk)
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Taken back. What you sent is shredded tonight.")
    return redirect("pages:credentials")
