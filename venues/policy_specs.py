"""What an owner types of an access policy, checked; and a policy in plain words, alone or beside the one before it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict

from venues.access import CLAIMS, LEVEL_WORDS, PRODUCTS, Rules
from venues.countries import country_name, read_countries
from venues.errors import Gatherer
from venues.inputs import text_of
from venues.instruments import parse_decimal

MAX_ADDRESSES = 500
MAX_NAMED = 8


def policy_rules(data: QueryDict, assets: Iterable[str]) -> Rules:
    """The rules that were typed; ``assets`` are those a limit may be in.

    Raises ``Refusals`` at: ``level``, ``products``, ``issuers``, ``allowed``, ``blocked``, ``guests``, ``banned``,
    ``limit_asset``, ``order_limit``, ``deposit_limit``.
    """
    checks = Gatherer()
    allowed, blocked = (_countries(checks, data, name) for name in ("allowed", "blocked"))
    if both := allowed & blocked:
        names = ", ".join(country_name(code) for code in sorted(both))
        checks.refuse("blocked", "country_twice", f"{names}: either served or not, not both.")
    asset = text_of(data, "limit_asset")
    limits = {name: _limit(checks, data, name) for name in ("order_limit", "deposit_limit")}
    if any(limits.values()) and asset not in set(assets):
        checks.refuse("limit_asset", "asset_not_traded", "Choose an asset that the venue trades in.")
    rules = Rules(
        level=_level(checks, data, "level"),
        products={
            name: level for name in PRODUCTS if (level := _level(checks, data, f"level_{name}", "products"))
        },
        claims=frozenset(data.getlist("claims")) & frozenset(CLAIMS),
        allowed=allowed,
        blocked=blocked,
        issuers=frozenset(
            int(each) for each in data.getlist("issuers") if each.isdecimal() and len(each) < 18
        ),
        guests=_addresses(checks, data, "guests"),
        banned=_addresses(checks, data, "banned"),
        screening=data.get("screening") == "on",
        limit_asset=asset if any(limits.values()) else "",
        order_limit=limits["order_limit"],
        deposit_limit=limits["deposit_limit"],
    )
    checks.finish()
    return rules


def _level(checks: Gatherer, data: QueryDict, name: str, field: str = "level") -> int:
    text = text_of(data, name) or "0"
    if text not in ("0", "1", "2", "3"):
        checks.refuse(field, "level_invalid", "A level is 0 to 3.")
        return 0
    return int(text)


def _countries(checks: Gatherer, data: QueryDict, name: str) -> frozenset[str]:
    found, unknown = read_countries(text_of(data, name))
    if unknown:
        words = ", ".join(unknown[:MAX_NAMED])
        checks.refuse(name, "country_unknown", f"{words}: not a country code of two letters, such as DE.")
    return found


def _addresses(checks: Gatherer, data: QueryDict, name: str) -> frozenset[str]:
    found = {word.lower() for word in re.split(r"[\s,;]+", text_of(data, name)) if word}
    for address in sorted(found):
        try:
            validate_email(address)
        except ValidationError:
            checks.refuse(name, "address_invalid", f"{address[:60]}: not an e-mail address.")
    if len(found) > MAX_ADDRESSES:
        checks.refuse(name, "addresses_full", f"At most {MAX_ADDRESSES} addresses.")
    return frozenset(found)


def _limit(checks: Gatherer, data: QueryDict, name: str) -> str:
    text = text_of(data, name).replace(",", "")
    if not text:
        return ""
    message = "Enter an amount above zero, or nothing for no limit."
    value = checks.take(name, lambda: parse_decimal(text, code="limit_invalid", message=message, field=name))
    if value is None:
        return ""
    if not 0 < value < Decimal(10) ** 12:
        checks.refuse(name, "limit_invalid", message)
        return ""
    return f"{value.normalize():f}"


def typed_of(rules: Rules) -> dict[str, Any]:
    """The inputs that would give these rules."""
    return {
        "level": str(rules.level),
        **{f"level_{name}": str(rules.products.get(name, 0)) for name in PRODUCTS},
        "claims": sorted(rules.claims),
        "allowed": ", ".join(sorted(rules.allowed)),
        "blocked": ", ".join(sorted(rules.blocked)),
        "issuers": [str(each) for each in sorted(rules.issuers)],
        "guests": "\n".join(sorted(rules.guests)),
        "banned": "\n".join(sorted(rules.banned)),
        "screening": rules.screening,
        "limit_asset": rules.limit_asset,
        "order_limit": rules.order_limit,
        "deposit_limit": rules.deposit_limit,
    }


def policy_words(rules: Rules, issuers: Mapping[int, str], kinds: Iterable[str] = PRODUCTS) -> list[str]:
    """What a policy asks, a sentence each, for people who want to trade; nothing for an open one.

    Who is excluded by name is the venue's affair and not told.
    """
    words = []
    if rules.guests:
        words.append("Invited people only.")
    if rules.level:
        words.append(f"A credential of level {rules.level}: {LEVEL_WORDS[rules.level]}.")
    for kind in PRODUCTS:
        if kind in kinds and rules.level_for(kind) > rules.level:
            level = rules.level_for(kind)
            words.append(f"{PRODUCTS[kind]}: level {level}, {LEVEL_WORDS[level]}.")
    if rules.claims:
        words.append(f"Evidence that you are: {', '.join(CLAIMS[each] for each in sorted(rules.claims))}.")
    if rules.issuers:
        words.append(f"From {_either(sorted(issuers.get(each, 'an issuer') for each in rules.issuers))}.")
    if rules.allowed:
        words.append(f"Residents of {_named(rules.allowed)} only.")
    if rules.blocked:
        words.append(f"Not for residents of {_named(rules.blocked)}.")
    if rules.screening:
        words.append("Names are compared with sanctions lists.")
    if rules.order_limit:
        words.append(f"Orders of at most {rules.order_limit} {rules.limit_asset} each.")
    if rules.deposit_limit:
        words.append(f"Deposits of at most {rules.deposit_limit} {rules.limit_asset} a day.")
    return words


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)


def _named(codes: frozenset[str]) -> str:
    names = sorted(country_name(code) for code in codes)
    if len(names) <= MAX_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMED])} and {len(names) - MAX_NAMED} more"


#: What a difference calls each part of the rules.
PARTS = {
    "level": "Level", "products": "Level by kind of market", "claims": "Evidence", "allowed": "Served only",
    "blocked": "Not served", "issuers": "Issuers", "guests": "Invited", "banned": "Excluded",
    "screening": "Screening", "limit_asset": "Limits in", "order_limit": "Largest order",
    "deposit_limit": "Deposits a day",
}  # fmt: skip


def policy_diff(before: Rules, after: Rules, issuers: Mapping[int, str]) -> list[tuple[str, str, str]]:
    """``(part, before, after)`` of every part of the rules that differs."""
    was, will = before.to_json(), after.to_json()
    return [
        (label, _part(name, was.get(name), issuers), _part(name, will.get(name), issuers))
        for name, label in PARTS.items()
        if was.get(name) != will.get(name)
    ]


def _part(name: str, value: Any, issuers: Mapping[int, str]) -> str:
    if not value:
        return "–"
    if name == "screening":
        return "on"
    if name == "issuers":
        return ", ".join(issuers.get(each, str(each)) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{PRODUCTS[kind]} {level}" for kind, level in value.items())
    if isinstance(value, list):
        texts = [str(each) for each in value]
        return ", ".join(CLAIMS.get(each, each) if name == "claims" else each for each in texts)
    return str(value)
