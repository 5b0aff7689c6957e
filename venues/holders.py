"""What is known of a holder at a venue: the facts that decisions are made of, and what pages show of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef, QuerySet

from exchange_os.errors import DomainError
from venues.access import Held, Holder, Permission, Refusal, Rules, Screened
from venues.models import (
    OPEN_CASES,
    AccountPermission,
    Consent,
    Credential,
    Issuer,
    KycCase,
    Screening,
    ScreeningOutcome,
    Venue,
)


def rules_of(venue: Venue) -> Rules:
    """The rules in force at the venue; open ones cost no query."""
    if venue.access_policy_id is None or venue.access_policy is None:
        return Rules()
    return Rules.from_json(venue.access_policy.rules)


def holder_of(user: AbstractBaseUser, venue: Venue, rules: Rules) -> Holder:
    """What the venue may take into account of the user: nothing of issuers it does not trust."""
    email = str(getattr(user, "email", "")).lower()
    verified = (
        bool(rules.guests)
        and EmailAddress.objects.filter(user_id=user.pk, email__iexact=email, verified=True).exists()
    )
    if not rules.issuers:
        return Holder(email, verified)
    return Holder(email, verified, tuple(_held(user.pk, venue, rules)), _screened(user.pk, rules))


def _held(user_id: int, venue: Venue, rules: Rules) -> Iterable[Held]:
    shared = Consent.objects.filter(credential=OuterRef("pk"), venue=venue, withdrawn=None)
    rows = Credential.objects.filter(holder_id=user_id, issuer__in=rules.issuers)
    for row in rows.annotate(shared=Exists(shared)):
        yield Held(
            id=row.pk,
            issuer=row.issuer_id,
            level=row.level,
            jurisdiction=row.jurisdiction,
            expires=row.expires,
            claims=frozenset(row.claims),
            revoked=row.revoked is not None,
            shared=row.shared,
        )


def _screened(user_id: int, rules: Rules) -> Screened:
    rows = Screening.objects.filter(holder_id=user_id, issuer__in=rules.issuers)
    newest = rows.order_by("issuer_id", "-pk").distinct("issuer_id").values_list("outcome", flat=True)
    found = set(newest)
    if ScreeningOutcome.HIT in found:
        return Screened.HIT
    return Screened.CLEAR if found else Screened.UNKNOWN


def refusals_of(user_id: int, venue_id: int, product: str) -> list[Refusal]:
    """The rules that stood against a kind of market when the user's account was last decided."""
    row = AccountPermission.objects.filter(user_id=user_id, venue_id=venue_id).first()
    told = row.decisions.get(product, {}).get("refusals", []) if row else []
    return [Refusal(each["code"], each["rule"], each["remedy"], Permission(each["leaves"])) for each in told]


def refused(refusals: Iterable[Refusal], venue: Venue) -> DomainError:
    """The refusals as an error: its code is that of the first, its sentence names every rule and its remedy."""
    told = list(refusals)
    words = " ".join(f"{each.rule} {each.remedy}" for each in told)
    return DomainError(f"access_{told[0].code}", words, venue=venue.slug, rules=[each.code for each in told])


@dataclass(frozen=True)
class Shown:
    """A credential as its holder sees it: who sees it, and whether it still counts."""

    credential: Credential
    consents: list[Consent]
    past: list[Consent]
    state: str


def credentials_of(user_id: int, now: datetime) -> list[Shown]:
    """The user's credentials, newest first, each with the venues that see it and those that no longer do."""
    rows = Credential.objects.filter(holder_id=user_id).select_related("issuer", "issuer__venue")
    consents: dict[int, list[Consent]] = {}
    for each in Consent.objects.filter(credential__holder_id=user_id).select_related("venue"):
        consents.setdefault(each.credential_id, []).append(each)
    shown = []
    for row in rows:
        mine = consents.get(row.pk, [])
        state = "revoked" if row.revoked else "expired" if row.expires <= now else "valid"
        live = [each for each in mine if each.withdrawn is None]
        past = [each for each in mine if each.withdrawn is not None]
        shown.append(Shown(row, live, past, state))
    return shown


def open_cases_of(user_id: int) -> QuerySet[KycCase]:
    """The user's applications that are not decided, newest first."""
    return (
        KycCase.objects.filter(holder_id=user_id, state__in=OPEN_CASES)
        .select_related("issuer", "venue")
        .order_by("-pk")
    )


def trusted_issuers(rules: Rules) -> list[Issuer]:
    """The issuers that a policy trusts and that take applications, own desks first."""
    return list(
        Issuer.objects.filter(pk__in=rules.issuers, active=True)
        .select_related("venue")
        .order_by("kind", "name")
    )


def permission_of(user_id: int, venue_id: int) -> AccountPermission | None:
    """The user's permission at the venue as last decided; ``None`` where there is no policy or account."""
    return AccountPermission.objects.filter(user_id=user_id, venue_id=venue_id).first()
