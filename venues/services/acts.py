"""The audit log of a venue: every verb of its members notes what it did, in the transaction that did it, and with it
what the venue's webhooks are to be told."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet

from venues.models import Venue, VenueAct, Webhook, WebhookDelivery

MAX_EXPORTED = 100_000
#: What a spreadsheet would take for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def note_act(
    venue: Venue,
    by: AbstractBaseUser | None,
    verb: str,
    about: str = "",
    *,
    words: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> VenueAct:
    """Write one act down: ``verb`` in the past tense ("halted"), ``about`` what it was done to, ``words`` the public
    reason, ``before`` and ``after`` what it changed (names and JSON values). ``by`` nobody: the clock did it."""
    act = VenueAct.objects.create(
        venue_id=venue.pk,
        by_id=by.pk if by else None,
        verb=verb,
        about=about[:140],
        words=words[:500],
        before=dict(before or {}),
        after=dict(after or {}),
    )
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=hook, act=act, due=act.at)
        for hook in Webhook.objects.filter(venue_id=venue.pk)
    )
    return act


def acts_of(venue: Venue, search: str = "", member_id: int | None = None) -> QuerySet[VenueAct]:
    """Acts at a venue, newest first; those whose verb, object, words or member's address hold ``search``."""
    acts = VenueAct.objects.filter(venue=venue).select_related("by")
    if member_id is not None:
        acts = acts.filter(by_id=member_id)
    for word in search.split()[:8]:
        acts = acts.filter(
            Q(verb__icontains=word)
            | Q(about__icontains=word)
            | Q(words__icontains=word)
            | Q(by__email__icontains=word)
        )
    return acts


def acts_csv(acts: QuerySet[VenueAct]) -> Iterator[str]:
    """The acts as lines of CSV with a heading, newest first, at most ``MAX_EXPORTED``."""
    yield _line(["time", "by", "act", "what", "reason", "before", "after"])
    for act in acts[:MAX_EXPORTED].iterator(chunk_size=1000):
        who = getattr(act.by, "email", "") or "clock"
        yield _line(
            [act.at.isoformat(), who, act.verb, act.about, act.words, changes(act.before), changes(act.after)]
        )


def changes(values: Mapping[str, Any]) -> str:
    """Names and values in one line: ``taker: 500, maker: 200``."""
    return ", ".join(f"{name}: {value}" for name, value in values.items())


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell for cell in cells])
    return text.getvalue()
