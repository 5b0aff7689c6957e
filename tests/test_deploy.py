"""What deploy/ says agrees with the programs of ``make run``; the checks of a production find what is wrong."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client, override_settings

from exchange_os import deploy_checks
from exchange_os.embedded.programs import all_programs
from tools import sbom

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
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


def test_every_variable_that_is_named_is_read() -> None:
    """What deploy/ tells somebody to set is a setting of the programs, or of the images of the stores."""
    read = set(re.findall(r'(?:env\.\w+|environ\.get)\(\s*"([A-Z_]+)"', _sources())) | {"DATABASE_URL"}
    services = documents("compose.yaml")[0]["services"]
    named = {name for part in ("web", "migrate") for name in services[part]["environment"]}
    named |= {item["name"] for _, container in containers() for item in container.get("env", ())}
    named |= set(re.findall(r"(\w+)=", _line("Dockerfile", "ENV ")))
    named |= set(re.findall(r"`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`", (DEPLOY / "README.md").read_text()))
    named |= {"CSRF_TRUSTED_ORIGINS", "METRICS_TOKEN"}
    assert named - read - {"PYTHONUNBUFFERED"} == set()
    given = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    assert given - read == {"APP_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}


def test_an_image_takes_the_programs_and_nothing_that_is_secret() -> None:
    taken = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    packages = re.search(r"^PACKAGES := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert packages
    assert {*packages[1].split(), "static", "templates", "docs", "kernel", "manage.py"} <= taken
    assert all((ROOT / name).exists() for name in taken)
    assert "*" in (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(
        r"^COPY (?!--from)(?:--\S+ )?(\S+) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE
    )
    assert copied == ["requirements.txt", "kernel", "requirements.txt", "."]
    assert set(copied) - {"."} <= taken


@pytest.mark.django_db
def test_probes_are_answered_behind_tls_and_under_another_name(client: Client) -> None:
    probes = [
        (container[probe]["httpGet"]["path"], container[probe]["httpGet"]["httpHeaders"][0]["value"])
        for _, container in containers()
        for probe in ("readinessProbe", "livenessProbe")
        if probe in container
    ]
    assert probes == [("/readyz", "localhost"), ("/healthz", "localhost")]
    health = documents("compose.yaml")[0]["services"]["web"]["healthcheck"]["test"][-1]
    assert "http://localhost:8000/healthz" in health
    with override_settings(ALLOWED_HOSTS=["exchange.example", "localhost"], SECURE_SSL_REDIRECT=True):
        answers = {path: client.get(path, headers={"host": host}) for path, host in probes}
        assert answers["/healthz"].status_code == 200
        assert "parts" in answers["/readyz"].json()
        assert client.get("/", headers={"host": "localhost"}).status_code == 301


def _sources() -> str:
    files = [ROOT / "exchange_os" / name for name in ("settings.py", "server.py")]
    return "".join(file.read_text() for file in files)


def _line(name: str, start: str) -> str:
    lines = (DEPLOY / name).read_text().splitlines()
    return next(line for line in lines if line.startswith(start))


def test_every_resource_is_listed() -> None:
    (listed,) = documents("kubernetes/kustomization.yaml")
    files = {file.name for file in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed["resources"]) == files


def found() -> set[str]:
    """Ids of what the checks of a production find."""
    checks = (
        deploy_checks.stores_are_durable, deploy_checks.role_owns_nothing, deploy_checks.broker_keeps_everything,
        deploy_checks.secrets_are_own, deploy_checks.letters_are_sent, deploy_checks.probes_are_answered,
        deploy_checks.visitors_are_told_apart,
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
        with override_settings(ALLOWED_HOSTS=["exchange.example"]):
            assert "exchange_os.W020" in found()
        for given, warned in (("", True), ("*", True), ("10.0.0.0/8", False)):
            with override_settings(HTTPS=True, FORWARDED_ALLOW_IPS=given):
                assert ("exchange_os.W021" in found()) == warned
        with override_settings(REDIS_BROKER_URL="redis://127.0.0.1:1/0"):
            assert "exchange_os.E014" in found()
        with override_settings(REDIS_URL="redis://127.0.0.1:6379"):
            assert "exchange_os.E017" in found()


def test_the_bill_of_materials_names_all_that_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    text = sbom.written(sbom.bill())
    assert text == sbom.written(sbom.bill()), "the same files make the same bill"
    told = json.loads(text)
    listed = {each["purl"]: each for each in told["components"]}
    for name, version in re.findall(
        r"^([\w.-]+)(?:\[[\w,-]+\])?==([^ ;\\]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    ):
        assert listed[f"pkg:pypi/{name}@{version}".lower()]["hashes"], name
    crates = re.findall(
        r'^name = "(.+)"\nversion = "(.+)"\nsource', (ROOT / "kernel" / "Cargo.lock").read_text(), re.M
    )
    scopes = {name: listed[f"pkg:cargo/{name}@{version}"]["scope"] for name, version in crates}
    assert (scopes["blake3"], scopes["pyo3"], scopes["proptest"]) == ("required", "required", "excluded")
    assert [purl for purl in listed if purl.startswith("pkg:npm/lightweight-charts@")]
    needs = {each["ref"]: each.get("dependsOn", []) for each in told["dependencies"]}
    (django,) = (ref for ref in needs if ref.startswith("pkg:pypi/django@"))
    assert any(ref.startswith("pkg:pypi/asgiref@") for ref in needs[django])
    assert set(needs) == {*listed, "exchange-os"}


def test_what_is_run_is_what_was_pinned() -> None:
    """Every package has a version and hashes, and no page takes a script or style from elsewhere."""
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        wanted = re.findall(r"^[A-Za-z0-9][\w.\[\]-]*.*$", text, re.MULTILINE)
        assert wanted
        assert [line for line in wanted if "==" not in line] == []
        assert len(re.findall(r"^ +--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) >= len(wanted)
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert "pip install --no-cache-dir --require-hashes --requirement maturin.txt" in dockerfile
    assert dockerfile.count("pip install") == dockerfile.count("--require-hashes") + dockerfile.count(
        "--no-deps"
    )
    foreign = re.compile(r"<(?:script|link)[^>]*(?:src|href)=[\"'](?:https?:)?//")
    pages = (ROOT / "templates").rglob("*.html")
    assert [str(page) for page in pages if foreign.search(page.read_text())] == []
