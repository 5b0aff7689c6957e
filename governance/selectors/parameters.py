"""The present values of protocol parameters."""

from datetime import timedelta

from exchange_os.parameters.selectors import whole
from governance import parameters
from governance.tally import Rules


def parameter(name: str) -> int:
    """The value of a parameter, in the unit its name says."""
    assert name in parameters.PARAMETERS, name
    return whole(name)


def span(name: str) -> timedelta:
    """A parameter of seconds as a span of time; no name is no time."""
    return timedelta(seconds=parameter(name)) if name else timedelta(0)


def voting_rules() -> Rules:
    """What a vote needs at present."""
    return Rules(
        quorum_ppm=parameter("decision_quorum_ppm"),
        threshold_ppm=parameter("decision_threshold_ppm"),
        votes=parameter("decision_votes_count"),
    )
