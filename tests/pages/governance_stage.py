"""Sets the stage of the walk through a case: the demo's misbehaving venue, five members, and what a detector found.
A complaint of the trader is in draft.

``python -m tests.pages.governance_stage`` prints JSON: ``{"incident", "drafted", "sessions": {name: session}, "secret",
"password"}``;
``python -m tests.pages.governance_stage pass CASE`` lets the window pass in which the case is.
"""

import json
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from allauth.mfa.models import Authenticator  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.utils import timezone  # noqa: E402

from exchange_os.demo.committee import (  # noqa: E402
    ACCUSED,
    MEMBERS,
    case_of_trades,
    ensure_members,
    ensure_misbehaviour,
)
from exchange_os.demo.stage import (  # noqa: E402
    claim_from_faucet,
    ensure_person,
    ensure_trading_account,
    move_to_venue,
)
from governance.models import Decision, Incident  # noqa: E402
from governance.services.committee import seat_member  # noqa: E402
from governance.services.decisions import follow_decision  # noqa: E402
from governance.services.incidents import detect  # noqa: E402
from tests.governance.factors import SECRET  # noqa: E402
from tests.trading.contract_stage import session_of  # noqa: E402
from venues.services.rollups import add_up_revenue  # noqa: E402

TRADER = "harmed@test.example"


def main() -> dict[str, Any]:
    """Ada has an app, Ben will enrol a passkey, Cleo trades at the venue; Dora and Emil are the fresh panel."""
    trader = ensure_person(TRADER, None)
    members = [member.user for member in ensure_members()]
    for name in ("dora", "emil"):
        user = ensure_person(f"{name}@test.example", None)
        seat_member(user, name.capitalize(), timezone.now() + timedelta(days=99))
        members.append(user)
    Authenticator.objects.filter(user__in=members).delete()
    for user in members:
        if not user.email.startswith("ben@"):
            TOTP.activate(user, SECRET)
    venue, accused = ensure_misbehaviour(trader)
    cleo = members[2]
    claim_from_faucet(cleo, "USD", 1)
    move_to_venue(cleo, ensure_trading_account(cleo, venue), {"USD": "25"})
    add_up_revenue()
    detect(timezone.now())
    found = Incident.objects.get(venue=venue, rule="self_dealing")
    people = {user.email.split("@")[0]: user for user in (*members, trader)}
    people["deployer"] = get_user_model().objects.get(email=ACCUSED.email)
    return {
        "incident": found.pk,
        "drafted": case_of_trades(
            venue, accused, trader, "The deployer sold to me far above the market", "walk"
        ).pk,
        "sessions": {name: session_of(user) for name, user in people.items()},
        "secret": SECRET,
        "password": MEMBERS[1].password,
    }


def let_pass(number: int) -> str:
    """The window in which the decision is ends now; its state afterwards."""
    now = timezone.now()
    ends = {"reply": "reply_ends", "voting": "voting_ends", "locked": "lock_ends"}
    decision = Decision.objects.get(pk=number)
    Decision.objects.filter(pk=number).update(**{ends[decision.state]: now})
    follow_decision(number, timezone.now())
    return str(Decision.objects.get(pk=number).state)


if __name__ == "__main__":
    print(let_pass(int(sys.argv[2])) if sys.argv[1:2] == ["pass"] else json.dumps(main()))
