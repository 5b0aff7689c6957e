"""What external providers report: true, fresh, once, or refused with nothing changed."""

import json
import time

import pytest
from django.test import Client

from exchange_os.errors import DomainError
from tests.venues.access_cast import ANN
from venues.models import Consent, Credential, KycCase, ProviderEvent, Screening
from venues.services.kyc_cases import apply_for
from venues.services.kyc_events import WINDOW_SECONDS, add_provider, signature_of

pytestmark = pytest.mark.django_db


class Provider:
    """A provider with its secret, as it calls."""

    def __init__(self, issuer, secret: str) -> None:
        self.issuer, self.secret = issuer, secret
        self.number = 0

    def event(self, case: KycCase, kind: str, **told: object) -> bytes:
        self.number += 1
        return json.dumps(
            {"id": f"evt-{self.number}", "type": kind, "reference": str(case.reference), **told}
        ).encode()

    def post(self, body: bytes, *, age: int = 0, signature: str = "", slug: str = "", timestamp: str = ""):
        timestamp = timestamp or str(int(time.time()) - age)
        headers = {
            "X-Timestamp": timestamp,
            "X-Signature": signature or signature_of(self.secret, timestamp, body),
        }
        path = f"/api/kyc/v1/{slug or self.issuer.slug}/events"
        answer = Client().post(path, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()


@pytest.fixture
def provider(house) -> Provider:
    return Provider(
        *add_provider(house.deployer.user, house, "Truly You", "https://kyc.example/?case={reference}")
    )


@pytest.fixture
def case(provider, house, trader) -> KycCase:
    return apply_for(trader, provider.issuer, 2, ANN, (), house)


def test_an_approval_makes_a_credential_that_the_venue_sees(provider, case, house) -> None:
    body = provider.event(
        case,
        "approved",
        level=2,
        country="FR",
        claims=["adult"],
        expires="2099-01-01T00:00:00Z",
        screening="clear",
    )
    assert provider.post(body) == (200, {"result": "approved"})
    made = Credential.objects.get()
    assert (made.level, made.jurisdiction, made.claims, made.expires.year) == (2, "FR", ["adult"], 2099)
    assert Consent.objects.get(credential=made).venue == house
    assert Screening.objects.get().outcome == "clear"
    assert provider.post(body) == (200, {"result": "repeated"})
    assert (Credential.objects.count(), ProviderEvent.objects.count()) == (1, 1)


def test_more_is_wanted_then_refused(provider, case) -> None:
    assert provider.post(provider.event(case, "review")) == (200, {"result": "review"})
    assert provider.post(provider.event(case, "more", reason="A sharper picture.")) == (
        200,
        {"result": "more"},
    )
    assert provider.post(provider.event(case, "refused", reason="Not readable.")) == (
        200,
        {"result": "refused"},
    )
    case.refresh_from_db()
    assert (case.state, case.wanted, case.reason) == ("refused", "A sharper picture.", "Not readable.")
    status, told = provider.post(provider.event(case, "approved", country="FR"))
    assert (status, told["code"]) == (409, "case_state")
    assert Credential.objects.count() == 0


@pytest.mark.parametrize("kind", ["expired", "revoked"])
def test_the_provider_takes_its_word_back(provider, case, kind) -> None:
    provider.post(provider.event(case, "approved", country="FR"))
    assert provider.post(provider.event(case, kind, reason="Document expired.")) == (200, {"result": kind})
    assert Credential.objects.get().revoked is not None


def test_forgeries_change_nothing(provider, case, house) -> None:
    body = provider.event(case, "approved", country="FR")
    now = str(int(time.time()))
    right = signature_of(provider.secret, now, body)
    refused = {
        "no signature": provider.post(body, signature="0" * 64, timestamp=now),
        "another secret": provider.post(body, signature=signature_of("guess", now, body), timestamp=now),
        "another body": provider.post(body.replace(b"FR", b"DE"), signature=right, timestamp=now),
        "another time": provider.post(body, signature=right, timestamp=str(int(now) + 1)),
        "another issuer": provider.post(body, slug="nobody"),
    }
    assert {name: told["code"] for name, (_, told) in refused.items()} == dict.fromkeys(
        refused, "event_signature"
    )
    assert {status for status, _ in refused.values()} == {401}
    for age in (WINDOW_SECONDS + 5, -WINDOW_SECONDS - 5):
        assert provider.post(body, age=age)[1]["code"] == "event_time"
    for stamp in ("soon", "9" * 40, "1e9", "-5"):
        assert provider.post(body, timestamp=stamp)[1]["code"] == "event_time"
    other = Provider(*add_provider(house.deployer.user, house, "Other One", "https://x.example/{reference}"))
    assert other.post(other.event(case, "approved", country="FR"))[1]["code"] == "case_unknown"
    case.refresh_from_db()
    assert (case.state, Credential.objects.count(), ProviderEvent.objects.count()) == ("submitted", 0, 0)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"level": 9, "country": "FR"}, "level_invalid"),
        ({"level": "2", "country": "FR"}, "event_malformed"),
        ({"level": True, "country": "FR"}, "event_malformed"),
        ({"country": "Atlantis"}, "country_invalid"),
        ({"country": "FR", "claims": ["king"]}, "claim_unknown"),
        ({"country": "FR", "claims": "adult"}, "event_malformed"),
        ({"country": "FR", "expires": "2001-01-01T00:00:00Z"}, "expiry_past"),
        ({"country": "FR", "expires": "2099-13-45"}, "expiry_past"),
    ],
)
def test_nonsense_is_refused_and_may_be_sent_again_right(provider, case, told, code) -> None:
    assert provider.post(provider.event(case, "approved", **told))[1]["code"] == code
    assert (Credential.objects.count(), ProviderEvent.objects.count()) == (0, 0)
    provider.number -= 1
    assert provider.post(provider.event(case, "approved", country="FR")) == (200, {"result": "approved"})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"id": 1}', b'{"id": "a", "type": "approved"}']
)
def test_bodies_that_are_no_events(provider, case, body) -> None:
    assert provider.post(body)[1]["code"] == "event_malformed"


def test_too_large_and_unknown(provider, case) -> None:
    assert provider.post(b" " * 20_000)[0] == 413
    assert provider.post(provider.event(case, "crowned"))[1]["code"] == "event_type"
    assert Client().get(f"/api/kyc/v1/{provider.issuer.slug}/events").status_code == 405


def test_a_provider_is_checked_when_it_is_taken_on(house, trader) -> None:
    wrong = (
        ("A", "https://x.example/{reference}", "name"),
        ("Truly", "http://x/{reference}", "apply_url"),
        ("Truly", "https://x.example/", "apply_url"),
    )
    for name, url, field in wrong:
        with pytest.raises(DomainError) as caught:
            add_provider(house.deployer.user, house, name, url)
        assert caught.value.field == field
    with pytest.raises(DomainError) as caught:
        add_provider(trader, house, "Truly", "https://x.example/{reference}")
    assert caught.value.code == "venue_unknown"
