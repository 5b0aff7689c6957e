"""Addresses of the traders' pages."""

from django.urls import path

from trading.pages import (
    account,
    actions,
    alerts,
    auto_funding,
    bets,
    credentials,
    embed,
    event_lists,
    event_way,
    events,
    exports,
    frame,
    history,
    home,
    keys,
    liquidation,
    notifications,
    panels,
    placing,
    positions,
    reports,
    security,
    series,
    statements,
    terminal,
    venue_page,
)
from trading.pages.bell_consumer import BellConsumer
from trading.pages.consumers import AccountConsumer
from trading.pages.event_consumer import EventConsumer

app_name = "pages"

TERMINAL = "v/<slug:slug>/trade/<str:symbol>/"
EVENT = "v/<slug:slug>/event/<str:code>/"

urlpatterns = [
    path("", home.home, name="home"),
    path("search/", frame.find, name="find"),
    path("account/worth/", frame.worth, name="worth"),
    path("favourites/<int:number>/", home.favourite, name="favourite"),
    path("v/<slug:slug>/", venue_page.venue, name="venue"),
    path("embed/<slug:slug>/<str:symbol>/", embed.embed, name="embed"),
    path("v/<slug:slug>/reports/", reports.overview, name="reports"),
    path("v/<slug:slug>/reports/<slug:name>/", reports.report, name="report"),
    path("v/<slug:slug>/auto-funding/", auto_funding.auto_funding, name="auto_funding"),
    path(EVENT, events.event, name="event"),
    path(f"{EVENT}outcomes/", events.outcomes, name="event_outcomes"),
    path(f"{EVENT}chart/", events.chart, name="event_chart"),
    path(f"{EVENT}trade/", events.trade, name="event_trade"),
    path(f"{EVENT}own/", events.own, name="event_own"),
    path(f"{EVENT}way/", event_way.way, name="event_way"),
    path(f"{EVENT}dispute/", event_way.dispute, name="dispute"),
    path(f"{EVENT}propose/", event_way.propose, name="propose"),
    path(f"{EVENT}evidence/<int:evidence_id>/", event_way.evidence, name="event_evidence"),
    path(f"{EVENT}quote/", bets.quote, name="bet_quote"),
    path(f"{EVENT}bet/", bets.bet, name="bet"),
    path(f"{EVENT}cancel/<int:order_id>/", bets.cancel, name="bet_cancel"),
    path(f"{EVENT}merge/", bets.merge, name="merge_sets"),
    path("v/<slug:slug>/series/", series.body, name="series"),
    path("events/", event_lists.every, name="events"),
    path("v/<slug:slug>/events/", event_lists.of_venue, name="venue_events"),
    path(TERMINAL, terminal.terminal, name="terminal"),
    path(f"{TERMINAL}phase/", terminal.phase, name="phase"),
    path(f"{TERMINAL}panels/<str:name>/", panels.panel, name="panel"),
    path(f"{TERMINAL}funds/", panels.funds, name="funds"),
    path(f"{TERMINAL}lever/", panels.lever, name="lever"),
    path(f"{TERMINAL}preview/", placing.preview, name="preview"),
    path(f"{TERMINAL}order/", placing.place, name="place"),
    path(f"{TERMINAL}figures/", positions.figures, name="figures"),
    path(f"{TERMINAL}leverage/", positions.leverage, name="leverage"),
    path(f"{TERMINAL}close/", positions.close, name="close"),
    path(f"{TERMINAL}position/", positions.position, name="position"),
    path(f"{TERMINAL}protect/", positions.protect, name="protect"),
    path(f"{TERMINAL}flatten/", positions.flatten, name="flatten"),
    path(f"{TERMINAL}amend/<int:order_id>/", actions.amend, name="amend"),
    path(f"{TERMINAL}fund/", actions.fund, name="fund"),
    path(f"{TERMINAL}cancel/<int:order_id>/", actions.cancel, name="cancel"),
    path(
        f"{TERMINAL}cancel-conditional/<int:algo_id>/", actions.cancel_conditional, name="cancel_conditional"
    ),
    path(f"{TERMINAL}cancel-all/", actions.cancel_all, name="cancel_all"),
    path(f"{TERMINAL}alerts/", alerts.alerts, name="alerts"),
    path("account/alerts/<int:alert_id>/delete/", alerts.delete, name="delete_alert"),
    path("account/", account.account, name="account"),
    path("account/withdrawals/", account.withdrawals, name="withdrawals"),
    path("account/withdrawals/new/", account.withdraw, name="withdraw"),
    path(
        "account/withdrawals/<int:withdrawal_id>/cancel/",
        account.cancel,
        name="cancel_withdrawal",
    ),
    path("account/history/", history.history, name="history"),
    path("account/liquidation/", liquidation.liquidation, name="liquidation"),
    path("account/statements/", statements.statements, name="statements"),
    path("account/notifications/", notifications.notifications, name="notifications"),
    path("account/notifications/bell/", notifications.bell, name="bell"),
    path("account/notifications/read/", notifications.read, name="read_notifications"),
    path("account/notifications/kinds/", notifications.choose, name="notification_kinds"),
    path("account/exports/", exports.exports, name="exports"),
    path("account/exports/<int:export_id>/", exports.download, name="export"),
    path("account/exports/<int:export_id>/delete/", exports.delete, name="delete_export"),
    path("account/security/", security.security, name="security"),
    path("account/credentials/", credentials.credentials, name="credentials"),
    path("account/credentials/<int:credential_id>/share/", credentials.share, name="share_credential"),
    path(
        "account/credentials/consents/<int:consent_id>/withdraw/",
        credentials.withdraw,
        name="withdraw_consent",
    ),
    path("account/credentials/apply/<slug:slug>/", credentials.Apply.as_view(), name="apply"),
    path("account/credentials/applications/<int:case_id>/", credentials.application, name="application"),
    path(
        "account/credentials/applications/<int:case_id>/documents/",
        credentials.AddDocuments.as_view(),
        name="add_documents",
    ),
    path(
        "account/credentials/applications/<int:case_id>/take-back/", credentials.take_back, name="take_back"
    ),
    path("account/keys/", keys.keys, name="keys"),
    path("account/keys/words/", keys.words, name="key_words"),
    path("account/keys/<int:key_id>/", keys.edit, name="edit_key"),
    path("account/keys/<int:key_id>/words/", keys.words, name="key_words"),
    path("account/keys/<int:key_id>/rotate/", keys.rotate, name="rotate_key"),
    path("account/keys/<int:key_id>/revoke/", keys.revoke, name="revoke_key"),
]

socket_patterns = [
    path("notifications/", BellConsumer.as_asgi()),
    path("v/<slug:slug>/account/", AccountConsumer.as_asgi()),
    path(EVENT, EventConsumer.as_asgi()),
]
