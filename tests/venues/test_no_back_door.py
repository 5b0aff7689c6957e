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
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from celery import current_app
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management import call_command, get_commands, load_command_class
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
#: What every command takes.
BASE_OPTIONS = {
    "help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks",
    "database",
}  # fmt: skip
PASSWORD = "a password of an operator's choice"
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
    fresh, before = powerful(newcomer, operator=True), (worth(victim), ways_in(victim))
    browser, walked = fresh(), set()
    for model, site in admin.site._registry.items():
        options = model._meta
        assert options.app_label not in ("ledger", "engine", "transparency"), "money has no page here"
        rows = [model._default_manager.first(), model._default_manager.filter(pk=victim["user"].pk).first()]
        for page, needed in (("changelist", 0), ("add", 0), ("change", 1), ("delete", 1), ("history", 1)):
            for row in rows if needed else [None]:
                if needed and row is None:
                    continue
                path = reverse(
                    f"admin:{options.app_label}_{options.model_name}_{page}", args=[row.pk] if row else []
                )
                fields = {**body(victim), "post": "yes", "password1": PASSWORD, "password2": PASSWORD}
                for answer in (browser.get(path), browser.post(path, fields)):
                    assert answer.status_code < 500, path
        for name in site.get_actions(browser.get(reverse("admin:index")).wsgi_request):
            walked.add(name)
            chosen = [str(row.pk) for row in rows if row]
            path = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
            answer = fresh().post(path, {"action": name, "_selected_action": chosen, "post": "yes"})
            assert answer.status_code < 500, name
        browser = fresh()  # an action may have ended every session
    assert "end_sessions" in walked
    password = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    fresh().post(f"/operator/auth/user/{victim['user'].pk}/password/", password)
    assert (worth(victim), ways_in(victim)) == before


def ways_in(victim: dict[str, Any]) -> tuple[Any, ...]:
    """How the victim signs in, and what rank they have: whoever could set that could take what is theirs."""
    user = get_user_model().objects.get(pk=victim["user"].pk)
    addresses = EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary")
    factors = Authenticator.objects.filter(user=user).values_list("pk", "type")
    return user.password, user.email, user.is_staff, user.is_superuser, list(addresses), list(factors)


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
    before = worth(victim), ways_in(victim)
    ours = ("exchange_os", "venues", "trading", "governance")
    commands = {name: str(app) for name, app in get_commands().items() if str(app).split(".")[0] in ours}
    assert commands.keys() >= {"check_ledger", "export_journal", "verify_journal", "changepassword"}
    begun = 0
    for name in sorted(commands.keys() - OF_THEIR_OWN):
        for arguments in ([], spoken(commands[name], name, victim, tmp_path)):
            try:
                call_command(name, *arguments)
                begun += 1
            except (CommandError, DomainError, LookupError, SystemExit):
                continue
    assert begun >= 8, "commands get past their parsers"
    with pytest.raises(CommandError, match="Only passwords of staff"):
        call_command("changepassword", victim["user"].username)
    with pytest.raises(CommandError, match="made by its owner"):
        call_command(
            "create_api_key", user=victim["user"].username, venue=victim["venue"].slug, permissions="withdraw"
        )
    assert (worth(victim), ways_in(victim)) == before


def spoken(app: str, name: str, victim: dict[str, Any], folder: Path) -> list[str]:
    """Everything that a command can be told, with the victim's names."""
    user, venue = victim["user"], victim["venue"]
    file = folder / name
    file.write_text("{}")
    known = {
        "user": user.username, "username": user.username, "email": user.email, "seat": user.email, "by": user.username,
        "venue": venue.slug, "group": str(venue.group_id), "resume": str(venue.group_id), "symbol": "USD",
        "file": str(file),
    }  # fmt: skip
    arguments, after = [], []
    for action in load_command_class(app, name).create_parser("manage.py", name)._actions:
        if action.dest in BASE_OPTIONS:
            continue
        value = known.get(action.dest) or (str(action.choices[0]) if action.choices else str(user.pk))
        if not action.option_strings:
            after.append(value)
        else:
            arguments += action.option_strings[:1] if action.nargs == 0 else [action.option_strings[0], value]
    return arguments + after


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
