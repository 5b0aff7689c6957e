"""The verbs of transparency."""

from exchange_os.transparency.services.publishing import PublicationRefused, publish_night, shed_leaves

__all__ = ["PublicationRefused", "publish_night", "shed_leaves"]
