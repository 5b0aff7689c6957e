"""Staff with second factors, and clients who proved them."""

import time
from collections.abc import Callable, Iterator

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.test import Client
from redis import Redis

from exchange_os.engine import client as engine_client
from tests.engine.conftest import LocalWorker, local_worker
from tests.governance.factors import enrol
from tests.ledger.conftest import fund, maker, usd
from tests.pages.conftest import market, venue

__all__ = ["LocalWorker", "fund", "local_worker", "maker", "market", "usd", "venue"]


@pytest.fixture(autouse=True)
def clean_redis(redis_client: Redis) -> Iterator[None]:
    """An empty broker and cache."""
    cache.clear()
    yield
    engine_client.close()


def member_of_staff(name: str) -> AbstractBaseUser:
    user = get_user_model().objects.create_user(name, f"{name}@example.com", is_staff=True)
    enrol(user)
    return user


@pytest.fixture
def first(db: None) -> AbstractBaseUser:
    """A member of staff with an authenticator app."""
    return member_of_staff("first")


@pytest.fixture
def second(db: None) -> AbstractBaseUser:
    """Another one."""
    return member_of_staff("second")


@pytest.fixture
def as_user() -> Callable[[AbstractBaseUser], Client]:
    """A client who signed in as the user and proved the second factor in this session."""

    def signed_in(user: AbstractBaseUser) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time(), "type": "totp"}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
        return client

    return signed_in
