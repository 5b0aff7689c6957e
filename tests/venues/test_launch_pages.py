"""The launch wizard in a browser."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from exchange_os.ledger.selectors import stake_balance
from tests.ledger.books import picture
from tests.venues.conftest import BTC_USD, ETH_USD, VENUE, draft_of, give
from venues.models import LaunchDraft, Market, Venue, VenueState
from venues.services import drive_launch

pytestmark = pytest.mark.django_db


def as_posted(*markets):
    return {
        f"market-{place}-{name}": text for place, item in enumerate(markets) for name, text in item.items()
    }


def page(name, draft):
    return reverse(f"launch:{name}", args=[draft.pk])


@pytest.mark.parametrize(
    "name", ["launch:start", "deployer:home", "deployer:stake", "deployer:asset", "wallet:page"]
)
def test_a_stranger_is_sent_to_sign_in(client, name):
    answer = client.get(reverse(name))
    assert (answer.status_code, answer.url.startswith("/accounts/login/")) == (302, True)


def test_a_newcomer_sees_what_it_takes(signed_in, newcomer):
    text = signed_in(newcomer).get("/launch/").content.decode()
    assert "Register as a deployer" in text
    assert "You hold 0; 1,000 OKB more for the next venue." in text
    assert "A venue you have begun but not launched waits here." in text


def test_the_three_steps_from_nothing_to_a_launch(signed_in, deployer, django_capture_on_commit_callbacks):
    visitor = signed_in(deployer)
    assert visitor.post("/launch/new/").status_code == 302
    draft = LaunchDraft.objects.get()
    assert visitor.get(page("venue", draft)).status_code == 200
    assert visitor.post(page("venue", draft), VENUE).url == page("markets", draft)
    assert "BTC-USD" in visitor.get(page("markets", draft)).content.decode()
    answer = visitor.post(page("markets", draft), {**as_posted(BTC_USD, ETH_USD), "action": "next"})
    assert answer.url == page("review", draft)
    review = visitor.get(answer.url).content.decode()
    for sentence in (
        "What a trade of 1,000 costs, and who gets what", "61,750 to 68,250", "0.5 USD", "0.2 USD", "0.63 USD",
        "0.07 USD", "Launch North Exchange",
    ):  # fmt: skip
        assert sentence in review
    with django_capture_on_commit_callbacks(execute=True):
        assert visitor.post(page("launch", draft)).url == page("progress", draft)
    venue = Venue.objects.get()
    assert (venue.slug, venue.state, venue.markets.count()) == ("north", VenueState.LAUNCHING, 2)
    progress = visitor.get(page("progress", draft)).content.decode()
    assert "Opening the markets" in progress and 'hx-trigger="every 700ms"' in progress
    assert visitor.get(page("venue", draft)).url == page("progress", draft)


def test_progress_ends_when_the_venue_trades(signed_in, deployer, venue):
    draft = LaunchDraft.objects.get()
    text = signed_in(deployer).get(page("progress", draft), headers={"HX-Request": "true"}).content.decode()
    assert "Open the venue" in text and "hx-trigger" not in text and "<html" not in text


def test_progress_names_a_refusal(signed_in, clean_redis, local_worker, deployer):
    visitor = signed_in(deployer)
    draft = draft_of(deployer)
    visitor.post(page("launch", draft))
    Market.objects.update(taker_fee_ppm=900_000)
    drive_launch(Venue.objects.get().pk)
    text = visitor.get(page("progress", draft)).content.decode()
    assert "Nothing was launched" in text and "The exchange refused it:" in text
    assert visitor.get(page("markets", draft)).status_code == 200


def test_a_draft_is_saved_as_typed_and_taken_up_again(signed_in, deployer):
    draft = draft_of(deployer)
    half = {**VENUE, "slug": "no way"}
    assert signed_in(deployer).post(page("venue", draft), half).status_code == 422
    text = signed_in(deployer).get(page("venue", draft)).content.decode()
    assert 'value="no way"' in text
    assert "Unnamed" not in signed_in(deployer).get("/launch/").content.decode()


def test_a_wrong_field_gets_its_sentence(signed_in, deployer):
    draft = draft_of(deployer)
    answer = signed_in(deployer).post(
        page("markets", draft), {**as_posted(BTC_USD, {**BTC_USD, "tick_size": "0.001"}), "action": "next"}
    )
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "This venue already has a market BTC-USD; change one of them." in text
    assert "One tick on one lot is 0.0000001 USD" in text


def test_checks_while_typing_spare_what_is_still_empty(signed_in, deployer, htmx):
    draft = draft_of(deployer)
    visitor = signed_in(deployer)
    check = reverse("launch:check", args=[draft.pk, "markets"])
    empty = visitor.post(check, as_posted({"base": "BTC"}), **htmx)
    assert (empty.status_code, "Draft saved" in empty.content.decode()) == (200, True)
    wrong = visitor.post(check, as_posted({**BTC_USD, "base": "DOGE", "taker_fee_percent": "3"}), **htmx)
    text = wrong.content.decode()
    assert (wrong.status_code, "2 fields to mend" in text) == (422, True)
    assert '<div id="f-market-0-base-note" class="note" hx-swap-oob="true"><p class="error"' in text
    assert LaunchDraft.objects.get(pk=draft.pk).data["markets"][0]["base"] == "DOGE"
    slug = visitor.post(reverse("launch:check", args=[draft.pk, "venue"]), {**VENUE, "slug": "admin"}, **htmx)
    assert "The address admin is reserved; choose another." in slug.content.decode()


def test_markets_are_added_and_removed(signed_in, deployer):
    draft = draft_of(deployer)
    visitor = signed_in(deployer)
    for action, symbols in (
        ("add:eth", ["BTC", "ETH"]),
        ("add:blank", ["BTC", "ETH", ""]),
        ("remove:1", ["BTC", ""]),
    ):
        draft.refresh_from_db()
        visitor.post(page("markets", draft), {**as_posted(*draft.data["markets"]), "action": action})
        draft.refresh_from_db()
        assert [item["base"] for item in draft.data["markets"]] == symbols


def test_review_asks_for_the_stake_that_is_missing(signed_in, newcomer):
    draft = draft_of(newcomer)
    visitor = signed_in(newcomer)
    assert "Register as a deployer" in visitor.get(page("review", draft)).content.decode()
    visitor.post("/deployer/register/", {"name": "New Labs"})
    assert "Too little stake: 1,000 OKB more are needed, your wallet holds 0." in (
        visitor.get(page("review", draft)).content.decode()
    )
    give(newcomer, "1000", "OKB")
    assert "Stake 1,000 OKB" in visitor.get(page("review", draft)).content.decode()
    staked = visitor.post(
        "/deployer/stake/", {"action": "stake", "stake": "1000", "next": page("review", draft)}
    )
    assert staked.url == page("review", draft)
    assert stake_balance(newcomer.pk) == 1000 * 10**8


def test_a_launch_with_too_little_stake_says_so_and_launches_nothing(signed_in, newcomer):
    draft = draft_of(newcomer)
    visitor = signed_in(newcomer)
    visitor.post("/deployer/register/", {"name": "New Labs"})
    before = picture()
    answer = visitor.post(page("launch", draft))
    assert answer.status_code == 422
    assert "Every venue needs 1,000 OKB of stake. Stake 1,000 OKB more to launch." in answer.content.decode()
    assert (Venue.objects.count(), picture()) == (0, before)


def test_a_draft_is_its_owners_alone(signed_in, deployer, newcomer):
    draft = draft_of(deployer)
    visitor = signed_in(newcomer)
    for name in ("venue", "markets", "review", "progress"):
        assert visitor.get(page(name, draft)).url == "/launch/"
    for name in ("launch", "delete"):
        assert visitor.post(page(name, draft)).url == "/launch/"
    assert (
        visitor.post(reverse("launch:check", args=[draft.pk, "venue"]), {"name": "Stolen"}).status_code == 204
    )
    assert LaunchDraft.objects.get(pk=draft.pk).data["venue"]["name"] == "North Exchange"


def test_a_draft_can_be_deleted(signed_in, deployer):
    draft = draft_of(deployer)
    signed_in(deployer).post(page("delete", draft))
    assert not LaunchDraft.objects.exists()


def test_markup_in_a_name_stays_text(signed_in, deployer):
    draft = draft_of(deployer, {**VENUE, "name": "<script>x</script>"})
    assert "<script>x" not in signed_in(deployer).get(page("review", draft)).content.decode()


def test_state_changes_need_a_post(signed_in, deployer):
    draft = draft_of(deployer)
    for name in ("launch", "delete"):
        assert signed_in(deployer).get(page(name, draft)).status_code == 405
    assert signed_in(deployer).get("/launch/new/").status_code == 405
    assert list(get_messages(signed_in(deployer).get("/launch/").wsgi_request)) == []
