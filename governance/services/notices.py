"""Who is told of what: the deployer, the members, those who are paid. Each is told once, after the commit."""

from collections.abc import Iterable

from exchange_os.ledger.selectors import amount_words, stake_asset
from governance.models import Decision, DecisionMove, Harmed, Verb
from governance.selectors.decisions import address_of, panel_of
from trading.models import Notification, NotificationKind
from trading.notices import announce_notifications

TEXT_LENGTH = 240


def notify(users: Iterable[int], decision: Decision, move: DecisionMove, text: str, path: str = "") -> None:
    """Tell users of a move of a decision, each once."""
    told = sorted(set(users))
    Notification.objects.bulk_create(
        [
            Notification(
                user_id=user_id,
                source=f"decision:{move.pk}",
                kind=NotificationKind.GOVERNANCE,
                text=text[:TEXT_LENGTH],
                link=path or address_of(decision),
                happened=move.at,
            )
            for user_id in told
        ],
        ignore_conflicts=True,
    )
    announce_notifications(told)


def tell_of_case(decision: Decision, move: DecisionMove) -> None:
    """A move of a case: the deployer hears of all, the panel of a vote that began, the harmed of what they are paid."""
    venue = decision.case.venue
    deployer = venue.deployer.user_id
    if move.verb == Verb.OPEN:
        text = (
            f"Case {decision.pk} against {venue.name} is open: answer it before the vote. Your stake is held."
        )
        notify([deployer], decision, move, text, f"{address_of(decision)}#reply")
    elif move.verb != Verb.DISMISS:
        text = f"Case {decision.pk} against {venue.name}: {move.get_verb_display().lower()}. {move.words}"
        notify([deployer], decision, move, text)
    if move.verb in (Verb.BEGIN_VOTING, Verb.APPEAL):
        tell_panel(decision, move)
    if move.verb == Verb.EXECUTE:
        _tell_harmed(decision, move)


def tell_panel(decision: Decision, move: DecisionMove) -> None:
    """Tell the panel that it is to vote."""
    seated = panel_of(decision).values_list("member__user_id", flat=True)
    notify(seated, decision, move, f"Your vote is asked for: {decision.title}.")


def _tell_harmed(decision: Decision, move: DecisionMove) -> None:
    asset = stake_asset()
    paid: dict[int, int] = {}
    for row in Harmed.objects.filter(case=decision.case, paid__gt=0):
        paid[row.user_id] = paid.get(row.user_id, 0) + (row.paid or 0)
    for user_id, units in paid.items():
        words = amount_words(units, asset)
        notify([user_id], decision, move, f"You were paid {words} for your loss in case {decision.pk}.")
