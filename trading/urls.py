"""Addresses of the trader's side: the public API (the pages own theirs)."""

from trading.okx.urls import urlpatterns

__all__ = ["urlpatterns"]
