"""The verbs of governance. Importing them registers every kind of decision."""

from governance.services import cases, halts

__all__ = ["cases", "halts"]
