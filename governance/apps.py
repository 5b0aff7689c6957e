"""Django application of governance."""

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """The committee's side: cases, votes, slashing and protocol parameters."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "governance"
    label = "governance"
    verbose_name = "Governance"
