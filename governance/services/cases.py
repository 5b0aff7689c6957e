"""Slashing cases: drafting one, what its text says, who must not judge it, and its kind of decision."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset
from exchange_os.ledger.selectors import amount_words, stake_asset
from exchange_os.ledger.services.slashing import slashable
from exchange_os.ledger.services.stakes import lift_hold, place_hold
from governance.canonical import canonical, digest
from governance.kinds import Kind, Line, register
from governance.models import Case, CommitteeMember, Decision, DecisionMove, EvidenceKind, Harmed, State, Verb
from governance.offences import OFFENCES, Offence
from governance.rules.finding import counted
from governance.selectors.committee import member_of
from governance.selectors.conflicts import venue_conflicts
from governance.services.decisions import draft_decision
from governance.services.notices import tell_of_case
from governance.services.slashing import execute_slash, finish_slash
from venues.models import Venue
from venues.stakes import stake_price

COMPLAINTS_A_DAY = 3
OFFENCE_KEY_LENGTH = 64


def draft_case(
    by: AbstractBaseUser | None,
    venue: Venue,
    offence: str,
    offence_at: datetime,
    title: str,
    summary: str,
    *,
    subject: str = "",
    now: datetime | None = None,
) -> Case:
    """A case in draft. By a member, or by anyone as a complaint that members take up; nobody: found by the platform.

    ``subject`` names the one act within venue and offence (an event, a market and day); it is slashed once. Raises
    ``offence_unknown``, ``offence_time_invalid``, ``too_many_complaints``, ``title_invalid``, ``summary_invalid``.
    """
    moment = now or timezone.now()
    known = offence_called(offence)
    if not venue.created <= offence_at <= moment:
        raise DomainError(
            "offence_time_invalid",
            "The offence lies between the launch of the venue and now.",
            field="offence_at",
        )
    complaint = by is not None and member_of(by.pk, moment) is None
    if complaint and by is not None:
        _refuse_flood(by, moment)
    act = subject.strip() or f"{offence_at:%Y-%m-%dT%H}"
    with transaction.atomic():
        decision = draft_decision("case", title, summary, by, moment)
        return Case.objects.create(
            decision=decision,
            venue=venue,
            offence=known.code,
            offence_at=offence_at,
            offence_key=f"{venue.pk}/{known.code}/{act}"[:OFFENCE_KEY_LENGTH],
            complaint=complaint,
        )


def offence_called(code: str) -> Offence:
    """The offence of that code; ``DomainError("offence_unknown")`` if there is none."""
    if code not in OFFENCES:
        raise DomainError("offence_unknown", "Choose what happened from the list.", field="offence")
    return OFFENCES[code]


def stake_worth(loss: int, asset: Asset) -> int:
    """Units of the stake asset that make up for a loss in units of ``asset``, rounded up.

    Raises ``price_missing`` where the stake has no price in that asset.
    """
    price = stake_price(asset).value
    if price <= 0:
        raise DomainError(
            "price_missing", f"The stake has no price in {asset.symbol}, so losses cannot be made up."
        )
    units = Decimal(loss).scaleb(stake_asset().scale - asset.scale) / price
    return int(units.to_integral_value(ROUND_CEILING))


def harmed_digest(case: Case) -> str:
    """The SHA-256 of who lost what, as the text of the case names it."""
    rows = case.harmed.values_list("account", "user_id", "asset_id", "loss", "owed")
    return digest(canonical([list(row) for row in rows.order_by("account")]))


def _refuse_flood(by: AbstractBaseUser, now: datetime) -> None:
    today = Decision.objects.filter(kind="case", proposer_id=by.pk, created__gt=now - timedelta(days=1))
    if today.count() >= COMPLAINTS_A_DAY:
        raise DomainError(
            "too_many_complaints", f"At most {COMPLAINTS_A_DAY} complaints a day; come back tomorrow."
        )


def _compose(decision: Decision) -> Mapping[str, Any]:
    case = decision.case
    offence, venue = OFFENCES[case.offence], case.venue
    evidence = list(decision.evidence.order_by("pk"))
    found = [
        each
        for each in evidence
        if not offence.rules or (each.rule in offence.rules and each.finding.get("found"))
    ]
    if not found:
        what = "a replay of the journal that shows it" if offence.rules else "a file that shows it"
        raise DomainError("evidence_missing", f"{offence.label} needs {what}; attach it first.")
    harmed = list(Harmed.objects.filter(case=case).select_related("asset"))
    fund = next((each.finding for each in evidence if each.finding.get("insurance_loss")), None)
    asset = Asset.objects.filter(pk=fund["asset"]).first() if fund else None
    return {
        "venue": venue.slug,
        "venue_name": venue.name,
        "venue_id": venue.pk,
        "group": venue.group_id,
        "deployer": venue.deployer.user_id,
        "deployer_name": venue.deployer.name,
        "offence": offence.code,
        "offence_at": case.offence_at.isoformat(),
        "offence_key": case.offence_key,
        "range_ppm": [offence.low_ppm, offence.high_ppm],
        "stake_asset": stake_asset().symbol,
        "slashable": slashable(venue.deployer.user_id, case.offence_at),
        "harmed": len(harmed),
        "harmed_sha256": harmed_digest(case),
        "owed": sum(row.owed for row in harmed),
        "insurance_owed": stake_worth(fund["insurance_loss"], asset) if fund and asset else 0,
        "evidence": [each.sha256 for each in evidence if each.kind in EvidenceKind.values],
    }


def _render(content: Mapping[str, Any]) -> list[Line]:
    asset = stake_asset()
    low, high = content["range_ppm"]
    offence = OFFENCES[content["offence"]]
    reach = content["slashable"]
    owed, fund = content["owed"], content["insurance_owed"]
    return [
        Line("Action", f"Slash the stake of {content['deployer_name']}, deployer of {content['venue_name']}"),
        Line("Offence", f"{offence.label}, {_moment(content['offence_at'])}"),
        Line(
            "Reach",
            f"{amount_words(reach, asset)} of what was at stake then, less what other cases take first",
        ),
        Line(
            "Amount",
            f"{low / 10_000:g}% to {high / 10_000:g}% of that ({amount_words(reach * low // 1_000_000, asset)} to "
            f"{amount_words(reach * high // 1_000_000, asset)}): the median of the votes for",
        ),
        Line(
            "First",
            f"{counted(content['harmed'], 'harmed account')}, up to {amount_words(owed, asset)}, pro rata",
        ),
        Line("Then", f"the insurance fund of the venue, up to {amount_words(fund, asset)}"),
        Line("Rest", "burned"),
        Line("Act", f"{content['offence_key']}, which is slashed once"),
        Line("List of the harmed", f"SHA-256 {content['harmed_sha256']}"),
        Line("Evidence", f"{counted(len(content['evidence']), 'item')}, named by their SHA-256 in the text"),
    ]


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%-d %B %Y %H:%M:%S} UTC"


def _range(content: Mapping[str, Any]) -> tuple[int, int]:
    low, high = content["range_ppm"]
    return low, high


def _conflicts(decision: Decision, members: Iterable[CommitteeMember]) -> dict[int, str]:
    asked = list(members)
    found = venue_conflicts(decision.case.venue, asked)
    harmed = set(Harmed.objects.filter(case=decision.case).values_list("user_id", flat=True))
    for member in asked:
        if member.user_id in harmed:
            found.setdefault(member.pk, "Would be paid from this slash.")
    return found


def _parties(decision: Decision) -> set[int]:
    return {decision.case.venue.deployer.user_id}


def _opened(decision: Decision) -> None:
    case = decision.case
    place_hold(case.venue.deployer.user_id, str(decision.pk), decision.title)
    Case.objects.filter(pk=case.pk).update(hold=True)


def _released(decision: Decision) -> None:
    case = decision.case
    lift_hold(case.venue.deployer.user_id, str(decision.pk))
    Case.objects.filter(pk=case.pk).update(hold=False)


def _execute(decision: Decision, now: datetime) -> dict[str, Any]:
    case = decision.case
    receipt = execute_slash(decision, case, harmed_digest(case))
    _released(decision)
    return receipt


def _told(decision: Decision, move: DecisionMove) -> None:
    tell_of_case(decision, move)
    if move.verb == Verb.EXECUTE and decision.state == State.EXECUTED:
        finish_slash(decision.pk)


CASE = register(
    Kind(
        name="case",
        drawn=True,
        label="Slashing case",
        compose=_compose,
        render=_render,
        execute=_execute,
        reply="case_reply_seconds",
        voting="case_voting_seconds",
        lock="case_lock_seconds",
        appeal="case_appeal_seconds",
        share_range=_range,
        conflicts=_conflicts,
        parties=_parties,
        opened=_opened,
        released=_released,
        told=_told,
    )
)
