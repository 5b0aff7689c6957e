"""Present values, read from PostgreSQL at most every few seconds by each process, and the history of changes."""

from decimal import Decimal
from time import monotonic

from exchange_os.errors import DomainError
from exchange_os.parameters.models import ParameterChange
from exchange_os.parameters.registry import PARAMETERS, Parameter

KEPT_SECONDS = 3.0
_kept: tuple[float, dict[str, int]] | None = None


def parameter_called(name: str) -> Parameter:
    """The parameter of that name; ``DomainError("parameter_unknown")`` if there is none."""
    if name not in PARAMETERS:
        raise DomainError("parameter_unknown", "Choose a parameter from the list.", field="name")
    return PARAMETERS[name]


def amount(name: str) -> Decimal:
    """The present value; of a parameter never changed that of the settings, which need not be whole."""
    changed = _changed().get(name)
    return PARAMETERS[name].unchanged if changed is None else Decimal(changed)


def whole(name: str) -> int:
    """The present value of a parameter that is a whole number in the settings too."""
    return int(amount(name))


def changes_of(name: str = "") -> list[ParameterChange]:
    """Changes of one parameter, or of all, newest first."""
    found = ParameterChange.objects.order_by("-pk")
    return list(found.filter(name=name) if name else found)


def forget() -> None:
    """Read anew at the next call."""
    global _kept  # the one place where values are kept
    _kept = None


def _changed() -> dict[str, int]:
    global _kept  # as above
    if _kept is None or monotonic() - _kept[0] >= KEPT_SECONDS:
        newest = ParameterChange.objects.order_by("name", "-pk").distinct("name")
        _kept = monotonic(), dict(newest.values_list("name", "value"))
    return _kept[1]
