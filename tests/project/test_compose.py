"""What compose.yaml and docs/production.md say, held against what they name; Docker itself is not needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.host import environment
from tests.support.paths import ROOT

EXAMPLE = ROOT / "example_project"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCUMENT = (ROOT / "docs" / "production.md").read_text()
SETTINGS = (EXAMPLE / "example_project" / "settings.py").read_text()
HEALTH = (EXAMPLE / "deploy" / "health.py").read_text()

#: Of the Compose specification, what this file uses.
SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "environment",
    "healthcheck",
    "image",
    "logging",
    "mem_limit",
    "ports",
    "restart",
    "security_opt",
    "stop_grace_period",
    "volumes",
}
CONDITIONS = {"service_healthy", "service_completed_successfully", "service_started"}
#: `${NAME}`, or `${NAME:?what to say where it is not set}`.
VARIABLE = re.compile(r"\$\{(\w+)(?::\?([^}]+))?\}")


def of_the_site() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in SERVICES.items() if service["image"] == "zenvia-example"}


def test_keys_are_those_of_the_compose_specification() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name
        assert service["restart"] in ("always", "on-failure"), name
        assert all(isinstance(part, str) for part in service.get("command", [])), name
        assert all(isinstance(value, str) for value in service.get("environment", {}).values()), name
        assert all(isinstance(part, str) for part in service.get("healthcheck", {}).get("test", [])), name


def test_what_runs_is_what_was_tried_and_each_service_has_a_bound() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert name in of_the_site() or re.fullmatch(r"\w+:\d+\.\d+(\.\d+)?", service["image"]), name
    assert re.match(r"FROM python:\d+\.\d+\.\d+-slim-\w+\n", (EXAMPLE / "Dockerfile").read_text())


def test_redis_asks_everybody_for_its_password() -> None:
    redis = SERVICES["redis"]
    command = redis["command"]
    assert command[command.index("--requirepass") + 1] == redis["environment"]["REDISCLI_AUTH"] == "${REDIS_PASSWORD}"
    for service in of_the_site().values():
        assert service["environment"]["CELERY_BROKER_URL"].startswith("redis://:${REDIS_PASSWORD:?")
    # Nor is it, or the database, to be reached from outside.
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]


def test_services_that_wait_for_others_can_be_satisfied() -> None:
    for service in SERVICES.values():
        for name, condition in service.get("depends_on", {}).items():
            assert condition["condition"] in CONDITIONS
            if condition["condition"] == "service_healthy":
                assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
            if condition["condition"] == "service_completed_successfully":
                # `always` would start it again for ever.
                assert SERVICES[name]["restart"] == "on-failure"


def test_it_has_two_web_processes_four_worker_processes_and_one_beat() -> None:
    commands = {name: service.get("command", []) for name, service in SERVICES.items()}
    assert [name for name, command in commands.items() if command[:1] == ["gunicorn"]] == ["web1", "web2"]
    configuration = (EXAMPLE / "deploy" / "gunicorn.conf.py").read_text()
    assert re.search(r"^workers = 1$", configuration, re.MULTILINE)
    worker = commands["worker"]
    concurrency = int(worker[worker.index("--concurrency") + 1])
    assert concurrency * SERVICES["worker"]["deploy"]["replicas"] == 4
    assert [name for name, command in commands.items() if "beat" in command] == ["beat"]
    assert {"db", "redis", "nginx"} <= set(SERVICES)


def test_the_example_reads_every_variable_that_it_is_given() -> None:
    for name, service in of_the_site().items():
        for variable in service["environment"]:
            assert f'"{variable}"' in SETTINGS + HEALTH, f"{variable} of {name}"


def test_each_variable_of_the_reader_is_asked_for_and_documented() -> None:
    text = (ROOT / "compose.yaml").read_text()
    asked = {name for name, said in VARIABLE.findall(text) if said}
    assert asked == {name for name, _said in VARIABLE.findall(text)} == set(re.findall("[A-Z_]+(?==)", first_block()))
    assert asked <= set(re.findall(r"[A-Z_]+", text.partition("name:")[0]))


def first_block() -> str:
    """Return the document's example of a file .env."""
    found = re.search(r"```ini\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def test_files_that_are_named_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            # The certificate is the reader's own.
            assert source in COMPOSE["volumes"] or source == "./certs" or (ROOT / source).is_file()
        for part in [*service.get("command", []), *service.get("healthcheck", {}).get("test", [])]:
            if part.startswith("deploy/") or part.endswith(".py"):
                assert (EXAMPLE / part).is_file()
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()
    for line in (EXAMPLE / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert list(ROOT.glob(source)), line


def test_what_the_image_copies_is_not_ignored() -> None:
    ignored = (EXAMPLE / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    for line in (EXAMPLE / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            assert {source.split("/")[0] for source in line.split()[1:-1]} <= kept


@pytest.mark.parametrize(
    "command", [["check", "--deploy", "--fail-level", "INFO"], ["collectstatic", "--no-input", "--dry-run"]]
)
def test_the_example_runs_from_these_variables_alone(tmp_path: Path, command: list[str]) -> None:
    given = {
        "SITE": "crm.example.com",
        "POSTGRES_PASSWORD": "secret",
        "REDIS_PASSWORD": "secret",
        "SECRET_KEY": "a key of many letters, as it should be: 0123456789$",
        "ZENVIA_API_KEY": "k",
    }
    values = {
        name: VARIABLE.sub(lambda found: given[found[1]], value)
        for name, value in of_the_site()["web1"]["environment"].items()
    }
    values |= {"DATA_DIR": str(tmp_path)}
    kept = {name: value for name, value in environment().items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=EXAMPLE,
        env=kept | values,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "zenvia_webhooks." not in done.stderr


@pytest.mark.parametrize("path", ["compose.yaml", "example_project/deploy/nginx.conf", "docs/production.md"])
def test_links_and_file_names_hold(path: str) -> None:
    text = (ROOT / path).read_text()
    for name in re.findall(r"(?:docs|tests|example_project)/[\w./-]+\w", text):
        assert (ROOT / name).exists(), name
    assert os.linesep.join(text.splitlines()) == text.rstrip("\n")


def test_facts_in_the_document() -> None:
    # The same limit in all places: nginx's must let through what the app takes.
    from zenvia_webhooks.conf import conf

    nginx = (EXAMPLE / "deploy" / "nginx.conf").read_text()
    limit = re.search(r"client_max_body_size (\d+)k;", nginx)
    assert limit is not None
    assert int(limit[1]) * 1024 == conf.max_body_bytes
    # The recipe stands in one place: what is copied from a part of it lacks the rest.
    assert "```nginx" not in DOCUMENT
    for service in SERVICES:
        assert f"`{service}`" in DOCUMENT, service
    for setting in re.findall(r"^\| `(CELERY_\w+|CONN_MAX_AGE)`", DOCUMENT, re.MULTILINE):
        assert setting in SETTINGS, setting
