"""Addresses: each app owns its own."""

from django.contrib import admin
from django.urls import include, path

from exchange_os import health, idle
from exchange_os.accounts import TradingAccounts
from exchange_os.demo.worldcup import views as cup
from exchange_os.demo.worldcup.listing import ADDRESS
from exchange_os.identity.ownership import end_with
from exchange_os.operations.views import metrics
from exchange_os.ui import appearance
from exchange_os.ui import views as ui
from governance.selectors.records import dispute_address, venue_record
from trading.records import use_panel, use_record
from trading.services.keys import end_keys_of
from venues.api.deployer import api as deployer_api
from venues.api.kyc import kyc_event
from venues.services.tokens import end_tokens_of
from venues.urls import asset_urls, deployer_urls, launch_urls, logo_urls, wallet_urls

# The pages of venues show what the committee has decided about them; they lie below it.
use_record(venue_record)
use_panel(dispute_address)
# What an account has given to programs ends with its ways in, when it changes hands.
end_with(end_keys_of, end_tokens_of)

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("session/ended/", idle.ended, name="signed_out"),
    path("session/kept/", idle.kept_form, name="kept_form"),
    path("accounts/", include("exchange_os.identity.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/oracle/v1/", include("exchange_os.oracles.urls")),
    path("api/kyc/v1/<slug:issuer>/events", kyc_event, name="kyc_event"),
    path("metrics", metrics, name="metrics"),
    path("operator/", include("exchange_os.operations.urls")),
    path("operator/", admin.site.urls),
    path("transparency/", include("exchange_os.transparency.urls")),
    path(ADDRESS.removeprefix("/"), cup.results, name="cup_results"),
    path("style", ui.style, name="style"),
    path("appearance", appearance.choose, name="appearance"),
    path("wallet/", include(wallet_urls(TradingAccounts()))),
    path("launch/", include(launch_urls)),
    path("deployer/", include(deployer_urls)),
    path("api/deployer/v1/", deployer_api.urls),
    path("assets/", include(asset_urls)),
    path("logos/", include(logo_urls)),
    path("governance/", include("governance.urls")),
    path("", include("trading.urls")),
    path("", include("trading.pages.urls")),
]

handler400 = "exchange_os.ui.views.bad_request"
handler403 = "exchange_os.ui.views.permission_denied"
handler404 = "exchange_os.ui.views.page_not_found"
handler500 = "exchange_os.ui.views.server_error"
