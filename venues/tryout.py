"""A policy tried out before it is in force: on somebody made up, and on everybody who has been here."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.http import QueryDict

from exchange_os.ledger.models import Transfer
from venues.access import (
    CLAIMS,
    PRODUCTS,
    Decision,
    Held,
    Holder,
    Permission,
    Rules,
    Screened,
    decide_all,
)
from venues.countries import COUNTRIES
from venues.inputs import text_of
from venues.models import AccountPermission, Consent, Credential, Screening, ScreeningOutcome, Venue

MOST = 2_000


def made_up(data: QueryDict, rules: Rules, now: datetime) -> Holder:
    """Somebody with one credential of a trusted issuer, as typed in ``try_…``; level 0 has none."""
    level = text_of(data, "try_level") or "2"
    country = text_of(data, "try_country")
    held: tuple[Held, ...] = ()
    if level in ("1", "2", "3") and rules.issuers:
        held = (
            Held(
                id=0,
                issuer=min(rules.issuers),
                level=int(level),
                jurisdiction=country if country in COUNTRIES else "DE",
                expires=now + timedelta(days=365),
                claims=frozenset(data.getlist("try_claims")) & frozenset(CLAIMS),
            ),
        )
    invited = next(iter(sorted(rules.guests - rules.banned)), "")
    email = invited if data.get("try_invited") == "on" else "somebody@example.com"
    screened = Screened.HIT if data.get("try_listed") == "on" else Screened.CLEAR
    return Holder(email, True, held, screened if held else Screened.UNKNOWN)


@dataclass(frozen=True)
class Counted:
    """How many of those who have been at the venue may do what, by kind of market; ``capped`` if there are more."""

    people: int
    capped: bool
    by_product: dict[str, Counter[Permission]]
    reasons: list[tuple[str, int]]


def count_holders(venue: Venue, rules: Rules, now: datetime) -> Counted:
    """Decide everybody with an account here, or at an open venue a deposit; and who lets it see a credential.

    A handful of queries whatever their number.
    """
    if venue.access_policy_id is None:  # nobody was decided yet: those who brought money
        been = set(
            Transfer.objects.filter(group_id=venue.group_id)
            .values_list("user_id", flat=True)
            .distinct()[:MOST]
        )
    else:
        been = set(AccountPermission.objects.filter(venue=venue).values_list("user_id", flat=True)[:MOST])
    shared = Consent.objects.filter(venue=venue, withdrawn=None).values_list(
        "credential__holder_id", flat=True
    )
    numbers = sorted(been | set(shared[:MOST]))
    chosen = numbers[:MOST]
    by_product: dict[str, Counter[Permission]] = {product: Counter() for product in PRODUCTS}
    reasons: Counter[str] = Counter()
    for holder in _holders(chosen, venue, rules):
        decisions = decide_all(rules, holder, now)
        for product, decision in decisions.items():
            by_product[product][decision.permission] += 1
        reasons.update({rule.rule for decision in decisions.values() for rule in decision.refusals})
    return Counted(len(chosen), len(numbers) > MOST, by_product, reasons.most_common(5))


def _holders(numbers: list[int], venue: Venue, rules: Rules) -> Iterable[Holder]:
    seen = set(Consent.objects.filter(venue=venue, withdrawn=None).values_list("credential_id", flat=True))
    held: dict[int, list[Held]] = {}
    rows = Credential.objects.filter(holder__in=numbers, issuer__in=rules.issuers)
    for row in rows:
        held.setdefault(row.holder_id, []).append(
            Held(row.pk, row.issuer_id, row.level, row.jurisdiction, row.expires, frozenset(row.claims),
                 row.revoked is not None, row.pk in seen)
        )  # fmt: skip
    screened: dict[int, set[str]] = {}
    newest = Screening.objects.filter(holder__in=numbers, issuer__in=rules.issuers)
    for holder_id, _, outcome in (
        newest.order_by("holder_id", "issuer_id", "-pk")
        .distinct("holder_id", "issuer_id")
        .values_list("holder_id", "issuer_id", "outcome")
    ):
        screened.setdefault(holder_id, set()).add(outcome)
    verified = set(
        EmailAddress.objects.filter(user__in=numbers, verified=True).values_list("user_id", flat=True)
    )
    for user_id, email in get_user_model().objects.filter(pk__in=numbers).values_list("pk", "email"):
        found = screened.get(user_id, set())
        result = (
            Screened.HIT if ScreeningOutcome.HIT in found else Screened.CLEAR if found else Screened.UNKNOWN
        )
        yield Holder(email.lower(), user_id in verified, tuple(held.get(user_id, ())), result)


def in_words(decisions: dict[str, Decision], kinds: Iterable[str]) -> list[tuple[str, Decision]]:
    """The decisions of the kinds of market that the venue has, by their names."""
    return [(PRODUCTS[kind], decisions[kind]) for kind in PRODUCTS if kind in set(kinds)]
