"""What every page shares: sign-up, content policy, error pages, tags, toasts."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client, RequestFactory

from exchange_os.ui import tags
from exchange_os.ui.toasts import toast, trigger
from exchange_os.ui.views import server_error


def test_signing_up_takes_one_step(client: Client, db: None) -> None:
    answer = client.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": "a long enough password"}
    )
    assert answer.status_code == 302
    assert get_user_model().objects.filter(email="new@example.com").exists()
    assert "new@example.com" in client.get("/").content.decode()


def test_a_weak_password_is_refused_at_the_field(client: Client, db: None) -> None:
    page = client.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": "12345678"}
    ).content.decode()
    assert "too common" in page
    assert 'aria-invalid="true"' in page
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    "path", ["/", "/style", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
)
def test_no_page_needs_inline_script_or_style(client: Client, db: None, path: str) -> None:
    answer = client.get(path)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<script>" not in page
    assert "style=" not in page
    assert " onclick" not in page
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_the_account_pages_are_in_the_frame(client: Client, trader) -> None:
    client.force_login(trader)
    for path in (
        "/accounts/password/change/",
        "/accounts/email/",
        "/accounts/2fa/",
        "/accounts/sessions/",
        "/accounts/logout/",
    ):
        page = client.get(path, follow=True).content.decode()
        assert 'class="nav"' in page, path


def test_an_error_of_the_server_needs_no_database() -> None:
    answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [("65000.50", "65,000.50"), ("-1234", "-1,234"), ("0.1", "0.1"), ("999", "999"), ("–", "–"), (None, "")],
)
def test_grouped(value: str, shown: str) -> None:
    assert tags.grouped(value) == shown


@pytest.mark.parametrize(("ppm", "shown"), [(500, "0.05%"), (-200, "-0.02%"), (0, "0%"), (1_000_000, "100%")])
def test_ppm_percent(ppm: int, shown: str) -> None:
    assert tags.ppm_percent(ppm) == shown


def test_a_change_has_a_sign_beside_its_colour() -> None:
    assert "▲" in tags.change("1.5")
    assert "+1.50%" in tags.change("1.5")
    assert "▼" in tags.change("-0.2")
    assert "–" in tags.change("")


def test_a_line_needs_two_points() -> None:
    assert "polyline" not in tags.sparkline([1])
    assert 'class="spark up"' in tags.sparkline([1, 2])
    assert 'class="spark down"' in tags.sparkline([2, 1])


def test_a_name_cannot_break_out_of_its_mark() -> None:
    mark = tags.venue_mark('<b> "x', "red;}")
    assert "<b" not in mark
    assert "red" not in mark


def test_toasts_and_events_share_one_header() -> None:
    response = trigger(toast(toast(HttpResponse(), "success", "One"), "error", "Zwei €"), "xos:dirty")
    held = json.loads(response["HX-Trigger"])
    assert held["toast"]["items"] == [
        {"level": "success", "text": "One"},
        {"level": "error", "text": "Zwei €"},
    ]
    assert held["xos:dirty"] == {}


def test_the_server_renders_what_was_chosen(client: Client, db: None) -> None:
    assert (
        'data-theme="dark" data-density="comfortable" data-palette="green-red"'
        in client.get("/style").content.decode()
    )
    answer = client.post("/appearance", {"theme": "light", "next": "/style"})
    assert (answer.status_code, answer["Location"]) == (302, "/style")
    client.post("/appearance", {"palette": "blue-orange"})
    page = client.get("/style").content.decode()
    assert 'data-theme="light" data-density="comfortable" data-palette="blue-orange"' in page


@pytest.mark.parametrize("sent", [{"theme": '"><script>'}, {"density": "x" * 5000}, {}])
def test_what_is_not_offered_changes_nothing(client: Client, db: None, sent: dict[str, str]) -> None:
    answer = client.post("/appearance", {**sent, "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"
    assert client.cookies["appearance"].value == "dark.comfortable.green-red"


def test_a_cookie_of_nonsense_is_the_default(client: Client, db: None) -> None:
    client.cookies["appearance"] = "pink.<b>.blue-orange.more"
    page = client.get("/style").content.decode()
    assert 'data-theme="dark" data-density="comfortable" data-palette="blue-orange"' in page


def test_a_gauge_is_named_and_bounded() -> None:
    drawn = tags.gauge(140, "<b>", "Margin used", "danger")
    assert 'stroke-dasharray="100 200"' in drawn
    assert 'aria-label="Margin used: &lt;b&gt;"' in drawn


def test_a_page_is_compressed(client: Client, db: None) -> None:
    answer = client.get("/style", headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < len(client.get("/style").content) / 2
