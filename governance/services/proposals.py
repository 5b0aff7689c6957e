"""Improvement proposals: five kinds of decisions, each executed by one call of the service that does such a thing.

A proposal is drafted with its terms, which are checked at once and again when it is opened and executed. What it was
voted over is in its text: if that no longer holds at execution (another proposal changed the same parameter), it is
annulled, because its effect would not be the one that was signed. Two guardians may veto it in its time lock; a vetoed
one can be brought again once, and then needs more votes and can no longer be vetoed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Grade
from exchange_os.ledger.services.assets import set_grade
from exchange_os.parameters.registry import PARAMETERS
from exchange_os.parameters.services import check_value, set_parameter, stored_value
from governance.kinds import Kind, Line, Moot, register
from governance.models import CommitteeMember, Decision, DecisionMove, Proposal, State, Verb
from governance.selectors.committee import require_member, serving_members
from governance.selectors.decisions import content_of
from governance.selectors.effects import effects_of
from governance.selectors.parameters import parameter, voting_rules
from governance.services.committee import remove_member, seat_member, set_guardian
from governance.services.decisions import draft_decision
from governance.services.notices import tell_panel
from governance.tally import Rules
from venues.services.capacity import send_sweep
from venues.services.collateral import tell_collateral

GUARDIANS_TO_VETO = 2
Terms = Mapping[str, Any]


@dataclass(frozen=True)
class Action:
    """What a kind of proposal does: ``check`` makes clean terms or refuses, ``compose`` what the text says of them,
    ``render`` the text in lines, ``execute`` does it in one call."""

    name: str
    label: str
    check: Callable[[Terms], dict[str, Any]]
    compose: Callable[[Terms], dict[str, Any]]
    render: Callable[[Terms], list[Line]]
    execute: Callable[[Terms, Decision, datetime], None]


def propose(
    by: AbstractBaseUser, kind: str, terms: Terms, title: str, summary: str, now: datetime | None = None
) -> Proposal:
    """A member's draft of a proposal. Raises ``not_a_member``, ``proposal_unknown``, what the terms are refused for,
    ``title_invalid``, ``summary_invalid``."""
    require_member(by.pk, now)
    if kind not in ACTIONS:
        raise DomainError("proposal_unknown", "Choose what is to be changed.", field="kind")
    clean = ACTIONS[kind].check(terms)
    with transaction.atomic():
        decision = draft_decision(kind, title, summary, by, now)
        return Proposal.objects.create(decision=decision, terms=clean)


def bring_again(proposal: Proposal, by: AbstractBaseUser, now: datetime | None = None) -> Proposal:
    """A new draft of a vetoed proposal, once: it needs more votes, and cannot be vetoed.

    Raises ``not_a_member``, ``not_vetoed``, ``brought_again``.
    """
    require_member(by.pk, now)
    with transaction.atomic():
        decision = Decision.objects.select_for_update().get(pk=proposal.pk)
        last = decision.moves.last()
        if last is None or last.verb != Verb.VETO:
            raise DomainError("not_vetoed", "Only a proposal that guardians vetoed can be brought again.")
        if Proposal.objects.filter(vetoed=proposal).exists():
            raise DomainError("brought_again", "It has been brought again already.")
        clean = ACTIONS[decision.kind].check(proposal.terms)
        again = draft_decision(decision.kind, decision.title, decision.summary, by, now)
        return Proposal.objects.create(decision=again, terms=clean, vetoed=proposal)


def preview(kind: str, terms: Terms) -> list[Line]:
    """What a proposal's text would say if it were opened now. Raises what the terms are refused for."""
    action = ACTIONS[kind]
    return action.render(action.compose(action.check(terms)))


def vetoes_needed(decision: Decision) -> int:
    """How many guardians stop it in its time lock; 0 if it is brought again after a veto."""
    return 0 if decision.proposal.vetoed_id else GUARDIANS_TO_VETO


def _rules(decision: Decision) -> Rules:
    rules = voting_rules()
    if not decision.proposal.vetoed_id:
        return rules
    return Rules(rules.quorum_ppm, max(rules.threshold_ppm, parameter("override_threshold_ppm")), rules.votes)


def _whole(terms: Terms, name: str) -> int:
    text = str(terms.get(name, "")).replace(",", "").strip()
    if not text.removeprefix("-").isascii() or not text.removeprefix("-").isdigit() or len(text) > 15:
        raise DomainError("number_invalid", "Enter a whole number.", field=name)
    return int(text)


# --- parameters ------------------------------------------------------------------------------------------------------


def _check_parameter(terms: Terms) -> dict[str, Any]:
    name, value = str(terms.get("name", "")), _whole(terms, "value")
    check_value(name, value)
    if stored_value(name) == value:
        raise DomainError("parameter_unchanged", "That is the value in force.", field="value")
    return {"name": name, "value": value}


def _compose_parameter(terms: Terms) -> dict[str, Any]:
    known = PARAMETERS[terms["name"]]
    effects = [[line.label, line.text] for line in effects_of(known.name, terms["value"])]
    before = f"{stored_value(known.name):f}"
    bounds = [known.low, known.high]
    return {
        **terms,
        "before": before,
        "unit": known.counted_in,
        "meaning": known.words,
        "bounds": bounds,
        "effects": effects,
    }


def _render_parameter(content: Terms) -> list[Line]:
    low, high = content["bounds"]
    return [
        Line("Action", f"Set {content['name']} to {content['value']:,}"),
        Line("Now", f"{Decimal(content['before']):,f} {content['unit']}".rstrip()),
        Line("Then", f"{content['value']:,} {content['unit']}".rstrip()),
        Line("Meaning", content["meaning"]),
        Line("Bounds", f"{low:,} to {high:,}"),
        *(Line(label, text) for label, text in content["effects"]),
    ]


def _execute_parameter(content: Terms, decision: Decision, now: datetime) -> None:
    if f"{stored_value(content['name']):f}" != content["before"]:
        raise Moot("parameter_changed", f"{content['name']} was changed meanwhile by another decision.")
    set_parameter(content["name"], content["value"], decision=decision.pk, reason=decision.title)


# --- the committee ---------------------------------------------------------------------------------------------------


def _check_seat(terms: Terms) -> dict[str, Any]:
    email, name = str(terms.get("email", "")).strip(), " ".join(str(terms.get("member_name", "")).split())
    days = _whole(terms, "days")
    user = get_user_model().objects.filter(email__iexact=email).first() if email else None
    if user is None and "user" in terms:
        user = get_user_model().objects.filter(pk=terms["user"]).first()
    if user is None:
        raise DomainError("user_unknown", "Nobody here has that address.", field="email")
    if not 2 <= len(name) <= 60:
        raise DomainError(
            "name_invalid", "A member's public name has 2 to 60 characters.", field="member_name"
        )
    if not 30 <= days <= 1_461:
        raise DomainError("term_invalid", "A term lasts 30 to 1,461 days.", field="days")
    if serving_members().filter(user=user).exists():
        raise DomainError("member_serves", f"{name} serves already.", field="email")
    return {"user": user.pk, "member_name": name, "days": days, "guardian": bool(terms.get("guardian"))}


def _render_seat(content: Terms) -> list[Line]:
    return [
        Line("Action", f"Seat {content['member_name']} (user {content['user']}) on the committee"),
        Line("Term", f"{content['days']:,} days from the execution"),
        Line(
            "Emergency powers", "guardian: may halt a venue with another" if content["guardian"] else "none"
        ),
    ]


def _execute_seat(content: Terms, decision: Decision, now: datetime) -> None:
    user = get_user_model().objects.get(pk=content["user"])
    until = now + timedelta(days=content["days"])
    try:
        seat_member(user, content["member_name"], until, guardian=content["guardian"], now=now)
    except DomainError as refused:
        raise Moot(refused.code, refused.message) from refused


def _member(terms: Terms) -> CommitteeMember:
    member = serving_members().filter(pk=_whole(terms, "member")).first()
    if member is None:
        raise DomainError("member_gone", "Choose a serving member.", field="member")
    return member


def _check_unseat(terms: Terms) -> dict[str, Any]:
    member = _member(terms)
    _refuse_too_small()
    return {"member": member.pk, "member_name": member.name}


def _refuse_too_small() -> None:
    least = parameter("decision_votes_count") + 1
    if serving_members().count() <= least:
        raise DomainError(
            "committee_too_small",
            f"At least {least} members must remain, or the committee could not judge; seat another first.",
            field="member",
        )


def _render_unseat(content: Terms) -> list[Line]:
    return [
        Line("Action", f"Remove {content['member_name']} (term {content['member']}) from the committee"),
        Line("Votes", "those of theirs that have not been executed no longer count"),
    ]


def _execute_unseat(content: Terms, decision: Decision, now: datetime) -> None:
    try:
        _refuse_too_small()
        remove_member(CommitteeMember.objects.get(pk=content["member"]), f"Decision {decision.pk}.", now)
    except DomainError as refused:
        raise Moot(refused.code, refused.message) from refused


def _check_guardian(terms: Terms) -> dict[str, Any]:
    member, guardian = _member(terms), bool(terms.get("guardian"))
    if member.guardian == guardian:
        raise DomainError("guardian_unchanged", "That is how it is already.", field="member")
    return {"member": member.pk, "member_name": member.name, "guardian": guardian}


def _render_guardian(content: Terms) -> list[Line]:
    verb = "Give emergency powers to" if content["guardian"] else "Take emergency powers from"
    return [
        Line("Action", f"{verb} {content['member_name']} (term {content['member']})"),
        Line("Powers", "two guardians together halt a venue for a day, or veto a proposal in its time lock"),
    ]


def _execute_guardian(content: Terms, decision: Decision, now: datetime) -> None:
    member = serving_members(now).filter(pk=content["member"]).first()
    if member is None or member.guardian == content["guardian"]:
        raise Moot("guardian_unchanged", f"{content['member_name']} has left, or has it so already.")
    set_guardian(member, content["guardian"])


# --- collateral ------------------------------------------------------------------------------------------------------


def _check_grade(terms: Terms) -> dict[str, Any]:
    asset = Asset.objects.filter(symbol=str(terms.get("asset", ""))).first()
    grade = str(terms.get("grade", ""))
    if asset is None:
        raise DomainError("asset_unknown", "Choose an asset.", field="asset")
    if grade not in Grade.values:
        raise DomainError("grade_invalid", "A grade is A, B, C or D.", field="grade")
    if asset.grade == grade:
        raise DomainError("grade_unchanged", f"{asset.symbol} has grade {grade} already.", field="grade")
    return {"asset": asset.symbol, "grade": grade}


def _compose_grade(terms: Terms) -> dict[str, Any]:
    before = Asset.objects.get(symbol=terms["asset"]).grade
    haircuts = {grade: Grade(grade).haircut_ppm for grade in (before, terms["grade"])}
    return {**terms, "before": before, "haircuts_ppm": haircuts}


def _render_grade(content: Terms) -> list[Line]:
    now, then = (content["haircuts_ppm"][content[name]] for name in ("before", "grade"))
    return [
        Line("Action", f"Grade {content['asset']} {content['grade']} as collateral"),
        Line("Now", f"grade {content['before']}: a haircut of {now / 10_000:g}%"),
        Line("Then", f"grade {content['grade']}: a haircut of {then / 10_000:g}%"),
    ]


def _execute_grade(content: Terms, decision: Decision, now: datetime) -> None:
    asset = Asset.objects.get(symbol=content["asset"])
    if asset.grade != content["before"]:
        raise Moot("grade_changed", f"The grade of {asset.symbol} was changed meanwhile.")
    set_grade(asset, content["grade"], None, f"Decision {decision.pk} of the committee.")


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        Action(
            "parameter", "Parameter change", _check_parameter, _compose_parameter, _render_parameter,
            _execute_parameter,
        ),
        Action("seat", "New member", _check_seat, dict, _render_seat, _execute_seat),
        Action("unseat", "Member removal", _check_unseat, dict, _render_unseat, _execute_unseat),
        Action("guardian", "Emergency powers", _check_guardian, dict, _render_guardian, _execute_guardian),
        Action("grade", "Asset grade", _check_grade, _compose_grade, _render_grade, _execute_grade),
    )
}  # fmt: skip


def _conflicts(decision: Decision, members: Iterable[CommitteeMember]) -> dict[int, str]:
    """A member does not judge their own removal or powers."""
    concerned = decision.proposal.terms.get("member")
    return {member.pk: "It is about their own seat." for member in members if member.pk == concerned}


def _kind(action: Action) -> Kind:
    """A kind of decision out of an action."""

    def execute(decision: Decision, now: datetime) -> dict[str, Any]:
        content = content_of(decision)
        action.execute(content, decision, now)
        return {"label": action.render(content)[0].text}

    def told(decision: Decision, move: DecisionMove) -> None:
        if move.verb == Verb.BEGIN_VOTING:
            tell_panel(decision, move)
        if move.verb == Verb.EXECUTE and decision.state == State.EXECUTED:
            send_sweep()
            if action.name == "grade":
                tell_collateral()

    return Kind(
        name=action.name, label=action.label, compose=lambda decision: action.compose(decision.proposal.terms),
        render=action.render, execute=execute, voting="proposal_voting_seconds", lock="proposal_lock_seconds",
        rules=_rules, vetoes=vetoes_needed, conflicts=_conflicts, told=told,
    )  # fmt: skip


for _action in ACTIONS.values():
    register(_kind(_action))
