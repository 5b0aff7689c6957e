"""Applications and their papers, for tests of access."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from venues.models import Credential, Issuer, KycCase, Venue
from venues.services.kyc_cases import Details, apply_for, approve_case
from venues.services.kyc_documents import Upload

PDF = b"%PDF-1.7 a passport"
ANN = Details(name="Ann Example", born="1990-04-01", country="DE", address="1 Main Street, 10115 Berlin")


def applied(user: AbstractBaseUser, issuer: Issuer, venue: Venue | None = None, **changes: Any) -> KycCase:
    """An application of level 2 with an identity document."""
    details = Details(**{**ANN.__dict__, **changes})
    return apply_for(user, issuer, 2, details, [Upload("identity", PDF)], venue)


def approved(
    officer: AbstractBaseUser,
    user: AbstractBaseUser,
    issuer: Issuer,
    venue: Venue | None = None,
    **changes: Any,
) -> Credential:
    """A credential as the desk issues it."""
    case = applied(user, issuer, venue, **changes)
    return approve_case(officer, issuer.venue, case.pk)
