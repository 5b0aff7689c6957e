"""Who can get into the account, at a glance: password, second factors, passkeys, recovery codes, sessions, keys."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from exchange_os.identity.ownership import is_proved
from exchange_os.identity.selectors import wallets_of, ways_in
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.models import ApiKey

#: What a browser calls itself, the first that is found: most claim to be others too.
BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "SamsungBrowser/": "Samsung Internet", "Firefox/": "Firefox", "FxiOS/": "Firefox",
    "Chrome/": "Chrome", "CriOS/": "Chrome", "Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    "Windows": "Windows", "Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Mac OS X": "macOS",
    "CrOS": "ChromeOS", "Linux": "Linux",
}  # fmt: skip


def browser_words(user_agent: str) -> str:
    """A browser and its system in words; what it sent, cut, if neither is known."""
    browser, system = (
        next((name for mark, name in known.items() if mark in user_agent), "")
        for known in (BROWSERS, SYSTEMS)
    )
    return " on ".join(filter(None, (browser, system))) or user_agent[:60] or "unknown"


def _warning(ways: set[tuple[str, int]], has_second_factor: bool) -> str:
    """What is weak about the ways into an account, or an empty text."""
    if {kind for kind, _ in ways} == {"password"} and not has_second_factor:
        return "Your account has one lock only. Add a passkey or an authenticator app."
    if len(ways) == 1 and ("password", 0) not in ways:
        return (
            "Your account has one way in: lose it and you lose the account. "
            "Add another passkey, a wallet, or an address with a password."
        )
    return ""


@signed_in
@never_cache
def security(request: SignedInRequest) -> HttpResponse:
    """What protects the account, what is open, and where to change each."""
    held = {kind: [] for kind in Authenticator.Type.values}  # type: dict[str, list[Authenticator]]
    for each in Authenticator.objects.filter(user_id=request.user.pk):
        held[each.type].append(each)
    codes = held[Authenticator.Type.RECOVERY_CODES]
    context = {
        "wallets": wallets_of(request.user.pk),
        "warning": _warning(ways_in(request.user), bool(held["totp"] or held["webauthn"])),
        "unconfirmed": bool(request.user.email) and not is_proved(request.user),
        "app": held[Authenticator.Type.TOTP],
        "passkeys": held[Authenticator.Type.WEBAUTHN],
        "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else 0,
        "sessions": [
            (browser_words(each.user_agent), each)
            for each in UserSession.objects.purge_and_list(request.user)
        ],
        "keys": ApiKey.objects.filter(account__user_id=request.user.pk, revoked_at=None).count(),
    }
    return render(request, "trading/account/security.html", context)
