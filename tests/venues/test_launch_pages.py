"""The launch wizard: steps in any order, what each says of what was typed, drafts, hostile input, asset pages."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from exchange_os.ledger.selectors import stake_balance
from exchange_os.ledger.services import create_asset
from tests.ledger.books import picture
from tests.venues.conftest import BTC_USD, ETH_USD, VENUE, draft_of, give
from tests.venues.test_contract_specs import EVENT, PERPETUAL
from tests.venues.test_launch_whole import GOLD, GOLD_USD, png
from venues.launch_templates import TEMPLATES
from venues.models import LaunchDraft, Logo, Market, Venue, VenueState
from venues.services import drive_launch
from venues.services.drafts import new_draft
from venues.steps import KEYS

pytestmark = pytest.mark.django_db


def as_posted(*items, what="market"):
    return {f"{what}-{place}-{name}": text for place, item in enumerate(items) for name, text in item.items()}


def page(name, draft):
    return reverse(f"launch:{name}", args=[draft.pk])


def text_of(answer):
    return answer.content.decode()


@pytest.fixture
def typist(signed_in, deployer):
    """The deployer's browser, a draft, and a way to send a step's form."""
    visitor, draft = signed_in(deployer), new_draft(deployer)

    def send(step, data=(), action="next", **files):
        answer = visitor.post(page(step, draft), {**dict(data), "action": action, **files})
        draft.refresh_from_db()
        return answer

    send.visitor, send.draft = visitor, draft
    return send


@pytest.mark.parametrize(
    "name", ["launch:start", "deployer:home", "deployer:stake", "deployer:asset", "wallet:page"]
)
def test_a_stranger_is_sent_to_sign_in(client, name):
    answer = client.get(reverse(name))
    assert (answer.status_code, answer.url.startswith("/accounts/login/")) == (302, True)


def test_the_steps_from_nothing_to_a_launch(typist, django_capture_on_commit_callbacks):
    draft, visitor = typist.draft, typist.visitor
    assert visitor.get(f"/launch/{draft.pk}/").url == page("venue", draft)
    assert typist("venue", VENUE).url == page("assets", draft)
    assert typist("assets").url == page("markets", draft)
    assert typist("markets", action="add:spot").url == page("markets", draft) + "#market-0"
    key = draft.data["markets"][0]["key"]
    markets = as_posted({**BTC_USD, "kind": "spot", "key": key}, {**ETH_USD, "kind": "spot"})
    assert typist("markets", markets).url == page("oracles", draft)
    assert "Only perpetuals need one." in text_of(visitor.get(page("oracles", draft)))
    assert typist("oracles").url == page("fees", draft)
    fees = as_posted({"key": key, "taker_fee_percent": "0.1", "maker_fee_percent": "0.02"})
    assert typist("fees", fees).url == page("review", draft)
    review = text_of(visitor.get(page("review", draft)))
    for sentence in (
        "What a trade of 1,000 costs, and who gets what", "61,750 to 68,250", "1 USD", "0.5 USD", "1.08 USD",
        "0.12 USD", "Launch North Exchange", "Everything is paid in full", "0 to 1%", "Anyone: nothing is asked",
    ):  # fmt: skip
        assert sentence in review, sentence
    with django_capture_on_commit_callbacks(execute=True):
        assert visitor.post(page("launch", draft)).url == page("progress", draft)
    venue = Venue.objects.get()
    assert (venue.slug, venue.state, venue.markets.count()) == ("north", VenueState.LAUNCHING, 2)
    progress = text_of(visitor.get(page("progress", draft)))
    assert "Opening the markets" in progress and 'hx-trigger="every 700ms"' in progress
    assert visitor.get(page("venue", draft)).url == page("progress", draft)


@pytest.mark.parametrize("key", [template.key for template in TEMPLATES])
def test_a_template_fills_every_step(signed_in, deployer, key):
    give(deployer, "1000", "OKB")
    visitor = signed_in(deployer)
    visitor.post("/deployer/stake/", {"action": "stake", "stake": "500"})
    answer = visitor.post("/launch/new/", {"template": key})
    draft = LaunchDraft.objects.get()
    assert answer.url == f"/launch/{draft.pk}/"
    assert visitor.get(answer.url).url == page("review", draft)
    for step in KEYS:
        shown = text_of(visitor.get(page(step, draft)))
        assert 'role="alert"' not in shown and 'data-state="wrong"' not in shown, step
    assert f"Launch {draft.data['venue']['name']}" in shown


def test_steps_are_taken_in_any_order_and_lose_nothing(typist):
    half = {**VENUE, "slug": "no way"}
    assert typist("venue", half, "go:fees").url == page("fees", typist.draft)
    assert 'value="no way"' in text_of(typist.visitor.get(page("venue", typist.draft)))
    assert typist("markets", as_posted({"base": "BTC"}), "go:identity").url == page("identity", typist.draft)
    review = text_of(typist.visitor.get(page("review", typist.draft)))
    assert "Before it can launch" in review and "disabled" in review
    assert "1 to mend" in review  # the venue's address
    assert typist.visitor.post(page("launch", typist.draft)).url == page("venue", typist.draft)
    assert Venue.objects.count() == 0


def test_a_wrong_field_gets_its_sentence_where_it_is_typed(typist):
    wrong = as_posted({**BTC_USD, "kind": "spot"}, {**BTC_USD, "kind": "spot", "tick_size": "0.001"})
    answer = typist("markets", wrong)
    assert answer.status_code == 422
    assert "This venue already has a market BTC-USD; change one of them." in text_of(answer)
    assert "One tick on one lot is 0.0000001 USD" in text_of(answer)
    fees = as_posted({"key": typist.draft.data["markets"][0]["key"], "taker_fee_percent": "1.01"})
    answer = typist("fees", fees)
    assert (answer.status_code, "Enter a taker fee from 0 to 1 per cent" in text_of(answer)) == (422, True)


def test_checks_while_typing_spare_what_is_still_empty(signed_in, deployer, htmx):
    draft = draft_of(deployer)
    visitor = signed_in(deployer)
    check = reverse("launch:check", args=[draft.pk, "markets"])
    empty = visitor.post(check, as_posted({"base": "BTC"}), **htmx)
    assert (empty.status_code, "Draft saved" in text_of(empty)) == (200, True)
    wrong = visitor.post(check, as_posted({**BTC_USD, "base": "DOGE", "tick_size": "-1"}), **htmx)
    text = text_of(wrong)
    assert (wrong.status_code, "2 fields to mend" in text) == (422, True)
    assert '<div id="f-market-0-base-note" class="note" hx-swap-oob="true"><p class="error"' in text
    assert LaunchDraft.objects.get(pk=draft.pk).data["markets"][0]["base"] == "DOGE"
    slug = visitor.post(reverse("launch:check", args=[draft.pk, "venue"]), {**VENUE, "slug": "admin"}, **htmx)
    assert "The address admin is reserved; choose another." in text_of(slug)
    assert visitor.post(reverse("launch:check", args=[draft.pk, "stake"]), **htmx).status_code == 204


def test_markets_are_added_and_removed(typist):
    for action, kinds in (
        ("add:spot", ["spot"]),
        ("add:swap", ["spot", "swap"]),
        ("add:scalar", ["spot", "swap", "outcome"]),
        ("remove:1", ["spot", "outcome"]),
    ):
        typist("markets", as_posted(*typist.draft.data["markets"]), action)
        assert [item["kind"] for item in typist.draft.data["markets"]] == kinds
    shown = text_of(typist.visitor.get(page("markets", typist.draft)))
    assert "A price of 1 means" in shown and 'name="market-1-outcomes"' not in shown


def test_an_asset_is_written_and_listed_in_one_launch(typist):
    typist("assets", action="add")
    assert "Give the asset a name" in text_of(
        typist("assets", as_posted({**GOLD, "name": "x"}, what="asset"))
    )
    alike = typist("assets", as_posted({**GOLD, "symbol": "0KB"}, what="asset"))
    assert "0KB looks like OKB" in text_of(alike) and "I mean this symbol although" in text_of(alike)
    unused = typist("assets", as_posted(GOLD, what="asset"))
    assert "No market of this launch names GOLD" in text_of(unused)
    typist("markets", as_posted({**GOLD_USD, "kind": "spot"}))
    assert typist("assets", as_posted(GOLD, what="asset")).url == page("markets", typist.draft)
    assert "GOLD · Gold" in text_of(typist.visitor.get(page("markets", typist.draft)))


def test_you_and_your_stake_are_steps_like_the_others(signed_in, newcomer):
    draft = new_draft(newcomer, {"venue": VENUE, "markets": [BTC_USD]})
    visitor = signed_in(newcomer)
    assert visitor.get(f"/launch/{draft.pk}/").url == page("identity", draft)
    assert visitor.post(page("identity", draft), {"deployer": "x", "action": "next"}).status_code == 422
    hidden = visitor.post(page("identity", draft), {"deployer": "New\u200bLabs", "action": "next"})
    assert "invisible sign (U+200B)" in text_of(hidden)
    assert visitor.post(page("identity", draft), {"deployer": "New Labs", "action": "next"}).url == page(
        "stake", draft
    )
    assert "1,000 OKB more are needed, your wallet holds 0" in text_of(visitor.get(page("stake", draft)))
    poor = visitor.post(page("stake", draft), {"stake": "1000", "action": "stake"})
    assert (poor.status_code, stake_balance(newcomer.pk)) == (422, 0)
    assert visitor.post(page("stake", draft), {"action": "faucet"}).url == page("stake", draft)
    assert visitor.post(page("stake", draft), {"stake": "1000", "action": "stake"}).url == page(
        "stake", draft
    )
    assert stake_balance(newcomer.pk) == 1000 * 10**8
    assert visitor.get(f"/launch/{draft.pk}/").url == page("review", draft)


def test_a_launch_with_too_little_stake_says_so_and_launches_nothing(signed_in, newcomer):
    draft = draft_of(newcomer)
    visitor = signed_in(newcomer)
    assert visitor.post(page("launch", draft)).url == page("identity", draft)
    visitor.post("/deployer/register/", {"name": "New Labs"})
    before = picture()
    answer = visitor.post(page("launch", draft), follow=True)
    assert "Every venue needs 1,000 OKB of stake. Stake 1,000 OKB more to launch." in text_of(answer)
    assert (Venue.objects.count(), picture()) == (0, before)


SSRF = [
    "http https://127.0.0.1/price /p",
    "http https://[::1]/price /p",
    "http https://169.254.169.254/latest/meta-data /p",
    "http https://10.0.0.1/price /p",
    "http https://[::ffff:127.0.0.1]/price /p",
    "http https://localhost/price /p",
    "chainlink https://192.168.0.1 0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c 8",
]


@pytest.mark.parametrize("line", SSRF)
def test_a_source_inside_is_never_fetched_and_the_page_says_why(signed_in, deployer, line, settings):
    settings.ORACLE_ALLOW_PRIVATE = False
    draft = new_draft(deployer, {"venue": VENUE, "markets": [{**PERPETUAL, "sources": line}]})
    key = draft.data["markets"][0]["key"]
    posted = as_posted({"key": key, "sources": line})
    shown = text_of(signed_in(deployer).post(reverse("launch:test", args=[draft.pk, key]), posted))
    assert "is not on the public internet." in shown and "No source gives a price now" in shown
    whole = signed_in(deployer).post(page("oracles", draft), {**posted, "action": f"test:{key}"})
    assert "is not on the public internet." in text_of(whole) and "<html" in text_of(whole)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("http http://prices.example/btc /p", "only https addresses may be asked"),
        ("http https://user:pass@prices.example /p", "an address carries no password"),
        ("http https://prices.example:8080/x /p", "only port 443 may be asked"),
        ("http file:///etc/passwd /p", "only https addresses may be asked"),
        ("replay ../../etc/passwd", "“replay ../../etc/passwd”"),
        ("<script>alert(1)</script>", "A source begins with one of"),
    ],
)
def test_a_hostile_source_is_refused_at_its_field(typist, line, sentence, settings):
    settings.ORACLE_ALLOW_PRIVATE = False
    typist("markets", as_posted({**PERPETUAL, "sources": ""}))
    key = typist.draft.data["markets"][0]["key"]
    answer = typist("oracles", as_posted({"key": key, "sources": line}))
    assert (answer.status_code, sentence in text_of(answer)) == (422, True)
    assert "<script>alert" not in text_of(answer)


def test_a_market_of_the_platform_is_fetched_and_trials_are_counted(signed_in, deployer, venue):
    draft = new_draft(
        deployer, {"venue": VENUE, "markets": [{**PERPETUAL, "sources": "market north/BTC-USD"}]}
    )
    visitor, key = signed_in(deployer), draft.data["markets"][0]["key"]
    test = reverse("launch:test", args=[draft.pk, key])
    assert "The book has not both sides." in text_of(visitor.post(test))
    push = as_posted({"key": key, "sources": f"push {'A' * 43}="})
    assert "Counts from your first push on" in text_of(visitor.post(test, push))
    for _ in range(18):
        visitor.post(test, push)
    enough = visitor.post(test, push)
    assert (enough.status_code, "That is enough for a minute" in text_of(enough)) == (422, True)


def test_a_logo_is_uploaded_with_the_form_shown_and_served_as_a_picture_only(typist, client):
    upload = SimpleUploadedFile("x.png", png(), "image/png")
    assert typist("venue", VENUE, "logo", logo=upload).url == page("venue", typist.draft)
    digest = typist.draft.data["venue"]["logo"]
    assert (typist.draft.data["venue"]["name"], Logo.objects.get().digest) == ("North Exchange", digest)
    for size in (64, 256):
        served = client.get(f"/logos/{digest}-{size}.webp")
        assert served["Content-Type"] == "image/webp"
        assert served["X-Content-Type-Options"] == "nosniff"
        assert served["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "immutable" in served["Cache-Control"]
    svg = SimpleUploadedFile("x.png", b"<svg onload='alert(1)'>", "image/png")
    refused = typist("venue", VENUE, logo=svg)
    assert (refused.status_code, "SVG pictures can carry script" in text_of(refused)) == (422, True)
    assert typist.draft.data["venue"]["logo"] == digest
    typist("venue", VENUE, "no-logo")
    assert (typist.draft.data["venue"]["logo"], Logo.objects.count()) == ("", 0)
    assert client.get(f"/logos/{digest}-64.webp").status_code == 404


#: A value past the bounds of each input of a market, with what it is said.
PAST = [
    (BTC_USD, "spot", {"base": "\u202eBTC"}, "invisible sign"),
    (BTC_USD, "spot", {"lot_size": "1e99"}, "Enter a lot above zero"),
    (BTC_USD, "spot", {"tick_size": "0"}, "Enter a tick above zero"),
    (BTC_USD, "spot", {"min_size": "-1"}, "Enter a size above zero"),
    (BTC_USD, "spot", {"reference_price": "NaN"}, "Enter the price at which you expect trading to begin"),
    (BTC_USD, "spot", {"band_percent": "50.01"}, "Enter a band from 0.1 to 50 per cent."),
    (BTC_USD, "spot", {"quote": "BTC"}, "Base and quote must be two different assets."),
    (PERPETUAL, "swap", {"max_leverage": "101"}, "a whole number from 1 to 100"),
    (PERPETUAL, "swap", {"contract_value": "0"}, "Enter a contract above zero"),
    (PERPETUAL, "swap", {"interest_cap": "9" * 40}, "Enter a whole number of contracts"),
    (PERPETUAL, "swap", {"funding_cap_percent": "4.01"}, "from 0.01 to 4 per cent"),
    (PERPETUAL, "swap", {"tier_value": "10000001"}, "too much at full leverage"),
    (EVENT, "outcome", {"title": "x" * 141}, "8 to 140 characters"),
    (EVENT, "outcome", {"title": "Who\u200b wins the cup?"}, "invisible sign (U+200B)"),
    (EVENT, "outcome", {"rules": "r" * 2401}, "in 20 to 2400 characters"),
    (EVENT, "outcome", {"tie": "t" * 401}, "the tie rule"),
    (EVENT, "outcome", {"void": ""}, "the void rule"),
    (EVENT, "outcome", {"cut_off": ""}, "the cut-off"),
    (EVENT, "outcome", {"source": "s" * 301}, "4 to 300 characters"),
    (EVENT, "outcome", {"closes": "2199-01-01 00:00"}, "within 10 years"),
    (EVENT, "outcome", {"closes": "'; DROP TABLE"}, "Give the time at which trading closes"),
]


@pytest.mark.parametrize(("market", "kind", "change", "sentence"), PAST)
def test_past_the_bounds_is_a_sentence_at_the_field(typist, market, kind, change, sentence):
    answer = typist("markets", as_posted({**market, "kind": kind, **change}))
    assert (answer.status_code, sentence in text_of(answer)) == (422, True), text_of(answer)[-3000:]
    assert typist.visitor.post(page("launch", typist.draft)).status_code == 302
    assert Venue.objects.count() == 0


def test_progress_ends_when_the_venue_trades(signed_in, deployer, venue):
    draft = LaunchDraft.objects.get()
    text = text_of(signed_in(deployer).get(page("progress", draft), headers={"HX-Request": "true"}))
    assert "Open the venue" in text and "hx-trigger" not in text and "<html" not in text


def test_progress_names_a_refusal_and_the_draft_is_mended(signed_in, clean_redis, local_worker, deployer):
    visitor = signed_in(deployer)
    draft = draft_of(deployer)
    visitor.post(page("launch", draft))
    Market.objects.update(taker_fee_ppm=900_000)
    drive_launch(Venue.objects.get().pk)
    text = text_of(visitor.get(page("progress", draft)))
    assert "Nothing was launched" in text and "The exchange refused it:" in text
    assert visitor.get(page("markets", draft)).status_code == 200


def test_a_draft_is_its_owners_alone(signed_in, deployer, newcomer):
    draft = draft_of(deployer)
    visitor = signed_in(newcomer)
    for name in (*KEYS, "progress", "resume"):
        assert visitor.get(page(name, draft)).url == "/launch/"
    for name in ("launch", "delete", "venue"):
        assert visitor.post(page(name, draft)).url == "/launch/"
    assert (
        visitor.post(reverse("launch:check", args=[draft.pk, "venue"]), {"name": "Stolen"}).status_code == 204
    )
    assert LaunchDraft.objects.get(pk=draft.pk).data["venue"]["name"] == "North Exchange"
    refused = visitor.post("/launch/new/", {"venue": "1"}, follow=True)
    assert "You have no such venue." in text_of(refused)


def test_drafts_wait_are_cloned_and_deleted(signed_in, deployer, venue):
    visitor = signed_in(deployer)
    start = text_of(visitor.get("/launch/"))
    assert "Or clone one of yours" in start and "World Cup outcomes" in start
    clone = visitor.post("/launch/new/", {"venue": str(venue.pk)})
    draft = LaunchDraft.objects.order_by("-pk")[0]
    assert clone.url == f"/launch/{draft.pk}/" and draft.data["venue"]["slug"] == "north-2"
    assert "Continue" in text_of(visitor.get("/launch/"))
    visitor.post(page("delete", draft))
    assert not LaunchDraft.objects.filter(pk=draft.pk).exists()


def test_markup_in_a_name_stays_text(signed_in, deployer):
    draft = draft_of(deployer, {**VENUE, "name": "<script>x</script>"})
    for step in KEYS:
        assert "<script>x" not in text_of(signed_in(deployer).get(page(step, draft)))


def test_state_changes_need_a_post(signed_in, deployer):
    draft = draft_of(deployer)
    for name in ("launch", "delete"):
        assert signed_in(deployer).get(page(name, draft)).status_code == 405
    assert signed_in(deployer).get("/launch/new/").status_code == 405


def test_assets_have_public_pages(client, deployer, venue):
    create_asset(deployer, symbol="GOLD", name="Gold <b>", scale=2, supply="1000")
    listed = text_of(client.get("/assets/"))
    assert "Bitcoin (test)" in listed and "Gold &lt;b&gt;" in listed
    assert "Bitcoin" not in text_of(client.get("/assets/?q=gold"))
    assert "Nothing found" in text_of(client.get("/assets/?q=zzz"))
    gold = text_of(client.get("/assets/GOLD/"))
    for words in ("North Labs", "1,000", "No market yet", "100% of its worth does not count"):
        assert words in gold
    btc = text_of(client.get("/assets/btc/"))
    assert "/v/north/trade/BTC-USD/" in btc and "15% of its worth does not count" in btc
    assert client.get("/assets/NONE/").status_code == 404


def test_a_file_of_ten_megabytes_is_refused_without_being_read(typist):
    big = SimpleUploadedFile("x.svg", b"<svg>" + io.BytesIO(b" " * 10_000_000).read(), "image/svg+xml")
    refused = typist("venue", VENUE, logo=big)
    assert (refused.status_code, "larger than 512 KB" in text_of(refused)) == (422, True)
