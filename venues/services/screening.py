"""Screening of names against sanctions lists. An adapter says whether a name is listed; what it said is kept.

``Lists`` compares with the rows of ``ListedName``, which ``manage.py load_sanctions`` fills from files. An adapter for
a service elsewhere has the same one method and is added to ``ADAPTERS``.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q

from exchange_os.errors import DomainError
from venues.models import Issuer, ListedName, Role, Screening, ScreeningOutcome, Venue
from venues.services.acts import note_act
from venues.services.permissions import mark_due
from venues.services.roles import require_role

#: Two names are alike from here on, of one: a slip in a long name is still a hit.
ALIKE = 0.88


@dataclass(frozen=True)
class Subject:
    """Who is screened: a name, and a date of birth as ``YYYY-MM-DD`` if it is known."""

    name: str
    born: str = ""


@dataclass(frozen=True)
class Finding:
    """What an adapter found; ``matched`` names the entry."""

    hit: bool
    matched: str = ""


class Screener(Protocol):
    """Something that knows sanctions lists."""

    name: str

    def screen(self, subject: Subject) -> Finding:
        """Whether the subject is listed. Raises ``DomainError("screening_away")`` if it cannot tell now."""


def normal_name(name: str) -> str:
    """A name as names are compared: without marks and case, its words in order of the alphabet."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return " ".join(sorted(re.findall(r"[a-z0-9]+", plain)))


class Lists:
    """The lists kept here. An entry with a year of birth matches only a subject of that year, or of none."""

    name = "lists"

    def screen(self, subject: Subject) -> Finding:
        """Whether a listed name is the subject's, or nearly."""
        wanted = normal_name(subject.name)
        words = [word for word in wanted.split() if len(word) >= 3]
        if not words:
            return Finding(False)
        near = Q(normal=wanted)
        for word in words:
            near |= Q(normal__contains=word[:4])
        for row in ListedName.objects.filter(near).iterator():
            if row.born and subject.born and row.born[:4] != subject.born[:4]:
                continue
            if row.normal == wanted or SequenceMatcher(None, row.normal, wanted).ratio() >= ALIKE:
                return Finding(True, f"{row.name} ({row.source} {row.reference})".replace(" )", ")"))
        return Finding(False)


ADAPTERS: dict[str, Screener] = {"lists": Lists()}


def screen_holder(holder_id: int, issuer: Issuer, subject: Subject) -> Screening:
    """Screen somebody with every adapter for an issuer; the first hit, or that nothing was found, is kept."""
    found, by = Finding(False), "lists"
    for name, adapter in ADAPTERS.items():
        found, by = adapter.screen(subject), name
        if found.hit:
            break
    return keep_screening(holder_id, issuer, by, found)


def keep_screening(holder_id: int, issuer: Issuer, adapter: str, found: Finding) -> Screening:
    """Keep what an adapter, or the provider itself, has found; a cleared hit on the same entry stays cleared."""
    last = Screening.objects.filter(holder_id=holder_id, issuer=issuer).first()
    if last is not None and last.by_id and last.matched == found.matched and found.hit:
        return last
    if last is not None and not last.by_id and not found.hit and last.outcome == ScreeningOutcome.CLEAR:
        return last  # nothing new was found: nothing is decided anew
    outcome = ScreeningOutcome.HIT if found.hit else ScreeningOutcome.CLEAR
    with transaction.atomic():
        made = Screening.objects.create(
            holder_id=holder_id, issuer=issuer, adapter=adapter, outcome=outcome, matched=found.matched[:200]
        )
        mark_due(user_id=holder_id)
    return made


def clear_hit(user: AbstractBaseUser, venue: Venue, holder_id: int, reason: str) -> Screening:
    """Say that a hit is somebody else of that name. Compliance's act. Raises ``no_hit``, ``reason_missing``."""
    require_role(user, venue, Role.COMPLIANCE)
    if not reason.strip():
        raise DomainError("reason_missing", "Say how you know, in a sentence.", field="reason")
    with transaction.atomic():
        last = Screening.objects.filter(holder_id=holder_id, issuer__venue=venue).first()
        if last is None or last.outcome != ScreeningOutcome.HIT:
            raise DomainError("no_hit", "There is no hit to clear.")
        made = Screening.objects.create(
            holder_id=holder_id, issuer=last.issuer, adapter=last.adapter, outcome=ScreeningOutcome.CLEAR,
            matched=last.matched, reason=reason.strip()[:300], by_id=user.pk,
        )  # fmt: skip
        mark_due(user_id=holder_id)
        note_act(venue, user, "cleared a screening hit", f"holder {holder_id}", words=reason)
    return made


def load_list(source: str, entries: Iterable[tuple[str, str, str]]) -> int:
    """Replace the list ``source`` by ``(name, reference, born)`` entries; how many there are now."""
    rows = {
        (reference[:60], normal_name(name)[:200]): ListedName(
            source=source[:40], name=name[:200], reference=reference[:60], normal=normal_name(name)[:200],
            born=born[:10],
        )
        for name, reference, born in entries
        if normal_name(name)
    }  # fmt: skip
    with transaction.atomic():
        ListedName.objects.filter(source=source[:40]).delete()
        ListedName.objects.bulk_create(rows.values(), batch_size=1_000)
    return len(rows)
