"""Exchange OS: the project package, its wiring and the protocol layer."""

from exchange_os.celery import app as celery_app

__all__ = ["celery_app"]
