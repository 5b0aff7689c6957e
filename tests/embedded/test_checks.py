"""Start-up checks refuse settings with which the exchange must not run."""

import pytest
from django.core.checks import run_checks
from django.test import override_settings


def codes() -> set[str | None]:
    """The ids of our own checks that find fault with the settings."""
    return {message.id for message in run_checks() if (message.id or "").startswith("exchange_os.")}


def test_the_settings_of_this_project_pass() -> None:
    assert codes() == set()


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("exchange_os.E001", {"DEBUG": True, "ALLOWED_HOSTS": ["exchange.example"]}),
        (
            "exchange_os.E002",
            {"CHANNEL_LAYERS": {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}},
        ),
        ("exchange_os.E004", {"CELERY_BROKER_URL": "memory://"}),
        ("exchange_os.E005", {"SECRET_KEY": "short"}),
    ],
)
def test_an_unfit_setting_is_refused(code: str, settings: dict[str, object]) -> None:
    with override_settings(**settings):
        assert codes() == {code}
