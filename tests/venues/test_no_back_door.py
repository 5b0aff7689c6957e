"""No door but the owner's own leads to a user's money.

Every address, task, command and page of the operator's site is tried with the names of a victim's account in every
field, as an operator who is on the committee, and as the deployer of the venue. Whatever they answer, the victim has
afterwards what they had, in the ledger and in the kernel, and no address answers with an error of the server.
"""

import ast
import itertools
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from celery import current_app
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from exchange_os.engine import client as engine_client
from exchange_os.errors import DomainError
from exchange_os.ledger.models import Asset, Entry, LedgerAccount
from exchange_os.ledger.selectors import to_units
from governance.models import CommitteeMember
from tests.venues.conftest import give, settle
from trading.services.accounts import ensure_account
from venues.models import Venue
from venues.services import start_deposit, start_withdrawal

ROOT = Path(__file__).resolve().parents[2]
DRIVES_THE_ENGINE = {"exchange_os.engine.tasks.drain"}  # what it does is what the journal says
#: Commands that start programs or stacks of their own, or only prepare the schema.
OF_THEIR_OWN = {
    "chaos",
    "demo_flow",
    "prepare",
    "replay",
    "replay_funding",
    "replay_prices",
    "replay_worldcup",
    "restore_drill",
    "seed_demo",
}
#: They end or replace the session that walks.
SESSION_ENDS = ("logout", "sessions")


@pytest.fixture
def victim(venue: Venue, trader: AbstractBaseUser) -> dict[str, Any]:
    """A user with money in the wallet, some at a venue and a withdrawal behind them; the names of all that."""
    asset = Asset.objects.get(symbol="USD")
    give(trader, "1000", "USD")
    account = ensure_account(trader, venue)
    deposit = start_deposit(trader, venue, account.number, asset, to_units("600", asset))
    settle([deposit])
    settle([start_withdrawal(trader, venue, account.number, asset, to_units("50", asset))])
    names = {
        "venue_id": venue.pk, "group": venue.group_id, "group_id": venue.group_id, "user_id": trader.pk,
        "transfer_id": deposit.pk, "account_id": account.pk, "slug": venue.slug, "venue": venue.slug, "number": 0,
        "symbol": "BTC-USD", "inst": "BTC-USD", "asset": "USD", "day": "2026-11-30",
    }  # fmt: skip
    return {"user": trader, "venue": venue, "account": account, "asset": asset, "names": names}


def worth(victim: dict[str, Any]) -> tuple[Any, ...]:
    """All that the victim has: every ledger account of theirs and every balance in the kernel."""
    user, venue = victim["user"], victim["venue"]
    kinds = ("wallet", "stake", "unbonding", "in_transit", "withdrawing")
    ledger = LedgerAccount.objects.filter(kind__in=kinds, owner_id=user.pk).order_by("kind", "asset_id")
    answer = engine_client.query(venue.group_id, {"q": "account", "account": victim["account"].number})
    return list(ledger.values_list("kind", "asset_id", "balance")), answer["balances"], answer["owner"]


def powerful(user: AbstractBaseUser, *, operator: bool) -> Callable[[], Client]:
    """Makes browsers of the user that have just proved a second factor."""
    Authenticator.objects.get_or_create(
        user=user, type=Authenticator.Type.TOTP, defaults={"data": {"secret": "x"}}
    )
    if operator:
        get_user_model().objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
        now = timezone.now()
        CommitteeMember.objects.get_or_create(
            user=user,
            defaults={"name": "Member", "since": now, "until": now + timedelta(days=9), "guardian": True},
        )

    def fresh() -> Client:
        made = Client(raise_request_exception=False)
        made.force_login(user)
        session = made.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time()}, {"method": "mfa", "type": "totp", "at": time.time()}
        ]  # fmt: skip
        session.save()
        return made

    return fresh


def addresses(names: dict[str, Any]) -> Iterator[str]:
    """Every address with the victim's names in it."""
    for route, parameters in _routes(get_resolver().url_patterns):
        choices = []
        for name, converter in parameters.items():
            kind = type(converter).__name__
            known = names.get(name)
            if kind == "IntConverter":
                values = [known if isinstance(known, int) else names["user_id"], 1]
            else:
                values = [str(known)] if known is not None else _words(name)
            choices.append([(name, value) for value in dict.fromkeys(values)])
        for chosen in itertools.islice(itertools.product(*choices), 12):
            path = route
            for name, value in chosen:
                path = path.replace(f"<{name}>", str(value))
            yield "/" + path


def _words(name: str) -> list[str]:
    verbs = [
        "halt",
        "resume",
        "collect",
        "withdraw",
        "close",
        "propose",
        "void",
        "approve",
        "execute",
        "refuse",
    ]
    return verbs if name in ("verb", "action", "act") else ["x"]


def _routes(
    patterns: list[Any], before: str = "", known: dict[str, Any] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in patterns:
        route = getattr(item.pattern, "_route", None)
        if route is None:
            continue  # regular expressions are only of the frameworks: confirmations of letters, static files
        parameters = {**(known or {}), **item.pattern.converters}
        route = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", route)
        if isinstance(item, URLResolver):
            yield from _routes(item.url_patterns, before + route, parameters)
        elif isinstance(item, URLPattern):
            yield before + route, parameters


def body(victim: dict[str, Any]) -> dict[str, str]:
    """Fields of every form there might be, all of the victim."""
    words = "because I say so at length"
    same = dict.fromkeys(("amount", "amt", "units", "stake", "release", "size", "price", "owner"), "1")
    assets = dict.fromkeys(("asset", "ccy", "symbol"), "USD")
    return {
        **same, **assets, "user": str(victim["user"].pk), "email": victim["user"].email,
        "account": str(victim["account"].number), "account_id": str(victim["account"].pk), "direction": "withdraw",
        "from": "trading", "to": "deployer@example.com", "address": "test:elsewhere", "venue": victim["venue"].slug,
        "action": "stake", "reason": words, "words": words, "source": "https://example.com", "confirm": "yes",
        "state": "settled", "name": "Somebody", "side": "sell", "verb": "halt", "next": "/",
    }  # fmt: skip


@pytest.mark.parametrize("role", ["operator and committee", "deployer"])
def test_no_address_takes_a_users_money(
    victim: dict[str, Any], newcomer: AbstractBaseUser, deployer: AbstractBaseUser, role: str
) -> None:
    operator = role != "deployer"
    fresh = powerful(newcomer if operator else deployer, operator=operator)
    before, browser, fields, broken, let_in = worth(victim), fresh(), body(victim), [], 0
    paths = sorted(set(addresses(victim["names"])))
    assert len(paths) > 100
    for path in paths:
        if any(word in path for word in SESSION_ENDS):
            continue
        for method in (browser.get, browser.post):
            answer = method(path, fields) if method == browser.post else method(path)
            let_in += answer.status_code not in (401, 403, 404, 405)
            if answer.status_code == 500:
                broken.append((method.__name__, path))
        if "_auth_user_id" not in browser.session:
            browser = fresh()
    assert worth(victim) == before
    assert broken == []
    assert let_in > 100, "the walk gets past the doors"


def test_no_page_of_the_operators_site_writes_a_ledger(
    victim: dict[str, Any], newcomer: AbstractBaseUser
) -> None:
    browser, before = powerful(newcomer, operator=True)(), worth(victim)
    for model in admin.site._registry:
        options = model._meta
        assert options.app_label not in ("ledger", "engine", "transparency"), "money has no page here"
        first = model._default_manager.first()
        for page, arguments in (
            ("changelist", []),
            ("add", []),
            ("change", [first and first.pk]),
            ("delete", [first and first.pk]),
        ):
            if None in arguments:
                continue
            path = reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments)
            assert browser.get(path).status_code < 500
            assert browser.post(path, {**body(victim), "post": "yes"}).status_code < 500
    assert worth(victim) == before


def test_no_task_takes_a_users_money(victim: dict[str, Any]) -> None:
    before = worth(victim)
    last = Entry.objects.latest("pk").pk
    current_app.loader.import_default_modules()
    tasks = [
        task
        for name, task in current_app.tasks.items()
        if not name.startswith("celery.") and name not in DRIVES_THE_ENGINE
    ]
    assert len(tasks) > 20
    for task in tasks:
        count = task.run.__code__.co_argcount - (1 if hasattr(task.run, "__self__") else 0)
        for arguments in ([],) if count == 0 else ([victim["user"].pk] * count, [victim["venue"].pk] * count):
            try:
                task.run(*arguments)
            except (DomainError, LookupError, ValueError, TypeError):
                continue
            except Exception as error:  # a row that is not there
                assert type(error).__name__ == "DoesNotExist", f"{task.name}: {error!r}"
    assert worth(victim) == before
    moved = Entry.objects.filter(pk__gt=last, account__kind="wallet", account__owner_id=victim["user"].pk)
    assert not moved.exists()


def test_no_command_takes_a_users_money(victim: dict[str, Any], tmp_path: Path) -> None:
    before = worth(victim)
    ours = ("exchange_os", "venues", "trading", "governance")
    commands = {name for name, app in get_commands().items() if str(app).split(".")[0] in ours}
    assert commands >= {"check_ledger", "export_journal", "verify_journal"}
    for name in sorted(commands - OF_THEIR_OWN):
        for arguments in (
            [],
            [str(victim["user"].pk)],
            [str(victim["venue"].group_id), str(tmp_path / "file")],
        ):
            try:
                call_command(name, *arguments)
            except (CommandError, DomainError, LookupError, SystemExit):
                continue
    assert worth(victim) == before


def test_money_moves_in_a_few_services_only() -> None:
    """Who calls the ledger's writer, and who makes deposits and withdrawals of the kernel: a list read by eye."""
    writers, makers, wanted = set(), set(), {"exchange_kernel.deposit", "exchange_kernel.withdraw"}
    for package in ("exchange_os", "venues", "trading", "governance"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and wanted & {
                    f"{node.module}.{a.name}" for a in node.names
                }:
                    makers.add(str(path.relative_to(ROOT)))
                if not isinstance(node, ast.Call):
                    continue
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if name in ("post_transfer", "post_transfers"):
                    writers.add(str(path.relative_to(ROOT)))
                whose = getattr(getattr(node.func, "value", None), "id", "")
                if name in ("deposit", "withdraw") and whose in ("kernel", "xk", "exchange_kernel"):
                    makers.add(str(path.relative_to(ROOT)))
    assert writers == WRITERS
    assert makers == MAKERS


#: Each debits a wallet only on its owner's word, or a stake by an executed decision.
WRITERS = {
    "exchange_os/ledger/services/postings.py",  # the writer itself
    "exchange_os/ledger/faucet.py",  # to a wallet, from outside
    "exchange_os/ledger/services/assets.py",  # a new asset, to its issuer
    "exchange_os/ledger/services/slashing.py",  # a stake, by an executed decision
    "exchange_os/ledger/services/stakes.py",  # the owner's wallet and stake
    "exchange_os/ledger/services/transfers.py",  # the owner's wallet, and what the kernel answered
    "exchange_os/ledger/services/withdrawals.py",  # the owner's wallet
    "venues/services/disputes.py",  # bonds of those who put them up
    "venues/services/events.py",  # the same
}
MAKERS = {
    "exchange_os/demo/funding_replay.py",  # kernels of their own, of no venue
    "exchange_os/demo/price_stage.py",
    "exchange_os/engine/sweeper.py",  # what the ledger's outbox of transfers holds
    "trading/services/auto_funding.py",  # on a copy, to see whether it would do
}
