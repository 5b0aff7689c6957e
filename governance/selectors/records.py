"""Lists of decisions, and what a venue's record says of them."""

from django.db.models import Q, QuerySet

from exchange_os.ledger.selectors import amount_words, stake_asset
from governance.models import Decision, DisputeCase, State
from governance.offences import OFFENCES
from governance.selectors.decisions import CLOSED_STATES, OPEN_STATES, address_of
from trading.records import Record, RecordLine
from venues.models import Venue

#: Tabs of the queue: name, label, states.
QUEUES: dict[str, tuple[str, tuple[State, ...]]] = {
    "open": ("Open", OPEN_STATES),
    "draft": ("Drafts", (State.DRAFT,)),
    "reply": ("Reply window", (State.REPLY,)),
    "voting": ("Voting", (State.VOTING,)),
    "locked": ("Time lock", (State.LOCKED,)),
    "closed": ("Closed", CLOSED_STATES),
}


def decisions_listed(states: tuple[State, ...], kind: str = "", words: str = "") -> QuerySet[Decision]:
    """Decisions in these states, newest first, of one kind and with these words in title or venue where given."""
    found = Decision.objects.filter(state__in=states).select_related(
        "case__venue__deployer", "halt__venue", "ratified_halt__venue", "dispute_case__dispute__event__venue"
    )
    if kind:
        found = found.filter(kind=kind)
    for word in words.split()[:6]:
        found = found.filter(
            Q(title__icontains=word)
            | Q(case__venue__name__icontains=word)
            | Q(case__venue__slug__icontains=word)
            | Q(halt__venue__name__icontains=word)
            | Q(dispute_case__dispute__event__venue__name__icontains=word)
        )
    return found.order_by("-pk")


def venue_of(decision: Decision) -> Venue | None:
    """The venue a decision is about, if it is about one."""
    for path in ("case", "halt", "ratified_halt", "dispute_case"):
        about = getattr(decision, path, None)
        if about is not None:
            found: Venue = about.venue
            return found
    return None


def dispute_address(dispute_id: int) -> str:
    """Where the newest decision on a dispute is published; empty if there is none."""
    found = (
        DisputeCase.objects.filter(dispute_id=dispute_id).order_by("-pk").select_related("decision").first()
    )
    return address_of(found.decision) if found else ""


def venue_record(venue: Venue, limit: int = 5) -> Record:
    """Decisions about a venue that were opened, newest first, and the stake that was slashed in all of them."""
    about = Decision.objects.filter(Q(case__venue=venue) | Q(halt__venue=venue)).exclude(state=State.DRAFT)
    opened = about.exclude(digest="").select_related("case").order_by("-pk")
    receipts = opened.filter(state=State.EXECUTED).values_list("receipt", flat=True)
    slashed = sum(receipt.get("slashed", 0) for receipt in receipts)
    lines = tuple(
        RecordLine(
            each.title,
            OFFENCES[each.case.offence].label if hasattr(each, "case") else "Emergency halt",
            result_of(each),
            address_of(each),
            "slashed" in each.receipt,
        )
        for each in opened[:limit]
    )
    return Record(lines, amount_words(slashed, stake_asset()) if slashed else "")


def result_of(decision: Decision) -> str:
    """What came of a decision, in a few words."""
    if decision.state == State.EXECUTED and "slashed" in decision.receipt:
        return f"{amount_words(decision.receipt['slashed'], stake_asset())} slashed"
    if decision.state == State.EXECUTED and "label" in decision.receipt:
        return str(decision.receipt["label"])
    return str(decision.get_state_display())
