"""A session left open is not enough to take an account over."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.test import Client

PASSWORD = "a long enough password"


@pytest.mark.django_db
def test_a_new_address_needs_a_fresh_proof(client: Client) -> None:
    user = get_user_model().objects.create_user("trader", "trader@example.com", PASSWORD)
    client.force_login(user)
    typed = {"email": "thief@example.com", "action_add": ""}
    answer = client.post("/accounts/email/", typed)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not EmailAddress.objects.filter(email="thief@example.com").exists()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    client.post("/accounts/email/", typed)
    assert EmailAddress.objects.filter(user=user, email="thief@example.com").exists()
