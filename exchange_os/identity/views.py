"""Doors of identity: a wallet signs in, is linked, confirms and is unlinked; an account begins with a passkey."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.signup import complete_signup
from allauth.account.models import EmailAddress, Login
from allauth.account.signals import email_confirmed, password_reset
from allauth.account.views import BaseReauthenticateView, ConfirmEmailView, EmailView
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.identity import services
from exchange_os.identity.ownership import holds_account, keep_proved, take_over
from exchange_os.identity.selectors import can_lose, wallets_of
from exchange_os.identity.services import Purpose
from exchange_os.ui.access import safe_next, signed_in

_PAGES = {
    Purpose.SIGN_IN: "wallet_sign_in",
    Purpose.LINK: "wallet_link",
    Purpose.CONFIRM: "wallet_reauthenticate",
}


class SignatureForm(forms.Form):
    """What the wallet gave: the message it signed, and the signature."""

    message = forms.CharField(max_length=2_000, strip=False, widget=forms.HiddenInput)
    signature = forms.CharField(max_length=10_000, widget=forms.HiddenInput)

    def signer(self, request: HttpRequest, purpose: Purpose) -> str | None:
        """The address that signed what this session asked for; ``None`` with the reason as an error of the form."""
        if not self.is_valid():
            self.add_error(None, "Your wallet gave no signature. Start again.")
            return None
        data = self.cleaned_data
        domain, uri = _place(request, purpose)
        try:
            return services.complete_challenge(
                request.session, purpose, data["message"], data["signature"], domain, uri
            )
        except DomainError as refused:
            self.add_error(None, refused.message)
            return None


def _place(request: HttpRequest, purpose: Purpose) -> tuple[str, str]:
    return request.get_host(), request.build_absolute_uri(reverse(_PAGES[purpose]))


def _sign_page(
    request: HttpRequest, form: SignatureForm, purpose: Purpose, status: int = 200
) -> HttpResponse:
    context = {"form": form, "purpose": purpose.value, "next": safe_next(request)}
    return render(request, f"identity/{purpose.value}.html", context, status=status)


@never_cache
@require_POST
def challenge(request: HttpRequest) -> HttpResponse:
    """The message an account of a wallet must sign, as JSON; or why there is none."""
    if limited := ratelimit.consume_or_429(request, app="allauth.account", action="wallet_challenge"):
        return limited
    try:
        purpose = Purpose(request.POST.get("purpose", ""))
        chain_id = int(request.POST.get("chain_id", "")[:20])
    except ValueError:
        return JsonResponse({"error": "The page asked wrongly. Reload it and start again."}, status=422)
    domain, uri = _place(request, purpose)
    try:
        text = services.begin_challenge(
            request.session, purpose, request.POST.get("address", "")[:100], chain_id, domain, uri
        )
    except DomainError as refused:
        return JsonResponse({"error": refused.message}, status=422)
    return JsonResponse({"message": text})


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a wallet; one that is new here gets an account."""
    if request.user.is_authenticated:
        return redirect(safe_next(request) or get_adapter().get_login_redirect_url(request))
    if request.method == "GET":
        return _sign_page(request, SignatureForm(), Purpose.SIGN_IN)
    if limited := ratelimit.consume_or_429(request, app="allauth.account", action="login"):
        return limited
    form = SignatureForm(request.POST)
    address = form.signer(request, Purpose.SIGN_IN)
    if address is None:
        return _sign_page(request, form, Purpose.SIGN_IN, 422)
    user = services.user_of_wallet(address)
    new = user is None
    if user is None:
        if limited := ratelimit.consume_or_429(request, app="allauth.account", action="signup"):
            return limited
        if not get_adapter().is_open_for_signup(request):
            form.add_error(
                None, "This wallet has no account here, and new accounts are not taken at present."
            )
            return _sign_page(request, form, Purpose.SIGN_IN, 422)
        user = services.sign_up_wallet(address)
    record_authentication(request, user, method="wallet", address=address)
    return _enter(request, user, new)


def _enter(request: HttpRequest, user: Any, new: bool) -> HttpResponse:
    """Sign the user in by allauth's steps, which ask for a second factor if there is one. There may be no address to
    verify, and the key has proved more than a letter would."""
    back = safe_next(request) or None
    if new:
        return complete_signup(request, user=user, email_verification="none", redirect_url=back)
    return perform_login(request, Login(user=user, redirect_url=back, email_verification="none"))


@signed_in
@never_cache
@reauthentication_required(app="exchange_os.identity")
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest) -> HttpResponse:
    """Let one more wallet sign in to this account."""
    if request.method == "GET":
        return _sign_page(request, SignatureForm(), Purpose.LINK)
    form = SignatureForm(request.POST)
    address = form.signer(request, Purpose.LINK)
    if address is not None:
        try:
            services.link_wallet(request.user, address)  # type: ignore[arg-type]
        except DomainError as refused:
            form.add_error(None, refused.message)
        else:
            messages.success(request, f"Wallet {address[:8]}… signs in to your account from now on.")
            return redirect("pages:security")
    return _sign_page(request, form, Purpose.LINK, 422)


@signed_in
@require_POST
@reauthentication_required(app="exchange_os.identity")
def unlink(request: HttpRequest, wallet_id: int) -> HttpResponse:
    """Take a wallet away, unless it is the last way in."""
    try:
        wallet = services.unlink_wallet(request.user, wallet_id)  # type: ignore[arg-type]
    except DomainError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"Wallet {wallet.address[:8]}… no longer signs in to your account.")
    return redirect("pages:security")


class ReauthenticateByWallet(BaseReauthenticateView):
    """Confirm with a linked wallet that it is the owner who asks."""

    form_class = SignatureForm
    template_name = f"identity/{Purpose.CONFIRM.value}.html"

    def form_valid(self, form: SignatureForm) -> HttpResponse:
        """Take the signature of a wallet of this account."""
        address = form.signer(self.request, Purpose.CONFIRM)
        if address is None:
            return self.form_invalid(form)
        if not wallets_of(self.request.user.pk).filter(address=address).exists():
            form.add_error(None, "This wallet does not belong to your account. Choose the one you linked.")
            return self.form_invalid(form)
        record_authentication(
            self.request, self.request.user, method="wallet", address=address, reauthenticated=True
        )
        return super().form_valid(form)

    def form_invalid(self, form: SignatureForm) -> HttpResponse:
        """The page again, with the reason."""
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows."""
        more = {"purpose": Purpose.CONFIRM.value, "next": safe_next(self.request)}
        return super().get_context_data(**kwargs) | more


reauthenticate = signed_in(never_cache(ReauthenticateByWallet.as_view()))


@never_cache
@require_http_methods(["GET", "POST"])
def signup_by_passkey(request: HttpRequest) -> HttpResponse:
    """Begin an account that has a passkey and nothing else; the next page makes the passkey."""
    if request.user.is_authenticated:
        return redirect(safe_next(request) or get_adapter().get_login_redirect_url(request))
    open_now = get_adapter().is_open_for_signup(request)
    if request.method == "GET" or not open_now:
        return render(request, "identity/passkey.html", {"next": safe_next(request), "open": open_now})
    if limited := ratelimit.consume_or_429(request, app="allauth.account", action="signup"):
        return limited
    try:
        return complete_signup(
            request,
            user=services.sign_up_passkey(),
            email_verification="none",
            redirect_url=safe_next(request) or None,
            by_passkey=True,
        )
    except ImmediateHttpResponse as instead:
        return instead.response


class RemovePasskey(RemoveWebAuthnView):
    """Remove a passkey, unless it is the last way in."""

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Refuse for the last way in, which the user is told how to keep."""
        with transaction.atomic():
            user = get_user_model().objects.select_for_update().get(pk=self.request.user.pk)
            if can_lose(user, "passkey", self.get_object().pk):
                return super().form_valid(form)
        messages.error(self.request, services.LAST_WAY)
        return redirect("mfa_list_webauthn")


remove_passkey = reauthentication_required(app="allauth.mfa")(RemovePasskey.as_view())


class ConfirmAddress(ConfirmEmailView):
    """Confirm an address: in a session that holds the account, others are asked to sign in or to take it over."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """Verify the address, or show the page that says what is missing."""
        if not holds_account(self.request, self.get_object().email_address.user_id):
            return self.get(*args, **kwargs)
        return super().post(*args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the page shows."""
        found = self.object
        held = found is not None and holds_account(self.request, found.email_address.user_id)
        return super().get_context_data(**kwargs) | {"held": held}


confirm_address = never_cache(ConfirmAddress.as_view())


class Addresses(EmailView):
    """The addresses of the account. One that nobody confirmed never becomes the primary one, which letters go to."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What allauth does, except for that."""
        chosen = request.POST.get("email", "").lower()
        own = EmailAddress.objects.filter(user_id=request.user.pk, email=chosen)
        if "action_primary" in request.POST and own.filter(verified=False).exists():
            messages.error(request, "Confirm this address first: open the link in the letter we sent to it.")
            return redirect("account_email")
        return super().post(request, *args, **kwargs)


addresses = signed_in(Addresses.as_view())


@receiver(email_confirmed, dispatch_uid="identity-first-address")
def _first_address(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    if dropped := keep_proved(email_address):
        messages.info(
            request, f"No longer an address of your account, as it was never confirmed: {', '.join(dropped)}."
        )


@receiver(password_reset, dispatch_uid="identity-take-over")
def _taken_over(request: HttpRequest, user: User, **_: Any) -> None:
    ended = take_over(user, holds_account(request, user.pk))
    if not ended:
        return
    get_adapter().send_mail("identity/email/taken_over", user.email, {"ended": ended})
    messages.warning(
        request,
        "Your address is confirmed. What was set up before that is removed, since it might be another's: "
        f"{', '.join(ended)}. Set up your own second factor again.",
    )
