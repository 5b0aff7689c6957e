"""The widget that other sites frame, and who may frame what."""

import pytest

pytestmark = pytest.mark.django_db


def directives(response):
    parts = (part.strip().split(" ") for part in response.headers["Content-Security-Policy"].split(";"))
    return {name: values for name, *values in parts}


def test_only_the_venues_sites_may_frame_its_widgets_and_nothing_else(client, market, day):
    market.venue.embed_origins = ["https://www.example.com"]
    market.venue.save()
    response = client.get("/embed/acme/BTC-USD/")
    policy = directives(response)
    assert policy["frame-ancestors"] == ["'self'", "https://www.example.com"]
    assert policy["script-src"] == ["'none'"] and "allow-same-origin" not in policy["sandbox"]
    assert "X-Frame-Options" not in response.headers
    page = response.content.decode()
    assert (
        "65000.0" in page.replace(",", "") and "<script" not in page and "sessionid" not in response.cookies
    )
    assert 'href="http://testserver/v/acme/trade/BTC-USD/"' in page
    for other in ("/v/acme/trade/BTC-USD/", "/v/acme/", "/"):
        plain = client.get(other)
        assert directives(plain)["frame-ancestors"] == ["'none'"]
        assert plain.headers["X-Frame-Options"] == "DENY"


def test_a_venues_theme_is_for_those_who_have_chosen_none(client, market, day):
    market.venue.theme = "light"
    market.venue.save()
    assert 'data-theme="light"' in client.get("/v/acme/").content.decode()
    assert 'data-theme="light"' in client.get("/embed/acme/BTC-USD/").content.decode()
    client.cookies["appearance"] = "dark.comfortable.green-red"
    assert 'data-theme="dark"' in client.get("/v/acme/").content.decode()


def test_without_sites_only_this_site_frames_and_themes_are_chosen(client, market, day):
    response = client.get("/embed/acme/BTC-USD/?theme=light")
    assert directives(response)["frame-ancestors"] == ["'self'"]
    assert 'data-theme="light"' in response.content.decode()
    assert 'data-theme="dark"' in client.get("/embed/acme/BTC-USD/?theme=x%22").content.decode()
    assert client.get("/embed/acme/NOTHING/").status_code == 404
    assert client.get("/embed/nowhere/BTC-USD/").status_code == 404
