"""The console's page of programs: tokens, the API that they open, webhooks and what they were told."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from exchange_os.errors import DomainError
from venues.console import Console, console_page
from venues.inputs import text_of
from venues.models import DeployerToken, Role, Webhook
from venues.services.tokens import create_token, revoke_token
from venues.services.webhooks import MAX_ATTEMPTS, add_webhook, deliveries_of, remove_webhook, send_again

SHOWN = 40
#: Method, path, what it does, the role it needs.
ENDPOINTS = (
    ("GET", "/venue", "State of the venue", ""),
    ("GET", "/markets", "Every market", ""),
    ("POST", "/markets", "Add a market or an event", "Owner"),
    ("POST", "/markets/{number}/halt", "Halt one market; also /resume", "Halter"),
    ("POST", "/halt", "Halt the venue; also /resume", "Halter"),
    ("GET", "/events", "Every event and its outcomes", ""),
    ("POST", "/events/{id}/result", "Propose a result", "Oracle updater"),
)


@require_GET
@console_page("api")
def automation(console: Console) -> HttpResponse:
    """Tokens and webhooks."""
    return _page(console)


@require_POST
@console_page("api")
def new_token(console: Console) -> HttpResponse:
    """Make a token; its text is in this answer alone."""
    post = console.request.POST
    try:
        made, text = create_token(
            console.request.user, console.venue, text_of(post, "name"), text_of(post, "role")
        )
    except DomainError as refused:
        return _page(console, {"refused": refused, "typed": post}, 422)
    return _page(console, {"made": made, "text": text})


@require_POST
@console_page("api")
def new_webhook(console: Console) -> HttpResponse:
    """Add a webhook; its secret is in this answer alone."""
    post = console.request.POST
    try:
        made, secret = add_webhook(console.request.user, console.venue, text_of(post, "url"))
    except DomainError as refused:
        return _page(console, {"hook_refused": refused, "typed": post}, 422)
    return _page(console, {"hooked": made, "secret": secret})


@require_POST
@console_page("api")
def end(console: Console, kind: str, row_id: int) -> HttpResponse:
    """Revoke a token, remove a webhook, or send a delivery again."""
    verbs = {"tokens": revoke_token, "webhooks": remove_webhook, "deliveries": send_again}
    if kind not in verbs:
        return HttpResponse(status=404)
    try:
        verbs[kind](console.request.user, console.venue, row_id)
    except DomainError as refused:
        messages.error(console.request, refused.message)
    else:
        done = {"tokens": "Revoked.", "webhooks": "Removed.", "deliveries": "It is sent again in a moment."}
        messages.success(console.request, done[kind])
    return redirect("deployer:api", console.venue.pk)


def _page(console: Console, more: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    base = console.request.build_absolute_uri("/api/deployer/v1")
    context = {
        "tokens": DeployerToken.objects.filter(venue=console.venue, revoked=None).select_related("user"),
        "role_choices": [choice for choice in Role.choices if choice[0] in console.roles],
        "webhooks": Webhook.objects.filter(venue=console.venue),
        "deliveries": deliveries_of(console.venue)[:SHOWN],
        "endpoints": ENDPOINTS,
        "base": base,
        "example": f'curl -H "Authorization: Bearer $TOKEN" {base}/venue',
        "max_attempts": MAX_ATTEMPTS,
        **(more or {}),
    }
    return console.render("venues/console/api.html", context, status=status)
