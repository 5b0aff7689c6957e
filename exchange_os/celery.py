"""The Celery application. Tasks are doorbells: every fact lives in PostgreSQL."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange_os.settings")

app = Celery("exchange_os")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    # Late sweeps are dropped: the next one does the same work.
    "engine-sweep": {"task": "exchange_os.engine.tasks.sweep", "schedule": 1.0, "options": {"expires": 5}},
    "engine-partitions": {
        "task": "exchange_os.engine.tasks.nightly_partitions",
        "schedule": crontab(hour=2, minute=40),
    },
    "governance-decisions": {
        "task": "governance.sweep_decisions",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    "governance-incidents": {
        "task": "governance.sweep_incidents",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "ledger-withdrawals": {
        "task": "ledger.sweep_withdrawals",
        "schedule": 2.0,
        "options": {"expires": 5},
    },
    "ledger-unbonding": {"task": "ledger.sweep_unbonding", "schedule": 60.0, "options": {"expires": 60}},
    "operations-sample": {"task": "operations.sample", "schedule": 10.0, "options": {"expires": 8}},
    "operations-audit": {"task": "operations.nightly_audit", "schedule": crontab(hour=4, minute=30)},
    "operations-samples-thinned": {
        "task": "operations.nightly_samples",
        "schedule": crontab(hour=5, minute=10),
    },
    "oracles-prices": {"task": "oracles.sweep_prices", "schedule": 1.0, "options": {"expires": 3}},
    "identity-abandoned": {"task": "identity.nightly_sign_ups", "schedule": crontab(hour=4, minute=10)},
    "oracles-retention": {"task": "oracles.nightly_retention", "schedule": crontab(hour=4, minute=20)},
    "trading-permissions": {"task": "trading.sweep_permissions", "schedule": 2.0, "options": {"expires": 5}},
    "venues-screening": {"task": "venues.nightly_screening", "schedule": crontab(hour=3, minute=10)},
    "venues-documents": {"task": "venues.nightly_documents", "schedule": crontab(hour=3, minute=40)},
    "transparency-first": {
        "task": "transparency.first_publication",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "transparency-night": {
        "task": "transparency.nightly_publication",
        "schedule": crontab(hour=0, minute=5),
    },
    "trading-fronts": {"task": "trading.sweep_fronts", "schedule": 5.0, "options": {"expires": 10}},
    "trading-mandates": {"task": "trading.sweep_mandates", "schedule": 10.0, "options": {"expires": 20}},
    "trading-equity": {"task": "trading.sweep_equity", "schedule": 300.0, "options": {"expires": 300}},
    "trading-fees": {"task": "trading.sweep_fees", "schedule": 10.0, "options": {"expires": 10}},
    "trading-equity-thinned": {"task": "trading.nightly_equity", "schedule": crontab(hour=4, minute=40)},
    "trading-exports": {"task": "trading.sweep_exports", "schedule": 30.0, "options": {"expires": 30}},
    "trading-exports-expired": {"task": "trading.nightly_exports", "schedule": crontab(hour=4, minute=50)},
    "trading-notifications": {
        "task": "trading.sweep_notifications",
        "schedule": 3.0,
        "options": {"expires": 5},
    },
    "trading-notifications-old": {
        "task": "trading.nightly_notifications",
        "schedule": crontab(hour=5, minute=0),
    },
    "venues-launches": {"task": "venues.sweep_launches", "schedule": 5.0, "options": {"expires": 10}},
    "venues-capacity": {"task": "venues.sweep_capacity", "schedule": 60.0, "options": {"expires": 60}},
    "venues-events": {"task": "venues.sweep_events", "schedule": 5.0, "options": {"expires": 10}},
    "venues-changes": {"task": "venues.sweep_changes", "schedule": 5.0, "options": {"expires": 10}},
    "venues-webhooks": {"task": "venues.sweep_webhooks", "schedule": 5.0, "options": {"expires": 10}},
    "venues-samples": {"task": "venues.sweep_samples", "schedule": 300.0, "options": {"expires": 300}},
    "venues-revenue": {"task": "venues.sweep_revenue", "schedule": 60.0, "options": {"expires": 60}},
    "venues-tiers": {"task": "venues.nightly_tiers", "schedule": crontab(hour=0, minute=20)},
    "venues-ledger": {"task": "venues.nightly_ledger", "schedule": crontab(hour=3, minute=10)},
}


@setup_logging.connect
def leave_logging_to_settings(**_: Any) -> None:
    """Workers log as every process does; a receiver of this signal keeps Celery from adding handlers of its own."""
