"""Addresses of the deployer's side and of the wallet."""

from django.urls import URLPattern, path

from venues.services.transfers import AccountDirectory
from venues.views import deployer, events, launch, wallet

launch_urls: tuple[list[URLPattern], str] = (
    [
        path("", launch.start, name="start"),
        path("new/", launch.new, name="new"),
        path("<int:draft_id>/delete/", launch.delete, name="delete"),
        path("<int:draft_id>/venue/", launch.venue, name="venue"),
        path("<int:draft_id>/markets/", launch.markets, name="markets"),
        path("<int:draft_id>/<slug:step>/check/", launch.check, name="check"),
        path("<int:draft_id>/review/", launch.review, name="review"),
        path("<int:draft_id>/launch/", launch.launch, name="launch"),
        path("<int:draft_id>/progress/", launch.progress, name="progress"),
    ],
    "launch",
)

deployer_urls: tuple[list[URLPattern], str] = (
    [
        path("", deployer.home, name="home"),
        path("register/", deployer.register, name="register"),
        path("stake/", deployer.stake_page, name="stake"),
        path("assets/new/", deployer.asset, name="asset"),
        path("venues/<int:venue_id>/fees/", deployer.fees, name="fees"),
        path("venues/<int:venue_id>/status/", deployer.status, name="status"),
        path("venues/<int:venue_id>/markets/new/", deployer.new_market, name="market"),
        path("events/<int:event_id>/", events.event, name="event"),
        path("events/<int:event_id>/<slug:verb>/", events.act, name="event_act"),
        path(
            "venues/<int:venue_id>/markets/<int:number>/<slug:verb>/",
            deployer.operate_market,
            name="operate_market",
        ),
        *(
            path(f"venues/<int:venue_id>/{verb}/", deployer.operate, {"verb": verb}, name=verb)
            for verb in ("halt", "resume", "collect")
        ),
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
