"""What deploy/ says agrees with the programs of ``make run``; the checks of a production find what is wrong."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import override_settings

from exchange_os import deploy_checks
from exchange_os.embedded.programs import all_programs

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
OWN_KEYS = ["k" * 40]


def documents(name: str) -> list[dict[str, Any]]:
    """The YAML documents of a file."""
    return [item for item in yaml.safe_load_all((DEPLOY / name).read_text()) if item]


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container of the manifests with the kind of what holds it."""
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for item in documents(f"kubernetes/{file.name}"):
            spec = item.get("spec", {}).get("template", {}).get("spec")
            for container in spec["containers"] if spec else ():
                yield item["kind"], container


def plain(argv: list[str]) -> list[str]:
    """A command without its names and paths, which differ from place to place."""
    words = shlex.split(" ".join(shlex.quote(word) for word in argv))
    drop = {"--hostname", "--schedule"}
    return [
        word
        for at, word in enumerate(words)
        if word not in drop
        and (at == 0 or words[at - 1] not in drop)
        and "python" not in word
        and word != "-m"
    ]


def test_the_commands_are_those_of_make_run() -> None:
    known = [
        plain(list(program.argv)) for program in all_programs(Path("/x"), engine_workers=1, web_processes=1)
    ]
    services = documents("compose.yaml")[0]["services"]
    for name in ("web", "engine", "default", "beat"):
        assert plain(services[name]["command"]) in known, name
    commands = {container["name"]: container["command"] for _, container in containers()}
    assert set(commands) == {"web", "engine", "default", "beat", "migrate"}
    for name in ("web", "engine", "default", "beat"):
        assert plain(commands[name]) in known, name


def test_nothing_runs_as_root_and_only_migrations_know_the_owner() -> None:
    for kind, container in containers():
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        owns = any(item["name"] == "DATABASE_APP_ROLE" for item in container.get("env", ()))
        assert owns == (kind == "Job")
    services = documents("compose.yaml")[0]["services"]
    for name in ("web", "engine", "default", "beat"):
        assert "exchange_app:" in services[name]["environment"]["DATABASE_URL"]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_every_resource_is_listed() -> None:
    (listed,) = documents("kubernetes/kustomization.yaml")
    files = {file.name for file in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed["resources"]) == files


def found() -> set[str]:
    """Ids of what the checks of a production find."""
    checks = (
        deploy_checks.stores_are_durable, deploy_checks.role_owns_nothing, deploy_checks.broker_keeps_everything,
        deploy_checks.secrets_are_own, deploy_checks.letters_are_sent,
    )  # fmt: skip
    return {message.id for check in checks for message in check(None)}


@pytest.mark.django_db
def test_the_checks_name_what_is_wrong() -> None:
    sound = {"API_SECRET_KEYS": OWN_KEYS, "ACCOUNT_EMAIL_VERIFICATION": "mandatory", "EMAIL_BACKEND": "smtp"}
    with override_settings(**sound):
        assert found() == {"exchange_os.E013"}, "the tests' role owns the schema"
        with override_settings(API_SECRET_KEYS=[]):
            assert "exchange_os.E018" in found()
        with override_settings(EMAIL_BACKEND="django.core.mail.backends.console.EmailBackend"):
            assert "exchange_os.W019" in found()
        with override_settings(REDIS_BROKER_URL="redis://127.0.0.1:1/0"):
            assert "exchange_os.E014" in found()
        with override_settings(REDIS_URL="redis://127.0.0.1:6379"):
            assert "exchange_os.E017" in found()
