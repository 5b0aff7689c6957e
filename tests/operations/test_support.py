"""Support sees an account, is seen looking, and moves nothing."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import URLPattern

from exchange_os.engine.services import create_group
from exchange_os.ledger.services import request_deposit
from exchange_os.operations.models import SupportLook
from exchange_os.operations.urls import urlpatterns
from tests.ledger.books import picture

pytestmark = pytest.mark.django_db


def test_a_look_is_written_down_and_moves_nothing(
    maker: AbstractBaseUser,
    usd: object,
    fund: Callable[..., None],
    first: AbstractBaseUser,
    as_user: Callable[..., Client],
) -> None:
    fund(maker, usd, 5_000_000)
    request_deposit(maker, create_group().pk, 16, usd, 2_000_000)  # type: ignore[arg-type]
    before, staff = picture(), as_user(first)
    for who, why in (("maker@example.com", "no"), ("nobody@example.com", "ticket 17")):
        assert staff.post("/operator/support/", {"user": who, "reason": why}).status_code == 422
    assert SupportLook.objects.count() == 0
    for who in ("Maker@example.com", str(maker.pk)):
        page = staff.post("/operator/support/", {"user": who, "reason": "ticket 17"}).content.decode()
        for part in ("maker@example.com", "3 USD", "2 USD", "On its way", "ticket 17"):
            assert part in page, part
    looks = list(SupportLook.objects.values_list("by_id", "subject_id", "reason"))
    assert looks == [(first.pk, maker.pk, "ticket 17")] * 2
    assert picture() == before
    with pytest.raises(DatabaseError), transaction.atomic():
        SupportLook.objects.all().delete()


def test_support_has_no_verb_but_looking(
    first: AbstractBaseUser, maker: AbstractBaseUser, as_user: Callable[..., Client]
) -> None:
    page = (
        as_user(first)
        .post("/operator/support/", {"user": maker.email, "reason": "ticket 17"})
        .content.decode()
    )
    main = page[page.index("<main") : page.index("</main>")]
    assert main.count("<form") == 1
    assert "hx-post" not in main
    client = Client()
    client.force_login(maker)
    assert client.post("/operator/support/", {"user": first.email, "reason": "ticket 17"}).status_code == 403
    assert all(isinstance(each, URLPattern) for each in urlpatterns)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(
    method: str, first: AbstractBaseUser, as_user: Callable[..., Client]
) -> None:
    assert getattr(as_user(first), method)("/operator/support/").status_code == 405
