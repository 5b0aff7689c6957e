"""Embedded database and broker for one machine with nothing prepared."""
