"""Monthly statements of the wallet."""

import re
from datetime import UTC, date, datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange_os.ledger.selectors import amount_text
from exchange_os.ui.access import signed_in
from exchange_os.ui.requests import SignedInRequest
from trading.selectors.statements import statements as statements_of

MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
MONTHS_SHOWN = 12


@signed_in
@require_safe
def statements(request: SignedInRequest) -> HttpResponse:
    """The statement of ``month`` (YYYY-MM), of the present one if there is none such."""
    today = datetime.now(UTC).date()
    asked = MONTH.fullmatch(request.GET.get("month", ""))
    month = date(int(asked[1]), int(asked[2]), 1) if asked else today.replace(day=1)
    months = [
        date(today.year + (today.month - 1 - back) // 12, (today.month - 1 - back) % 12 + 1, 1)
        for back in range(MONTHS_SHOWN)
    ]
    rows = [
        {
            "asset": each.asset,
            "opening": amount_text(each.opening, each.asset),
            "closing": amount_text(each.closing, each.asset),
            "balances": each.balances,
            "movements": [
                (
                    kind,
                    amount_text(come, each.asset) if come else "",
                    amount_text(-gone, each.asset) if gone else "",
                )
                for kind, come, gone in each.movements
            ],
        }
        for each in statements_of(request.user.pk, month)
    ]
    context = {"month": month, "months": months, "rows": rows, "running": month == today.replace(day=1)}
    return render(request, "trading/account/statements.html", context)
