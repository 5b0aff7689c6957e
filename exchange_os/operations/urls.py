"""Addresses of operations, beside Django's admin under the same root."""

from django.urls import path

from exchange_os.operations import views

app_name = "operations"
urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("dashboard/live/", views.live, name="live"),
    path("dashboard/retry/transfer/<int:pk>/", views.retry_one_transfer, name="retry_transfer"),
    path("dashboard/retry/withdrawals/", views.retry_all_withdrawals, name="retry_withdrawals"),
    path("charts/", views.charts, name="charts"),
    path("switches/", views.switches, name="switches"),
    path("switches/<int:pk>/", views.move_switch, name="move_switch"),
    path("support/", views.support, name="support"),
    path("audit/", views.audit, name="audit"),
    path("audit.csv", views.audit_csv, name="audit_csv"),
    path("runbook/", views.runbook, name="runbook"),
]
