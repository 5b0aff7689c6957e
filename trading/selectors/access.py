"""Why the kernel holds an account back: the rules of the venue's policy behind its flags, with their remedies."""

import exchange_kernel as kernel
from django.utils import timezone

from exchange_os.errors import DomainError
from venues.holders import refusals_of
from venues.models import Credential, MarketKind, Venue

#: Refusals of the kernel that come from flags of the account.
BOUND = frozenset({"access_reduce_only", "access_frozen"})
BOUND_REJECTS = frozenset(code for code, (name, _) in kernel.REJECTS.items() if name.lower() in BOUND)


def explained(error: DomainError, user_id: int, venue: Venue, kind: str) -> DomainError:
    """A refusal of the kernel that comes from the venue's policy, with the rules and remedies behind it; any other as
    it is. Looks only where there is something to find."""
    if error.code not in BOUND or venue.access_policy_id is None:
        return error
    told = refusals_of(user_id, venue.pk, kind)
    if told:
        words = [f"{each.rule} {each.remedy}" for each in told]
        left = (
            "What you hold can still be sold."
            if kind == MarketKind.SPOT
            else "Reduce-only orders still pass."
        )
        error.message = " ".join([*words, *([left] if error.code == "access_reduce_only" else [])])
        error.details["rules"] = [each.code for each in told]
    return error


def explained_for(user_id: int, venue_id: int, kind: str, ack: kernel.Ack) -> DomainError:
    """The same for a bare answer of the kernel."""
    name, sentence = kernel.REJECTS[ack.code]
    return explained(DomainError(name.lower(), sentence), user_id, Venue.objects.get(pk=venue_id), kind)


def credential_level(user_id: int, venue_id: int) -> int:
    """The level of the best credential that the venue may see of the user; 0 for none."""
    now = timezone.now()
    levels = Credential.objects.filter(
        holder_id=user_id,
        revoked=None,
        expires__gt=now,
        consents__venue_id=venue_id,
        consents__withdrawn=None,
    ).values_list("level", flat=True)
    return max(levels, default=0)
