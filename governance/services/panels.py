"""Panels drawn by lot, where a committee is larger than a panel."""

from datetime import datetime, timedelta

from exchange_os.engine.models import JournalBatch, RiskGroup
from governance.draw import drawn, seed_of
from governance.models import Decision, PanelDraw
from governance.selectors.parameters import parameter

#: Journals are read as they stood so long before the announced moment: by then nothing is still being written.
SETTLED = timedelta(seconds=60)
#: Journals that are read, those of the oldest risk groups.
JOURNALS = 32
NOT_DRAWN = "Not drawn for this panel."


def draw_panel(decision: Decision, members: list[int], announced: datetime) -> dict[int, str]:
    """Draw the present round's panel of ``members`` who may judge, and publish how; why each of the rest does not sit.

    In the caller's transaction. Nothing is drawn where all have a seat.
    """
    seats = parameter("panel_drawn_count")
    if len(members) <= seats:
        return {}
    moment = announced - SETTLED
    heads = journal_heads(moment)
    seed = seed_of(decision.digest, decision.round, heads)
    PanelDraw.objects.create(
        decision=decision, round=decision.round, moment=moment, heads=heads, seed=seed, members=sorted(members),
        seats=seats,
    )  # fmt: skip
    panel = set(drawn(seed, members, seats))
    return {member: NOT_DRAWN for member in members if member not in panel}


def journal_heads(moment: datetime) -> list[tuple[int, int, str]]:
    """(risk group, last command, hash of the chain) as the journals stood at a moment; empty ones are left out."""
    time_ms = int(moment.timestamp() * 1000)
    heads = []
    for group in RiskGroup.objects.order_by("pk").values_list("pk", flat=True)[:JOURNALS]:
        batches = JournalBatch.objects.filter(group_id=group, now_ms__lte=time_ms).order_by("-first_sequence")
        last = batches.values_list("last_sequence", "hash").first()
        if last is not None:
            heads.append((group, last[0], bytes(last[1]).hex()))
    return heads


def draw_holds(draw: PanelDraw) -> bool:
    """Whether journals, seed and panel of a draw still say the same when they are computed anew."""
    heads = [(group, sequence, head) for group, sequence, head in draw.heads]
    seats = draw.decision.seats.filter(round=draw.round)
    panel = set(seats.filter(member__in=draw.members, recused="").values_list("member_id", flat=True))
    return (
        draw.seed == seed_of(draw.decision.digest, draw.round, journal_heads(draw.moment))
        and draw.seed == seed_of(draw.decision.digest, draw.round, heads)
        and panel == set(drawn(draw.seed, draw.members, draw.seats))
    )
