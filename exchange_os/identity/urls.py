"""Addresses of identity, under ``accounts/`` and ahead of allauth's: some of its views are kept stricter here."""

from allauth.mfa.webauthn.views import signup_webauthn
from django.urls import path, re_path

from exchange_os.identity import views

urlpatterns = [
    path("email/", views.addresses, name="account_email"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", views.confirm_address, name="account_confirm_email"),
    path("wallet/challenge/", views.challenge, name="wallet_challenge"),
    path("wallet/sign-in/", views.sign_in, name="wallet_sign_in"),
    path("wallet/link/", views.link, name="wallet_link"),
    path("wallet/reauthenticate/", views.reauthenticate, name="wallet_reauthenticate"),
    path("wallet/<int:wallet_id>/unlink/", views.unlink, name="wallet_unlink"),
    path("signup/passkey/", views.signup_by_passkey, name="passkey_sign_up"),
    path("2fa/webauthn/signup/", signup_webauthn, name="mfa_signup_webauthn"),
    path("2fa/webauthn/keys/<int:pk>/remove/", views.remove_passkey, name="mfa_remove_webauthn"),
]
