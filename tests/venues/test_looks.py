"""The look of a venue: colours that can be seen, sites that may frame its widgets."""

import pytest
from django.urls import reverse

from exchange_os.errors import DomainError
from venues.models import Role, VenueAct, VenueMember
from venues.services.looks import set_embed_origins, set_looks
from venues.theme import check_accent, faint_on, nearest_visible, ratio

pytestmark = pytest.mark.django_db


def refusal(act, *arguments, **named):
    with pytest.raises(DomainError) as refused:
        act(*arguments, **named)
    return refused.value


@pytest.mark.parametrize(
    ("one", "other", "expected"), [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48)]
)
def test_contrast_as_wcag_counts_it(one, other, expected):
    assert round(ratio(one, other), 2) == round(ratio(other, one), 2) == expected


@pytest.mark.parametrize(
    ("accent", "theme"), [("#101010", "dark"), ("#ffff99", "light"), ("#000080", "dark")]
)
def test_a_colour_that_cannot_be_seen_is_refused_with_the_nearest_that_can(accent, theme):
    assert faint_on(accent) == [theme]
    refused = refusal(check_accent, accent)
    assert (refused.code, theme in refused.message) == ("accent_faint", True)
    assert (
        faint_on(refused.details["near"]) == []
        and check_accent(nearest_visible(accent)) == refused.details["near"]
    )


def test_looks_are_saved_and_written_down_once(house, person):
    owner = house.deployer.user
    for _ in range(2):
        set_looks(owner, house, accent="#2F6FEB", theme="light", description=" Spot  only. ")
    house.refresh_from_db()
    assert (house.accent, house.theme, house.description) == ("#2f6feb", "light", "Spot only.")
    acts = VenueAct.objects.filter(venue=house)
    assert [(act.before, act.after) for act in acts] == [
        ({"theme": "", "description": ""}, {"theme": "light", "description": "Spot only."})
    ]
    VenueMember.objects.create(venue=house, user=person("bob"), role=Role.COMPLIANCE)
    assert (
        refusal(set_looks, person("bob"), house, accent="#2f6feb", theme="", description="").code
        == "role_missing"
    )


@pytest.mark.parametrize(
    "word",
    [
        "http://example.com", "https://", "javascript:alert(1)", "https://a.example/path", "https://u:p@a.example", "*",
        "https://*.example.com", "https://a.example;script-src", "https://a.example,https://b", "https://a.example:99999999",
    ],
)  # fmt: skip
def test_what_is_no_site_is_refused(house, word):
    assert (
        refusal(set_embed_origins, house.deployer.user, house, f"https://ok.example {word}").code
        == "origin_invalid"
    )
    house.refresh_from_db()
    assert house.embed_origins == []


def test_the_pages_offer_the_nearest_colour_and_the_code(house, signed_in):
    visitor = signed_in(house.deployer.user)
    address = reverse("deployer:settings", args=[house.pk])
    refused = visitor.post(address, {"accent": "#101010", "theme": "", "description": ""})
    assert (refused.status_code, "Take #" in refused.content.decode()) == (422, True)
    near = refused.context["near"]
    assert visitor.post(address, {"accent": near, "theme": "dark", "description": ""}).status_code == 302
    page = visitor.get(reverse("deployer:embed", args=[house.pk])).content.decode()
    assert "/embed/house/RAIN-YES/?theme=dark" in page and "sandbox=&quot;allow-scripts" in page
    saved = visitor.post(
        reverse("deployer:origins", args=[house.pk]),
        {"origins": "https://www.Example.com/\nhttp://localhost:3000"},
    )
    assert saved.status_code == 302
    house.refresh_from_db()
    assert house.embed_origins == ["https://www.example.com", "http://localhost:3000"]
