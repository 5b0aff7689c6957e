"""Voting: choose, look at the exact effect and its digest, confirm with a second factor. One vote at a time."""

import orjson
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import read_decimal
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from governance.canonical import digest
from governance.kinds import kind_of
from governance.models import VoteChallenge
from governance.pages.decision import decision_or_404, page_context
from governance.pages.shown import options_of, percent
from governance.selectors.ballots import said_in
from governance.selectors.decisions import effect_of
from governance.services.proofs import Code, Passkey, Proof, has_app, has_passkey, passkey_request
from governance.services.votes import cast_vote, challenge_of, prepare_vote


@signed_in
@require_POST
def vote(request: SignedInRequest, number: int) -> HttpResponse:
    """What a member wants; leads to the confirmation, or back with what is wrong."""
    found = decision_or_404(number)
    typed = read_decimal(request.POST.get("share", ""))
    share = int(typed * 10_000) if typed is not None and 0 <= typed <= 100 else None
    choice, _, option = request.POST.get("choice", "").partition(":")
    try:
        challenge = prepare_vote(
            found, request.user, choice, share, request.POST.get("rationale", ""), option=option
        )
    except DomainError as refused:
        context = page_context(request, found)
        context |= {"vote_error": refused.message, "vote_field": refused.field, "vote_typed": request.POST}
        if refused.code == "second_factor_missing":
            messages.warning(request, refused.message)
            return redirect("mfa_index")
        return render(request, "governance/decision.html", context, status=422)
    return redirect("governance:confirm", challenge.pk)


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def confirm(request: SignedInRequest, number: int) -> HttpResponse:
    """The exact effect of the stored bytes, the vote, and the second factor that casts it."""
    try:
        challenge = challenge_of(request.user, number)
    except DomainError as refused:
        messages.error(request, refused.message)
        return redirect("governance:queue")
    error = ""
    if request.method == "POST":
        try:
            cast_vote(request.user, challenge.pk, _proof(request))
        except DomainError as refused:
            error = refused.message
        else:
            then = (
                "and published." if kind_of(challenge.decision).early else "and sealed until the vote ends."
            )
            messages.success(request, f"Your vote is cast {then}")
            return redirect("governance:decision", challenge.decision_id)
    return _ask(request, challenge, error)


def _proof(request: SignedInRequest) -> Proof:
    if not request.POST.get("credential"):
        return Code(request.POST.get("code", "")[:12])
    try:
        answer = orjson.loads(request.POST["credential"][:20_000])
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise DomainError("proof_wrong", "The browser's answer could not be read. Try again.")
    return Passkey(answer)


def _ask(request: SignedInRequest, challenge: VoteChallenge, error: str) -> HttpResponse:
    passkey, said = has_passkey(request.user), said_in(challenge)
    context = {
        "challenge": challenge,
        "decision": challenge.decision,
        "lines": effect_of(challenge.decision),
        "text": bytes(challenge.decision.text).decode(),
        "said": said,
        "message": said.message.decode(),
        "digest": digest(said.message),
        "sealed": bool(challenge.sealed),
        "share": percent(said.share_ppm),
        "option": options_of(challenge.decision).get(said.option, ""),
        "app": has_app(request.user),
        "passkey": passkey,
        "error": error,
        "seconds_left": max(0, int((challenge.expires - timezone.now()).total_seconds())),
    }
    if passkey:
        context["js_data"] = {"request_options": passkey_request(request.user, said.message)}
    return render(request, "governance/confirm.html", context, status=422 if error else 200)
