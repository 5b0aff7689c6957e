"""The verbs of governance. Importing them registers every kind of decision."""

from governance.kinds import kind_names
from governance.services import cases, disputes, halts, proposals

__all__ = ["KINDS", "cases", "disputes", "halts", "proposals"]

#: Every kind of decision by name, with its label.
KINDS = kind_names()
