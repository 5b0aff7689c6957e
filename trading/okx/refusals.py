"""Refusals of our rules in the dialect's codes. Those of the kernel come with their code from the kernel
itself."""

import exchange_kernel as kernel

from exchange_os.errors import DomainError
from trading.services.orders import OrderRefused

ORDER_GONE = ("MATCHING_ORDER_UNKNOWN", "MATCHING_ORDER_CLOSED")

#: Rules of a venue's policy, by their codes without ``access_``: what is missing, a risk, a country; else restricted.
ACCESS_CODES = {
    "credential_missing": "51732",
    "credential_expired": "51732",
    "credential_revoked": "51732",
    "consent_missing": "51732",
    "level_too_low": "51732",
    "claim_missing": "51732",
    "screening_missing": "51733",
    "screening_hit": "51733",
    "jurisdiction_blocked": "51734",
    "jurisdiction_not_allowed": "51734",
}

DOMAIN_CODES = {
    "account_refused": "50027",
    "deposit_limit": "58350",
    "order_limit": "51004",
    "paused": "51028",
    "amount_invalid": "51000",
    "amount_too_fine": "51000",
    "amount_too_large": "51000",
    "address_invalid": "58207",
    "asset_unlisted": "58002",
    "withdrawal_too_late": "58216",
    "withdrawal_unknown": "58215",
    "insufficient_funds": "58350",
    "market_unknown": "51001",
    "price_invalid": "51000",
    "price_missing": "50014",
    "price_off_tick": "51006",
    "quantity_invalid": "51000",
    "quarantined": "50026",
    "quote_size_not_offered": "51000",
    "size_invalid": "51000",
    "size_off_lot": "51121",
    "timeout_out_of_range": "51000",
    "venue_unknown": "404",
}

#: An order that is gone is one thing to the kernel; the dialect tells apart what was asked of it.
GONE_ORDER_CODES = {
    "cancel": ("51400", "Cancellation failed as the order has been filled, canceled or does not exist."),
    "amend": ("51503", "Order modification failed as the order has been filled, canceled or does not exist."),
    "query": ("51603", "Order does not exist."),
}


def domain_code(error: DomainError) -> str:
    """Code of the dialect for a refusal of our rules."""
    if rules := error.details.get("rules"):
        return access_code(rules[0])
    if isinstance(error, OrderRefused):
        return kernel.OKX_CODES[error.reject][0]
    return DOMAIN_CODES.get(error.code, "51000")


def access_code(rule: str) -> str:
    """Code of the dialect for a rule of a venue's policy."""
    return ACCESS_CODES.get(rule, "50027")


def reject_of(code: int, verb: str) -> tuple[str, str]:
    """Code and sentence of the dialect for kernel reject ``code`` of an operation: place, amend, cancel or
    query."""
    name = kernel.REJECTS[code][0]
    if name in ORDER_GONE and verb in GONE_ORDER_CODES:
        return GONE_ORDER_CODES[verb]
    return kernel.OKX_CODES[code]
