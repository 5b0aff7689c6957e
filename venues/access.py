"""Who may trade: the rules of a policy, what is known of a holder, and the decision. Pure: no clock, no database.

A policy is data. It refuses; it never grants beyond what every rule allows. Each rule that refuses says what is left
(``REDUCE_ONLY``: positions can be closed and money taken home; ``NONE``: orders can be cancelled and money taken home)
and what the holder can do about it. A credential counts if its issuer is trusted, it is neither revoked nor expired,
and its holder lets the venue see it; one credential must satisfy level, jurisdiction and claims together. A credential
that counts and names a blocked jurisdiction refuses whatever the others say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import IntEnum
from typing import Any

from venues.countries import country_name

PRODUCTS = {"spot": "Spot", "swap": "Perpetuals", "outcome": "Outcomes"}
LEVELS = {0: "None", 1: "Basic", 2: "Identity", 3: "Enhanced"}
LEVEL_WORDS = {
    1: "name, date of birth and residence",
    2: "an identity document, checked",
    3: "identity, proof of address and source of funds, checked",
}
CLAIMS = {"adult": "18 or older", "accredited": "accredited investor", "institution": "institution"}


class Permission(IntEnum):
    """What an account may do, from least to most."""

    NONE = 0
    REDUCE_ONLY = 1
    TRADE = 2


PERMISSION_WORDS = {
    Permission.TRADE: "May trade",
    Permission.REDUCE_ONLY: "May only reduce",
    Permission.NONE: "May only cancel and withdraw",
}


class Screened(IntEnum):
    """What screening against sanctions lists has found of a holder."""

    UNKNOWN = 0
    CLEAR = 1
    HIT = 2


@dataclass(frozen=True)
class Rules:
    """The rules of one version of a policy.

    ``level`` is asked for everything, ``products`` (kind of market to level) raises it for some. ``allowed`` empty:
    every jurisdiction that is not ``blocked``. ``guests`` not empty: nobody else. Addresses are in small letters.
    ``order_limit`` and ``deposit_limit`` (a day) are decimals as text in ``limit_asset``; empty for none.
    """

    level: int = 0
    products: Mapping[str, int] = field(default_factory=dict)
    claims: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    blocked: frozenset[str] = frozenset()
    issuers: frozenset[int] = frozenset()
    guests: frozenset[str] = frozenset()
    banned: frozenset[str] = frozenset()
    screening: bool = False
    limit_asset: str = ""
    order_limit: str = ""
    deposit_limit: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked of anybody."""
        return self == Rules()

    def level_for(self, product: str) -> int:
        """The level that trading a kind of market needs."""
        return max(self.level, self.products.get(product, 0))

    def needs_credential(self, product: str) -> bool:
        """Whether trading a kind of market needs a credential at all."""
        return bool(self.level_for(product) or self.allowed or self.claims)

    def to_json(self) -> dict[str, Any]:
        """The rules as they are kept; what is as it begins is left out."""
        told: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, frozenset):
                value = sorted(value)
            elif isinstance(value, Mapping):
                value = {name: value[name] for name in sorted(value) if value[name]}
            if value:
                told[each.name] = value
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Rules":
        """The rules that ``to_json`` told."""
        sets = {"claims", "allowed", "blocked", "issuers", "guests", "banned"}
        known: dict[str, Any] = {
            name: frozenset(value) if name in sets else value for name, value in told.items()
        }
        return cls(**known)


@dataclass(frozen=True)
class Held:
    """A credential as decisions see it. ``shared``: its holder lets the venue see it."""

    id: int
    issuer: int
    level: int
    jurisdiction: str
    expires: datetime
    claims: frozenset[str] = frozenset()
    revoked: bool = False
    shared: bool = True


@dataclass(frozen=True)
class Holder:
    """What is known of somebody: address, credentials, screening by the issuers of the policy."""

    email: str = ""
    verified: bool = False
    credentials: tuple[Held, ...] = ()
    screened: Screened = Screened.UNKNOWN


@dataclass(frozen=True)
class Refusal:
    """A rule that refuses: its code, the rule and the remedy in a sentence each, and what it leaves."""

    code: str
    rule: str
    remedy: str
    leaves: Permission = Permission.REDUCE_ONLY


@dataclass(frozen=True)
class Decision:
    """What somebody may do with a kind of market, every rule that refused, and when time will change the answer."""

    permission: Permission
    refusals: tuple[Refusal, ...] = ()
    until: datetime | None = None


def decide(rules: Rules, holder: Holder, product: str, now: datetime) -> Decision:
    """What the holder may do with ``product`` (a kind of market) at ``now`` under the rules."""
    refusals = [*_lists(rules, holder), *_screening(rules, holder, product)]
    counting = [each for each in holder.credentials if _counts(rules, each, now)]
    refusals += _blocked(rules, counting)
    until = min((each.expires for each in counting), default=None)
    if rules.needs_credential(product):
        refusals += _credentials(rules, holder, counting, product, now)
    permission = min((each.leaves for each in refusals), default=Permission.TRADE)
    return Decision(permission, tuple(refusals), until)


def _counts(rules: Rules, held: Held, now: datetime) -> bool:
    return held.issuer in rules.issuers and not held.revoked and held.expires > now and held.shared


def _lists(rules: Rules, holder: Holder) -> Iterable[Refusal]:
    if holder.email and holder.email in rules.banned:
        yield Refusal(
            "banned",
            "The venue has excluded this account.",
            "Write to the venue if you think this is a mistake.",
            Permission.NONE,
        )
    if rules.guests and holder.email not in rules.guests:
        yield Refusal(
            "not_a_guest", "The venue trades with invited people only.", "Ask the venue for an invitation."
        )
    elif rules.guests and not holder.verified:
        yield Refusal(
            "address_unverified",
            "The venue has invited this e-mail address, but it is not confirmed.",
            "Confirm your e-mail address under Security.",
        )


def _screening(rules: Rules, holder: Holder, product: str) -> Iterable[Refusal]:
    """What screening says. Whoever has no credential yet is told of that alone: applying for one screens as well."""
    if not rules.screening:
        return
    if holder.screened == Screened.HIT:
        yield Refusal(
            "screening_hit",
            "A name like yours is on a sanctions list.",
            "The issuer of your credential looks into it; write to it if it takes long.",
            Permission.NONE,
        )
    elif holder.screened == Screened.UNKNOWN and (holder.credentials or not rules.needs_credential(product)):
        yield Refusal(
            "screening_missing",
            "The venue needs your name compared with sanctions lists.",
            "It happens with your application to one of the issuers it trusts.",
        )


def _blocked(rules: Rules, counting: Sequence[Held]) -> Iterable[Refusal]:
    for code in sorted({each.jurisdiction for each in counting} & rules.blocked):
        yield Refusal(
            "jurisdiction_blocked",
            f"The venue does not serve {country_name(code)}.",
            "If you have moved, let your issuer renew the credential.",
        )


def _credentials(
    rules: Rules, holder: Holder, counting: Sequence[Held], product: str, now: datetime
) -> Iterable[Refusal]:
    """Why no credential lets the holder in; nothing if one does. The nearest miss is told, not every one."""
    level = rules.level_for(product)
    if any(_satisfies(rules, each, level) for each in counting):
        return
    mine = [each for each in holder.credentials if each.issuer in rules.issuers]
    would = [each for each in mine if _satisfies(rules, each, level)]
    if any(not each.shared and not each.revoked and each.expires > now for each in would):
        yield Refusal(
            "consent_missing",
            "You hold the credential that is needed, but the venue may not see it.",
            "Share it with the venue.",
        )
    elif any(not each.revoked for each in would):
        yield Refusal(
            "credential_expired",
            "Your credential has expired.",
            "Apply for a new one; it takes a few minutes.",
        )
    elif would:
        yield Refusal(
            "credential_revoked", "Your credential was revoked.", "Ask its issuer why, or apply anew."
        )
    else:
        yield from _misses(rules, counting or [each for each in mine if not each.revoked], product, level)


def _satisfies(rules: Rules, held: Held, level: int) -> bool:
    return (
        held.level >= level
        and (not rules.allowed or held.jurisdiction in rules.allowed)
        and rules.claims <= held.claims
    )


def _misses(rules: Rules, mine: Sequence[Held], product: str, level: int) -> Iterable[Refusal]:
    """What is wrong with the best of the credentials that do not satisfy."""
    if not mine:
        yield Refusal(
            "credential_missing",
            f"{PRODUCTS[product]} here need{'s' if product == 'spot' else ''} a credential of level "
            f"{max(level, 1)}: {LEVEL_WORDS[max(level, 1)]}.",
            "Apply once; other venues that trust the issuer take it too.",
        )
        return
    best = max(mine, key=lambda each: (each.level, each.expires))
    if best.level < level:
        yield Refusal(
            "level_too_low",
            f"{PRODUCTS[product]} here need{'s' if product == 'spot' else ''} level {level}, yours is {best.level}.",
            f"Apply for level {level}: {LEVEL_WORDS[level]}.",
        )
    if rules.allowed and best.jurisdiction not in rules.allowed:
        yield Refusal(
            "jurisdiction_not_allowed",
            f"The venue does not serve {country_name(best.jurisdiction)}.",
            "If you have moved, let your issuer renew the credential.",
        )
    missing = sorted(rules.claims - best.claims)
    if missing:
        words = ", ".join(CLAIMS.get(each, each) for each in missing)
        yield Refusal("claim_missing", f"The venue asks for: {words}.", "Apply with evidence of it.")


def decide_all(rules: Rules, holder: Holder, now: datetime) -> dict[str, Decision]:
    """The decision for every kind of market."""
    return {product: decide(rules, holder, product, now) for product in PRODUCTS}
