"""Django application of exchange_os.operations."""

from celery.signals import task_prerun
from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from exchange_os.operations.actor import begin_task, wrap
from exchange_os.operations.watched import watch_after_migrating


class OperationsConfig(AppConfig):
    """What whoever runs the exchange sees and may stop."""

    default_auto_field = "django.db.models.BigAutoField"
    name = "exchange_os.operations"
    label = "operations"
    verbose_name = "Operations"

    def ready(self) -> None:
        """Called once when Django is set up: the audit trail learns who acts, and watches after each migration."""
        connection_created.connect(wrap, dispatch_uid="operations-actor")
        task_prerun.connect(begin_task, dispatch_uid="operations-actor", weak=False)
        post_migrate.connect(watch_after_migrating, sender=self, dispatch_uid="operations-audit")
