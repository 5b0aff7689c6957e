"""The moves of an event as they were made, its disputes, clarifications and evidence, and its result in words."""

from dataclasses import dataclass

from exchange_os.ledger.selectors import amount_words, stake_asset
from trading.records import panel_address
from trading.selectors.events import EventView
from venues.models import (
    PPM,
    UNDECIDED,
    Clarification,
    Dispute,
    DisputeState,
    Event,
    EventKind,
    EventMove,
    Evidence,
    Verdict,
)
from venues.services.disputes import bond_units
from venues.services.event_moves import outcome_names


@dataclass(frozen=True)
class DisputeView:
    """A dispute in words: what the challenger says is right, what both sides put up, how it ended, and where it is
    judged (empty: no panel yet)."""

    dispute: Dispute
    claim: str
    bond: str
    counter: str
    received: str
    verdict: str
    panel: str = ""

    @property
    def undecided(self) -> bool:
        """Whether its bond is still held."""
        return self.dispute.state in UNDECIDED


def moves_of(event: Event) -> list[EventMove]:
    """Every move of the event, oldest first, each with who made it and what bears it out."""
    rows = EventMove.objects.filter(event=event).select_related("by").order_by("pk")
    return list(rows.prefetch_related("evidence"))


def clarifications_of(event: Event) -> list[Clarification]:
    """What was added to the rules, oldest first."""
    return list(Clarification.objects.filter(event=event))


def evidence_by_id(event: Event, evidence_id: int) -> Evidence | None:
    """A piece of evidence of one of the event's moves."""
    return Evidence.objects.filter(pk=evidence_id, move__event=event).first()


def disputes_in(view: EventView) -> list[DisputeView]:
    """Every dispute of the event, oldest first."""
    asset = stake_asset()
    return [
        DisputeView(
            row,
            claim=result_text(view, row.payouts, row.voiding),
            bond=amount_words(row.bond, asset),
            counter=amount_words(row.counter_bond, asset) if row.counter_bond else "",
            received=amount_words(row.received, asset) if row.received is not None else "",
            verdict=_verdict(view, row),
            panel=panel_address(row.joined_id or row.pk),
        )
        for row in Dispute.objects.filter(event=view.event)
    ]


def bond_text() -> str:
    """What each side of a dispute puts up."""
    return amount_words(bond_units(), stake_asset())


def result_text(view: EventView, payouts: dict[str, int], voiding: bool) -> str:
    """A result in words: the outcome that won, or what each gets."""
    names = outcome_names(view.event)
    shares = [(names.get(int(at), at), ppm) for at, ppm in payouts.items() if ppm]
    if voiding:
        return "No result: the last fair prices are paid"
    if len(shares) == 1 and view.event.kind != EventKind.SCALAR:
        return shares[0][0]
    return ", ".join(f"{name} {ppm * 100 / PPM:g}%" for name, ppm in shares)


def _verdict(view: EventView, row: Dispute) -> str:
    """The verdict in words, empty if there is none."""
    if not row.verdict or row.state == DisputeState.OPEN:
        return ""
    if row.verdict == Verdict.OVERTURN:
        return f"Another result: {result_text(view, row.verdict_payouts, voiding=False)}"
    return Verdict(row.verdict).label
