"""API keys: made, shown once, edited, rotated, revoked."""

from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import messages
from django.db.models import Case, When
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import ApiKey, Permission
from trading.pages.key_form import GRACES, PRESETS, KeyForm, initial_of, typed_of, words_or_refusal
from trading.pages.markets import ccxt_snippet, venue_or_404
from trading.selectors.accounts import newest_venue
from trading.services.accounts import ensure_account
from trading.services.keys import (
    NewKey,
    create_api_key,
    edit_api_key,
    revoke_api_key,
    rotate_api_key,
)
from venues.models import MarketKind
from venues.selectors import markets_of

FIRST_CHOICES = {"permissions": [Permission.TRADE.value]}


def _page(
    request: SignedInRequest, form: KeyForm, made: NewKey | None = None, status: int = 200
) -> HttpResponse:
    keys = (
        ApiKey.objects.filter(account__user_id=request.user.pk, revoked_at=None)
        .select_related("account__venue")
        .order_by("-pk")
    )
    context = {
        "form": form,
        "keys": keys,
        "made": made,
        "snippet": _snippet(request, made) if made else "",
        "now": timezone.now(),
        "presets": PRESETS,
        "preset": request.GET.get("preset", ""),
    }
    return render(request, "trading/keys.html", context, status=status)


def _snippet(request: SignedInRequest, made: NewKey) -> str:
    venue = made.record.account.venue
    base = request.build_absolute_uri(f"/v/{venue.slug}")
    spot_first = Case(When(kind=MarketKind.OUTCOME, then=1), default=0)
    symbol = markets_of(venue).order_by(spot_first, "kind", "pk").values_list("symbol", flat=True).first()
    return ccxt_snippet(base, symbol or "BTC-USD").replace(
        '"apiKey": "...", "secret": "...", "password": "..."',
        f'"apiKey": "{made.key}",\n    "secret": "{made.secret}",\n    "password": "{made.passphrase}"',
    )


def _own_key(request: SignedInRequest, key_id: int) -> ApiKey:
    """The user's living key. Raises Http404."""
    rows = ApiKey.objects.filter(pk=key_id, account__user_id=request.user.pk, revoked_at=None)
    found = rows.select_related("account__venue").first()
    if found is None:
        raise Http404("You have no such key.")
    return found


def _ask_who(request: SignedInRequest, *rights: Any) -> None:
    """A key that moves money outlives the session of whoever makes it: prove once more who is there."""
    if any(set(each) - {Permission.READ.value} for each in rights):
        raise_if_reauthentication_required(request, app="trading")


@signed_in
@never_cache
def keys(request: SignedInRequest) -> HttpResponse:
    """The user's keys at every venue, and the form that makes one; its secret is in this one answer and never again."""
    if request.method != "POST":
        chosen = {name: values for name, _, _, values in PRESETS}.get(request.GET.get("preset", ""))
        venue_slug = request.GET.get("venue") or newest_venue(request.user.pk)
        first = {**(chosen or FIRST_CHOICES), "venue": venue_slug}
        return _page(request, KeyForm(initial=first))
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    typed = typed_of(form)
    _ask_who(request, typed.permissions)
    venue = venue_or_404(form.cleaned_data["venue"])
    try:
        made = create_api_key(
            ensure_account(request.user, venue),
            typed.permissions,
            label=typed.label,
            allowed_ips=typed.allowed_ips,
            expires_at=typed.expires_at,
            limits=typed.limits,
        )
    except DomainError as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        return _page(request, form, status=422)
    return _page(request, KeyForm(initial={**FIRST_CHOICES, "venue": venue.slug}), made)


@signed_in
@require_POST
def words(request: SignedInRequest, key_id: int = 0) -> HttpResponse:
    """What the key in the form would allow, in plain words, as a fragment."""
    key = _own_key(request, key_id) if key_id else None
    form = KeyForm(request.POST, of=key)
    lines: list[tuple[str, str]] = []
    if form.is_valid():
        venue = key.account.venue if key else venue_or_404(form.cleaned_data["venue"])
        lines, refusal = words_or_refusal(venue, typed_of(form, key))
    else:
        refusal = str(next(iter(form.errors.values()))[0])
    return render(request, "trading/key_words.html", {"words": lines, "refusal": refusal})


@signed_in
@never_cache
def edit(request: SignedInRequest, key_id: int) -> HttpResponse:
    """A living key: what it may do, changed; a new secret; its end."""
    key = _own_key(request, key_id)
    if request.method != "POST":
        return _edit_page(request, key, KeyForm(initial=initial_of(key), of=key))
    form = KeyForm(request.POST, of=key)
    if not form.is_valid():
        return _edit_page(request, key, form, 422)
    typed = typed_of(form, key)
    _ask_who(request, typed.permissions)
    try:
        edit_api_key(
            key.account,
            key.pk,
            typed.permissions,
            label=typed.label,
            allowed_ips=typed.allowed_ips,
            expires_at=typed.expires_at,
            limits=typed.limits,
        )
    except DomainError as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        return _edit_page(request, key, form, 422)
    messages.success(
        request, f"Key {key.key_hint}… is changed. Programs that use it go on with its new terms."
    )
    return redirect("pages:edit_key", key.pk)


def _edit_page(request: SignedInRequest, key: ApiKey, form: KeyForm, status: int = 200) -> HttpResponse:
    shown = KeyForm(initial_of(key), of=key)  # what the key allows now, whatever is being typed
    lines, refusal = (
        words_or_refusal(key.account.venue, typed_of(shown, key)) if shown.is_valid() else ([], "")
    )
    context = {
        "key": key,
        "form": form,
        "words": lines,
        "refusal": refusal,
        "graces": GRACES,
        "now": timezone.now(),
    }
    return render(request, "trading/key.html", context, status=status)


@signed_in
@never_cache
@require_POST
def rotate(request: SignedInRequest, key_id: int) -> HttpResponse:
    """A new key, secret and passphrase in place of the old; they are in this one answer and never again."""
    key = _own_key(request, key_id)
    _ask_who(request, key.permissions)
    hours = request.POST.get("grace", "")
    if hours not in dict(GRACES):
        messages.error(request, "Choose how long the old key works.")
        return redirect("pages:edit_key", key.pk)
    made = rotate_api_key(key.account, key.pk, timedelta(hours=int(hours)))
    return _page(request, KeyForm(initial=FIRST_CHOICES), made)


@signed_in
@require_POST
def revoke(request: SignedInRequest, key_id: int) -> HttpResponse:
    """Take a key away for good."""
    key = ApiKey.objects.filter(pk=key_id, account__user_id=request.user.pk).select_related("account").first()
    if key is None:
        messages.error(request, "You have no such key.")
        return redirect("pages:keys")
    revoke_api_key(key.account, key_id)
    messages.success(
        request, f"Key {key.key_hint}… is revoked; programs that use it are refused from now on."
    )
    return redirect("pages:keys")
