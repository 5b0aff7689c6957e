"""The queue of open decisions with what waits for oneself, the public register, the committee."""

import csv
from collections.abc import Iterator

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from exchange_os.ledger.selectors import amount_text, stake_asset
from governance.models import ConflictDeclaration, Decision, State
from governance.offences import OFFENCES
from governance.pages.shown import lines_of, percent, venue_words
from governance.parameters import PARAMETERS
from governance.selectors.committee import member_of, serving_members
from governance.selectors.decisions import CLOSED_STATES, pending_for
from governance.selectors.parameters import parameter, voting_rules
from governance.selectors.records import QUEUES, decisions_listed, result_of, venue_of
from governance.services import KINDS
from venues.selectors import live_venues

PAGE = 25
#: What a spreadsheet would take for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Decisions by state, narrowed by kind and words; before all, those that wait for the visitor's vote."""
    now = timezone.now()
    tab = request.GET.get("tab", "open")
    tab = tab if tab in QUEUES else "open"
    kind, words = request.GET.get("kind", ""), request.GET.get("q", "").strip()[:80]
    found = decisions_listed(QUEUES[tab][1], kind if kind in KINDS else "", words)
    rows = list(found[: PAGE + 1])
    user_id = request.user.pk if request.user.is_authenticated else None
    context = {
        "tabs": _tabs(),
        "tab": tab,
        "kind": kind,
        "kinds": KINDS.items(),
        "words": words,
        "rows": lines_of(rows[:PAGE], now),
        "more": len(rows) > PAGE,
        "pending": lines_of(pending_for(user_id), now) if user_id else [],
        "member": member_of(user_id),
        "figures": _figures(),
    }  # fmt: skip
    return render(request, "governance/queue.html", context)


def _tabs() -> list[tuple[str, str, int]]:
    counted = dict(Decision.objects.values_list("state").annotate(Count("pk")).order_by())
    return [
        (name, label, sum(counted.get(state, 0) for state in states))
        for name, (label, states) in QUEUES.items()
    ]


def _figures() -> list[tuple[str, str, str]]:
    executed = Decision.objects.filter(kind="case", state=State.EXECUTED).values_list("receipt", flat=True)
    slashed = sum(receipt.get("slashed", 0) for receipt in executed)
    repaid = sum(receipt.get("harmed", 0) for receipt in executed)
    opened = Decision.objects.filter(state__in=QUEUES["open"][1]).count()
    decided = Decision.objects.filter(kind="case", state__in=CLOSED_STATES).count()
    asset = stake_asset()
    return [
        ("Open now", str(opened), ""),
        ("Cases closed", str(decided), ""),
        ("Slashed so far", amount_text(slashed, asset), asset.symbol),
        ("Paid to the harmed", amount_text(repaid, asset), asset.symbol),
    ]


@require_safe
def register(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Every decision that was opened or turned away, with its digest; the whole as CSV."""
    if request.GET.get("format") == "csv":
        answer = StreamingHttpResponse(_csv(), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="decisions.csv"'
        return answer
    before = request.GET.get("before", "")
    found = Decision.objects.exclude(state=State.DRAFT).select_related(
        "case__venue", "halt__venue", "ratified_halt__venue"
    )
    if before.isascii() and before.isdigit() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    rows = list(found.order_by("-pk")[: PAGE + 1])
    shown = [
        {**line, "result": result_of(line["decision"]), "share": percent(line["decision"].share_ppm)}
        for line in lines_of(rows[:PAGE], timezone.now())
    ]
    following = rows[PAGE - 1].pk if len(rows) > PAGE else None
    return render(
        request, "governance/register.html", {"rows": shown, "following": following, "later": before}
    )


def _csv() -> Iterator[str]:
    class Line:
        """A file that hands back what is written to it."""

        def write(self, text: str) -> str:
            return text

    writer = csv.writer(Line())
    yield writer.writerow(
        ["number", "kind", "title", "venue", "state", "share_ppm", "result", "opened", "closed", "sha256"]
    )
    found = Decision.objects.exclude(state=State.DRAFT).select_related(
        "case__venue", "halt__venue", "ratified_halt__venue"
    )
    for each in found.order_by("pk").iterator(chunk_size=500):
        cells = [
            each.pk, KINDS.get(each.kind, each.kind), each.title, venue_words(venue_of(each)),
            each.get_state_display(), each.share_ppm or "", result_of(each), each.created.isoformat(),
            each.closed.isoformat() if each.closed else "", each.digest,
        ]  # fmt: skip
        texts = [str(cell) for cell in cells]
        yield writer.writerow([f"'{text}" if text.startswith(FORMULA_STARTS) else text for text in texts])


@require_safe
def committee(request: HttpRequest) -> HttpResponse:
    """Who serves, with terms and declared conflicts; the rules of a vote; what can be slashed and how much."""
    members = list(serving_members())
    declared: dict[int, list[ConflictDeclaration]] = {member.pk: [] for member in members}
    for each in ConflictDeclaration.objects.filter(member__in=members).select_related("venue"):
        declared[each.member_id].append(each)
    own = member_of(request.user.pk if request.user.is_authenticated else None)
    rules = voting_rules()
    context = {
        "members": [(member, declared[member.pk]) for member in members],
        "own": own,
        "venues": live_venues() if own else [],
        "quorum": percent(rules.quorum_ppm),
        "threshold": percent(rules.threshold_ppm),
        "votes": rules.votes,
        "offences": OFFENCES.values(),
        "times": [
            (each.words, parameter(name)) for name, each in PARAMETERS.items() if name.endswith("_seconds")
        ],
    }
    return render(request, "governance/committee.html", context)
