"""Price sources, observations and alarms in the operator's admin. What was observed is never edited."""

from django.contrib import admin
from django.http import HttpRequest

from exchange_os.oracles.models import Observation, OracleAlarm, PriceSource
from exchange_os.ui.read_only import ReadOnly


@admin.register(PriceSource)
class PriceSourceAdmin(admin.ModelAdmin):
    """Sources with what they said last; only whether and when they are asked may be changed here."""

    list_display = (
        "name",
        "kind",
        "group_id",
        "market",
        "number",
        "enabled",
        "last_price",
        "failures",
        "last_error",
    )
    list_filter = ("kind", "enabled")
    search_fields = ("name", "group_id")
    fields = (
        "name", "kind", "group_id", "market", "number", "role", "config", "tick_size", "multiplier", "poll_ms",
        "timeout_ms", "enabled", "last_price", "last_published_ms", "failures", "last_error",
    )  # fmt: skip
    readonly_fields = tuple(set(fields) - {"enabled", "poll_ms", "timeout_ms"})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Sources are added by their venue."""
        return False


@admin.register(Observation)
class ObservationAdmin(ReadOnly):
    """What sources said."""

    list_display = ("source", "price", "price_ticks", "published_ms", "received_ms", "error")
    list_select_related = ("source",)
    show_full_result_count = False


@admin.register(OracleAlarm)
class OracleAlarmAdmin(ReadOnly):
    """What was or is wrong."""

    list_display = ("code", "group_id", "market", "source", "opened", "seen", "closed", "count")
    list_filter = ("code", ("closed", admin.EmptyFieldListFilter))
    list_select_related = ("source",)
