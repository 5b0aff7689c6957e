"""Trying out the price sources of a perpetual before it opens: what each says now, and what they come to."""

import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache

from exchange_os.engine.clock import wall_ms
from exchange_os.errors import DomainError
from exchange_os.ledger.selectors import decimal_text
from exchange_os.oracles.models import SourceKind
from exchange_os.oracles.readings import Reading, SourceError
from exchange_os.oracles.services.trying import try_sources
from venues.models import PPM
from venues.sources import SourceSpec, read_sources

TRIALS_A_MINUTE = 20
#: As the kernel's price rules begin: how old a price may be, how many make a full grade, how far they may lie apart.
STALE_MS = 10_000
FULL_SOURCES = 3
DIVERGENCE_PPM = 50_000
#: The year 9999: no price is from later.
MAX_MS = 253_370_764_800_000


@dataclass(frozen=True)
class Heard:
    """What one source said. ``state``: good, old, apart (from the others), silent or push (not asked)."""

    line: str
    state: str
    words: str
    price: str = ""
    published_ms: int = 0

    @property
    def at(self) -> str:
        """When the price was published, to the second, UTC; empty if there is none."""
        if not 0 < self.published_ms < MAX_MS:
            return ""
        return f"{datetime.fromtimestamp(self.published_ms // 1000, UTC):%H:%M:%S} UTC"


@dataclass(frozen=True)
class Trial:
    """What a market's sources come to: the grade its price would have, in a word and a sentence."""

    grade: str
    words: str
    price: str = ""
    heard: list[Heard] = field(default_factory=list)


def try_market_sources(user: AbstractBaseUser, text: str) -> Trial:
    """Ask every source of the lines once, all together within two seconds.

    Raises what ``read_sources`` raises, and ``too_many_trials`` beyond 20 a minute.
    """
    sources = read_sources(text)
    _count(user)
    asked = [source for source in sources if source.kind != SourceKind.PUSH]
    said = try_sources((each.kind, each.config) for each in asked)
    answers = {each.line: answer for each, answer in zip(asked, said, strict=True)}
    now_ms = wall_ms()
    fresh = [
        answer.price
        for answer in answers.values()
        if isinstance(answer, Reading) and now_ms - answer.published_ms <= STALE_MS
    ]
    middle = statistics.median(fresh) if fresh else None
    heard = [_heard(source, answers.get(source.line), middle, now_ms) for source in sources]
    return Trial(*_grade(heard), decimal_text(middle) if middle is not None else "", heard)


def _count(user: AbstractBaseUser) -> None:
    key = f"oracle-trials:{user.pk}"
    cache.add(key, 0, 60)
    if cache.incr(key) > TRIALS_A_MINUTE:
        raise DomainError(
            "too_many_trials", "That is enough for a minute; try again in one.", field="sources"
        )


def _heard(
    source: SourceSpec, answer: Reading | SourceError | None, middle: Decimal | None, now_ms: int
) -> Heard:
    if answer is None:
        return Heard(source.line, "push", "Counts from your first push on; there is nothing to fetch.")
    if isinstance(answer, SourceError):
        return Heard(source.line, "silent", _sentence(answer.message))
    price, age_ms = decimal_text(answer.price), now_ms - answer.published_ms
    if age_ms > STALE_MS:
        words = f"Published {age_ms // 1000:,} s ago; older than {STALE_MS // 1000} s does not count."
        return Heard(source.line, "old", words, price, answer.published_ms)
    if middle and abs(answer.price - middle) * PPM > middle * DIVERGENCE_PPM:
        words = f"More than {DIVERGENCE_PPM // 10_000}% from the middle of the others."
        return Heard(source.line, "apart", words, price, answer.published_ms)
    return Heard(source.line, "good", "Fresh.", price, answer.published_ms)


def _sentence(message: str) -> str:
    """The message as a sentence; a host's name keeps its small letters."""
    first = message.split(" ", 1)[0]
    return f"{message}." if "." in first else f"{message[:1].upper()}{message[1:]}."


def _grade(heard: list[Heard]) -> tuple[str, str]:
    good = sum(1 for each in heard if each.state == "good")
    if any(each.state == "apart" for each in heard):
        return "volatile", "The sources disagree: positions could only be reduced."
    if good >= FULL_SOURCES:
        return "full", f"{good} sources agree: the full grade."
    if good:
        return (
            "thin",
            f"{good} of {FULL_SOURCES} sources: the price would count, with less leverage behind it.",
        )
    return "none", "No source gives a price now: the market would open at its opening price and wait."
