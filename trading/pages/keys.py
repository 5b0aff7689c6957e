"""API keys: made, shown once, revoked."""

from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from exchange_os.errors import DomainError
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import ApiKey, Permission
from trading.pages.markets import ccxt_snippet, venue_or_404
from trading.services.accounts import ensure_account
from trading.services.keys import NewKey, create_api_key, revoke_api_key
from trading.services.mandates import KeyLimits
from venues.selectors import live_venues

LIFETIMES = (("", "Until revoked"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"))
PERMISSIONS = (
    (Permission.TRADE.value, "Trade: place, amend and cancel orders"),
    (Permission.WITHDRAW.value, "Withdraw: move funds to your wallet"),
)
FIRST_CHOICES = {"permissions": [Permission.TRADE.value]}


class KeyForm(forms.Form):
    """What a new key may do and from where."""

    venue = forms.ChoiceField(label="Venue")
    label = forms.CharField(
        label="Label", max_length=40, required=False, help_text="To tell your keys apart."
    )
    permissions = forms.MultipleChoiceField(
        label="Beyond reading", choices=PERMISSIONS, required=False, widget=forms.CheckboxSelectMultiple
    )
    allowed_ips = forms.CharField(
        label="Allowed addresses",
        required=False,
        max_length=600,
        help_text="IP addresses or networks, separated by commas. Empty allows any address.",
    )
    lifetime = forms.ChoiceField(label="Valid", choices=LIFETIMES, required=False)
    markets = forms.CharField(
        label="Markets",
        required=False,
        max_length=2000,
        help_text="Symbols, separated by commas. Empty allows all.",
    )
    order_value = forms.DecimalField(
        label="Largest order", required=False, help_text="Worth in the quote asset of the markets."
    )
    position_value = forms.DecimalField(
        label="Largest position", required=False, help_text="What is held and what rests, in the quote asset."
    )
    daily_loss = forms.DecimalField(
        label="Most it may lose a day", required=False,
        help_text="At mark prices; then its orders are cancelled and it may only reduce.",
    )  # fmt: skip
    leverage = forms.IntegerField(label="Highest leverage", required=False, min_value=1)
    rate = forms.IntegerField(
        label="Commands a second", required=False, min_value=1, help_text="Cancels do not count."
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["venue"].choices = [(venue.slug, venue.name) for venue in live_venues()[:500]]  # type: ignore[attr-defined]


def _page(
    request: SignedInRequest, form: KeyForm, made: NewKey | None = None, status: int = 200
) -> HttpResponse:
    keys = (
        ApiKey.objects.filter(account__user_id=request.user.pk, revoked_at=None)
        .select_related("account__venue")
        .order_by("-pk")
    )
    snippet = ""
    if made is not None:
        base = request.build_absolute_uri(f"/v/{made.record.account.venue.slug}")
        snippet = ccxt_snippet(base, "BTC-USD").replace(
            '"apiKey": "...", "secret": "...", "password": "..."',
            f'"apiKey": "{made.key}",\n    "secret": "{made.secret}",\n    "password": "{made.passphrase}"',
        )
    context = {"form": form, "keys": keys, "made": made, "snippet": snippet, "now": timezone.now()}
    return render(request, "trading/keys.html", context, status=status)


def _limits(data: dict[str, Any]) -> KeyLimits:
    """The bounds as typed."""
    return KeyLimits(
        markets=[part for part in data["markets"].split(",") if part.strip()],
        order_value=data["order_value"],
        position_value=data["position_value"],
        daily_loss=data["daily_loss"],
        leverage=data["leverage"] or 0,
        rate=data["rate"] or 0,
    )


@signed_in
@never_cache
def keys(request: SignedInRequest) -> HttpResponse:
    """The user's keys at every venue, and the form that makes one; its secret is in this one answer and never again."""
    if request.method != "POST":
        return _page(request, KeyForm(initial={**FIRST_CHOICES, "venue": request.GET.get("venue", "")}))
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    data = form.cleaned_data
    if data["permissions"]:  # a key that moves money outlives the session of whoever makes it
        raise_if_reauthentication_required(request, app="trading")
    venue = venue_or_404(data["venue"])
    try:
        made = create_api_key(
            ensure_account(request.user, venue),
            data["permissions"],
            label=data["label"],
            allowed_ips=[part for part in data["allowed_ips"].replace("\n", ",").split(",") if part.strip()],
            expires_at=timezone.now() + timedelta(days=int(data["lifetime"])) if data["lifetime"] else None,
            limits=_limits(data),
        )
    except DomainError as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        return _page(request, form, status=422)
    return _page(request, KeyForm(initial={**FIRST_CHOICES, "venue": venue.slug}), made)


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
