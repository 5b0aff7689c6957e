"""Django application of venues."""

from django.apps import AppConfig


class VenuesConfig(AppConfig):
    """The deployer's side: deployers, stakes, assets, venues and their markets."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "venues"
    label = "venues"
    verbose_name = "Venues"
