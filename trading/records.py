"""What is known of a venue's conduct beside its own history. Who knows it lies above: wiring passes it in."""

from collections.abc import Callable
from dataclasses import dataclass

from venues.models import Venue


@dataclass(frozen=True)
class RecordLine:
    """One decision about a venue: what it was about, what came of it, where it is published."""

    title: str
    label: str
    result: str
    url: str
    slashed: bool


@dataclass(frozen=True)
class Record:
    """Decisions about a venue, newest first, and what of its bond was slashed in all of them (empty: nothing)."""

    lines: tuple[RecordLine, ...] = ()
    slashed: str = ""


def _nothing_known(venue: Venue) -> Record:
    return Record()


def _not_judged(dispute_id: int) -> str:
    return ""


_source: Callable[[Venue], Record] = _nothing_known
_panel: Callable[[int], str] = _not_judged


def use_record(source: Callable[[Venue], Record]) -> None:
    """Ask ``source`` from now on."""
    global _source  # set once, when the addresses are read
    _source = source


def record_of(venue: Venue) -> Record:
    """What is known of the venue."""
    return _source(venue)


def use_panel(address: Callable[[int], str]) -> None:
    """Ask ``address`` from now on where a dispute is judged."""
    global _panel  # set once, when the addresses are read
    _panel = address


def panel_address(dispute_id: int) -> str:
    """Where the panel that judges a dispute publishes; empty if there is none yet."""
    return _panel(dispute_id)
