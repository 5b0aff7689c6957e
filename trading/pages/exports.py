"""Exports of history: asked for, shown with their progress, downloaded part by part."""

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import ExportKind, ExportState
from trading.selectors.exports import export_text, exports_of
from trading.services.exports import delete_export, request_export


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def exports(request: SignedInRequest) -> HttpResponse:
    """The list, alone for htmx; a post asks for a new one. A task writes it within seconds."""
    if request.method == "POST":
        try:
            request_export(request.user.pk, request.POST.get("kind", ""))
        except DomainError as refused:
            messages.error(request, refused.message)
        return redirect("pages:exports")
    rows = list(exports_of(request.user.pk).filter(expires__gt=timezone.now()))
    context = {
        "exports": rows,
        "moving": any(row.state != ExportState.DONE for row in rows),
        "kinds": ExportKind.choices,
    }
    part = "export_list" if request.headers.get("HX-Request") == "true" else "exports"
    return render(request, f"trading/account/{part}.html", context)


@signed_in
@require_safe
def download(request: SignedInRequest, export_id: int) -> HttpResponse:
    """The file, as it is read from the database."""
    export = exports_of(request.user.pk).filter(pk=export_id, state=ExportState.DONE).first()
    if export is None or export.expires <= timezone.now():
        raise Http404("There is no such export, or it is not ready.")
    response = StreamingHttpResponse(export_text(export), content_type="text/csv; charset=utf-8")
    name = f"{export.kind}-{export.created:%Y%m%d-%H%M}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return cast(HttpResponse, response)


@signed_in
@require_POST
def delete(request: SignedInRequest, export_id: int) -> HttpResponse:
    """Delete one."""
    delete_export(request.user.pk, export_id)
    return redirect("pages:exports")
