"""Addresses of the deployer's side and of the wallet."""

from django.urls import URLPattern, path

from venues.services.transfers import AccountDirectory
from venues.steps import KEYS
from venues.views import (
    access,
    assets,
    audit,
    automation,
    changes,
    compliance,
    console,
    deployer,
    events,
    fees,
    fronts,
    launch,
    looks,
    oracles,
    overview,
    revenue,
    stake,
    wallet,
    wizard,
)

launch_urls: tuple[list[URLPattern], str] = (
    [
        path("", launch.start, name="start"),
        path("new/", launch.new, name="new"),
        path("<int:draft_id>/", launch.resume, name="resume"),
        path("<int:draft_id>/delete/", launch.delete, name="delete"),
        path("<int:draft_id>/launch/", launch.launch, name="launch"),
        path("<int:draft_id>/progress/", launch.progress, name="progress"),
        path("<int:draft_id>/oracles/test/<str:key>/", wizard.test_sources, name="test"),
        path("<int:draft_id>/<slug:step>/check/", wizard.check, name="check"),
        *(path(f"<int:draft_id>/{key}/", wizard.step, {"step": key}, name=key) for key in KEYS),
    ],
    "launch",
)

#: Every page of a venue for those who run it; one line a page.
console_urls: list[URLPattern] = [
    path(f"venues/<int:venue_id>/{address}", view, kwargs, name=name)
    for address, view, kwargs, name in (
        ("", overview.overview, {}, "console"),
        ("pulse/", overview.pulse, {}, "pulse"),
        ("status/", console.status, {}, "status"),
        ("fees/", console.fees, {}, "fees"),
        ("halt/", console.operate, {"verb": "halt"}, "halt"),
        ("resume/", console.operate, {"verb": "resume"}, "resume"),
        ("collect/", console.operate, {"verb": "collect"}, "collect"),
        ("markets/", console.markets, {}, "markets"),
        ("markets/new/", console.new_market, {}, "market"),
        ("markets/<int:number>/<slug:verb>/", console.operate_market, {}, "operate_market"),
        ("events/", events.events, {}, "events"),
        ("events/<int:event_id>/", events.event, {}, "event"),
        ("events/<int:event_id>/<slug:verb>/", events.act, {}, "event_act"),
        ("changes/", changes.changes, {}, "changes"),
        ("changes/new/<int:number>/", changes.new_change, {}, "new_change"),
        ("changes/<int:change_id>/", changes.change, {}, "change"),
        ("changes/<int:change_id>/trial/", changes.trial, {}, "trial"),
        ("changes/<int:change_id>/<slug:verb>/", changes.act, {}, "change_act"),
        ("acts/<int:act_id>/<slug:verb>/", changes.pending, {}, "pending_act"),
        ("embed/", looks.embed, {}, "embed"),
        ("embed/origins/", looks.origins, {}, "origins"),
        ("settings/", looks.look, {}, "settings"),
        ("settings/wind-down/", looks.wind_down, {}, "wind_down"),
        ("halt/longer/", looks.longer_halt, {}, "longer_halt"),
        ("oracles/", oracles.oracles, {}, "oracles"),
        ("oracles/<int:number>/", oracles.change, {}, "change_sources"),
        ("api/", automation.automation, {}, "api"),
        ("api/tokens/", automation.new_token, {}, "new_token"),
        ("api/webhooks/", automation.new_webhook, {}, "new_webhook"),
        ("api/<slug:kind>/<int:row_id>/end/", automation.end, {}, "api_end"),
        ("audit/", audit.audit, {}, "audit"),
        ("audit/export/", audit.export, {}, "audit_export"),
        ("revenue/", revenue.revenue, {}, "revenue"),
        ("revenue/<str:month>/", revenue.statement, {}, "statement"),
        ("revenue/<str:month>/csv/", revenue.statement_csv, {}, "statement_csv"),
        ("fronts/", fronts.fronts, {}, "fronts"),
        ("fronts/<int:fronting_id>/<slug:verb>/", fronts.act, {}, "front_act"),
        ("schedule/", fees.fees, {}, "schedule"),
        ("schedule/try/", fees.attempt, {}, "try_fees"),
        ("schedule/withdraw/", fees.withdraw, {}, "withdraw_fees"),
        ("access/", access.access, {}, "access"),
        ("access/desk/", access.desk, {}, "access_desk"),
        ("access/try/", access.try_out, {}, "access_try"),
        ("access/providers/", access.provider, {}, "access_provider"),
        ("access/versions/<int:number>/", access.version, {}, "access_version"),
        ("compliance/", compliance.queue, {}, "compliance"),
        ("compliance/<int:case_id>/", compliance.case, {}, "compliance_case"),
        ("compliance/<int:case_id>/<slug:verb>/", compliance.decide_case, {}, "compliance_decide"),
        ("compliance/documents/<int:document_id>/download/", compliance.document, {}, "compliance_document"),
        ("team/", console.team, {}, "team"),
        ("team/<str:kind>/<int:row_id>/remove/", console.dismiss, {}, "dismiss"),
    )
]

deployer_urls: tuple[list[URLPattern], str] = (
    [
        path("", deployer.home, name="home"),
        path("register/", deployer.register, name="register"),
        path("stake/", stake.page, name="stake"),
        path("stake/preview/", stake.preview, name="stake_preview"),
        path("stake/<int:release_id>/claim/", stake.claim, name="claim"),
        path("fronts/new/", fronts.new, name="new_front"),
        path("assets/new/", deployer.asset, name="asset"),
        path("invitations/<str:token>/", console.invitation, name="invitation"),
        *console_urls,
    ],
    "deployer",
)


def wallet_urls(accounts: AccountDirectory) -> tuple[list[URLPattern], str]:
    """The wallet's addresses over the trader's directory of accounts."""
    return (
        [
            path("", wallet.Page.as_view(accounts=accounts), name="page"),
            path("balances/", wallet.Balances.as_view(accounts=accounts), name="balances"),
            path("venues/", wallet.VenueBalances.as_view(accounts=accounts), name="venues"),
            path("history/", wallet.History.as_view(accounts=accounts), name="history"),
            path("faucet/", wallet.Faucet.as_view(accounts=accounts), name="faucet"),
            path("transfer/", wallet.Form.as_view(accounts=accounts), name="form"),
            path("transfer/start/", wallet.Start.as_view(accounts=accounts), name="start"),
            path("transfer/<int:transfer_id>/", wallet.Progress.as_view(accounts=accounts), name="transfer"),
        ],
        "wallet",
    )


asset_urls: tuple[list[URLPattern], str] = (
    [path("", assets.assets, name="list"), path("<str:symbol>/", assets.asset, name="page")],
    "assets",
)
logo_urls: tuple[list[URLPattern], str] = (
    [path("<str:digest>-<int:size>.webp", assets.logo, name="logo")],
    "logos",
)
