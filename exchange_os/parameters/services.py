"""Changing a parameter. Whoever calls has the right: a decision that was carried."""

from decimal import Decimal

from django.db import transaction

from exchange_os.errors import DomainError
from exchange_os.parameters.models import ParameterChange
from exchange_os.parameters.registry import Parameter
from exchange_os.parameters.selectors import forget, parameter_called


def check_value(name: str, value: int) -> Parameter:
    """The parameter, if the value is within its bounds. Raises ``parameter_unknown``, ``parameter_out_of_bounds``."""
    known = parameter_called(name)
    if not known.low <= value <= known.high:
        raise DomainError(
            "parameter_out_of_bounds",
            f"{known.name} lies between {known.low:,} and {known.high:,} {known.counted_in}".rstrip() + ".",
            field="value",
        )
    return known


def stored_value(name: str) -> Decimal:
    """The value as PostgreSQL has it now, whatever this process has kept."""
    newest = ParameterChange.objects.filter(name=name).order_by("-pk").values_list("value", flat=True).first()
    return parameter_called(name).unchanged if newest is None else Decimal(newest)


def set_parameter(name: str, value: int, *, decision: int, reason: str) -> ParameterChange:
    """Change a parameter, and keep by which decision and why; other processes follow within a few seconds.

    Raises ``parameter_unknown``, ``parameter_out_of_bounds``.
    """
    check_value(name, value)
    made = ParameterChange.objects.create(
        name=name, before=f"{stored_value(name):f}", value=value, decision=decision, reason=reason[:200]
    )
    forget()
    transaction.on_commit(forget)
    return made
