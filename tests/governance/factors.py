"""Second factors of the cast: an app each, whose codes are good once, and votes that are proved with them."""

import time
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.contrib.auth.models import AbstractBaseUser

from exchange_os.errors import DomainError
from governance.models import CommitteeMember, Decision, Vote
from governance.services.proofs import Code
from governance.services.votes import cast_vote, prepare_vote

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TOTP_SECONDS = 30


def enrol(user: AbstractBaseUser) -> None:
    """Give the user an authenticator app."""
    TOTP.activate(user, SECRET)


def codes(user: AbstractBaseUser) -> list[str]:
    """The codes that the user's app shows about now, the present one first."""
    app = Authenticator.objects.get(user_id=user.pk, type=Authenticator.Type.TOTP)
    secret, period = decrypt(app.data["secret"]), int(time.time()) // TOTP_SECONDS
    return [format_hotp_value(hotp_value(secret, period + ahead)) for ahead in (0, 1, -1)]


def vote(
    decision: Decision,
    member: CommitteeMember,
    choice: str = "approve",
    share_ppm: int | None = None,
    now: datetime | None = None,
    option: str = "",
) -> Vote:
    """Vote with the first code that is not used up."""
    decision.refresh_from_db()
    challenge = prepare_vote(decision, member.user, choice, share_ppm, "As the evidence shows.", now, option)
    wrong = None
    for code in codes(member.user):
        try:
            return cast_vote(member.user, challenge.pk, Code(code), now)
        except DomainError as refused:
            if refused.code != "proof_wrong":
                raise
            wrong = refused
    assert wrong is not None
    raise wrong
