"""Credentials: issued, revoked, and shown to venues by their holders' leave."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.access import CLAIMS
from venues.countries import COUNTRIES
from venues.models import Consent, Credential, Issuer, KycCase, Role, Venue
from venues.selectors import LIVE_STATES
from venues.services.acts import note_act
from venues.services.permissions import mark_due
from venues.services.roles import require_role


def issue_credential(
    issuer: Issuer,
    holder_id: int,
    *,
    level: int,
    jurisdiction: str,
    claims: Iterable[str] = (),
    expires: datetime | None = None,
    evidence: str = "",
    case: KycCase | None = None,
) -> Credential:
    """Vouch for somebody; the venue that the case came from sees it at once. Without ``expires`` the issuer's term.

    Raises ``level_invalid``, ``country_invalid``, ``claim_unknown``, ``expiry_past``.
    """
    known = check_facts(level, jurisdiction, claims)
    expires = expires or timezone.now() + timedelta(days=issuer.valid_days)
    if expires <= timezone.now():
        raise DomainError("expiry_past", "A credential expires in the future.", field="expires")
    with transaction.atomic():
        made = Credential.objects.create(
            holder_id=holder_id, issuer=issuer, case=case, level=level, jurisdiction=jurisdiction,
            claims=known, expires=expires, evidence=evidence[:200],
        )  # fmt: skip
        if case is not None and case.venue_id is not None:
            Consent.objects.create(credential=made, venue_id=case.venue_id)
        mark_due(user_id=holder_id)
    return made


def check_facts(level: int, jurisdiction: str, claims: Iterable[str]) -> list[str]:
    """The claims, each once, of facts that may be vouched for.

    Raises ``level_invalid``, ``country_invalid``, ``claim_unknown``.
    """
    known = sorted(set(claims))
    if level not in (1, 2, 3):
        raise DomainError("level_invalid", "A level is 1, 2 or 3.", field="level")
    if jurisdiction not in COUNTRIES:
        raise DomainError("country_invalid", "Choose a country from the list.", field="country")
    if not set(known) <= set(CLAIMS):
        raise DomainError("claim_unknown", f"Claims are {', '.join(CLAIMS)}.", field="claims")
    return known


def revoke_credential(user: AbstractBaseUser, credential_id: int, venue: Venue, reason: str) -> Credential:
    """Take a credential of one of the venue's issuers back, for a reason that its holder reads. Compliance's act.

    Raises ``role_missing``, ``credential_unknown``, ``reason_missing``.
    """
    require_role(user, venue, Role.COMPLIANCE)
    if not reason.strip():
        raise DomainError("reason_missing", "Say why, in a sentence its holder reads.", field="reason")
    with transaction.atomic():
        row = (
            Credential.objects.select_for_update(of=("self",))
            .filter(pk=credential_id, issuer__venue=venue, revoked=None)
            .first()
        )
        if row is None:
            raise DomainError("credential_unknown", "There is no such credential to revoke.")
        revoke(row, reason)
        note_act(venue, user, "revoked a credential", f"number {row.pk}", words=reason)
    return row


def revoke(credential: Credential, reason: str) -> None:
    """Revoke a credential that is locked, and have its holder decided anew."""
    credential.revoked, credential.revoked_reason = timezone.now(), reason.strip()[:300]
    credential.save(update_fields=["revoked", "revoked_reason"])
    mark_due(user_id=credential.holder_id)


def _own(user: AbstractBaseUser, credential_id: int) -> Credential:
    row = Credential.objects.filter(pk=credential_id, holder_id=user.pk).first()
    if row is None:
        raise DomainError("credential_unknown", "You hold no such credential.")
    return row


def give_consent(user: AbstractBaseUser, credential_id: int, venue: Venue) -> Consent:
    """Let a venue see one's own credential; given twice is given once.

    Raises ``credential_unknown``, ``venue_unknown``.
    """
    credential = _own(user, credential_id)
    if venue.state not in LIVE_STATES:
        raise DomainError("venue_unknown", "There is no such venue.")
    with transaction.atomic():
        Consent.objects.bulk_create([Consent(credential=credential, venue=venue)], ignore_conflicts=True)
        mark_due(venue=venue, user_id=user.pk)
    return Consent.objects.get(credential=credential, venue=venue, withdrawn=None)


def withdraw_consent(user: AbstractBaseUser, consent_id: int) -> Consent:
    """No longer let a venue see one's credential: what trading there needs it for ends, closing does not.

    Raises ``consent_unknown``.
    """
    with transaction.atomic():
        row = (
            Consent.objects.select_for_update(of=("self",))
            .select_related("venue")
            .filter(pk=consent_id, credential__holder_id=user.pk, withdrawn=None)
            .first()
        )
        if row is None:
            raise DomainError("consent_unknown", "There is no such consent to withdraw.")
        row.withdrawn = timezone.now()
        row.save(update_fields=["withdrawn"])
        mark_due(venue=row.venue, user_id=user.pk)
    return row
