from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command, execute_from_command_line
from django.utils.timezone import now
from pytest_django.live_server_helper import LiveServer

from tests.project.test_readme import blocks, read, table_with
from tests.support.account import KEY
from tests.support.installation import Installation
from zenvia_webhooks.diagnosis import Area, Finding, Severity, workers
from zenvia_webhooks.management.commands.zenvia_doctor import Command
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(settings: Any, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.2)
    with Sandbox(api_key=KEY) as sandbox:
        yield Installation(settings, sandbox, live_server.url)


def doctor(*arguments: str) -> tuple[int | str | None, str]:
    """Return exit code and output."""
    output, code = io.StringIO(), None
    try:
        call_command("zenvia_doctor", *arguments, stdout=output)
    except SystemExit as ended:
        code = ended.code
    return code or 0, output.getvalue()


def test_good_installation_is_a_line_for_each_look_and_exit_code_0(site: Installation) -> None:
    code, output = doctor()
    *lines, last = output.splitlines()
    assert (code, last) == (0, "Nothing is wrong.")
    assert [line.split()[0] for line in lines] == ["ok"] * len(lines)
    assert list(dict.fromkeys(line.split()[1] for line in lines)) == list(Area)
    # In columns.
    assert len({line.index(line.split(maxsplit=2)[2]) for line in lines}) == 1


def test_fix_stands_under_the_problem_and_exit_code_is_1(site: Installation) -> None:
    site.configure_account(API_KEY="wrong")
    code, output = doctor()
    lines = output.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("broken ")]
    assert lines[at].split()[:5] == ["broken", "key", "The", "key", "of"]
    assert lines[at + 1].startswith(" " * 9 + "Create a new key at Zenvia")
    assert (code, lines[-1]) == (1, "Problems: 1.")
    assert [line for line in lines if line.startswith(" ")] == [lines[at + 1]]


def test_warning_alone_is_exit_code_0(site: Installation) -> None:
    Subscription.objects.update(last_event_at=now() - timedelta(hours=25))
    code, output = doctor()
    assert (code, "\nwarning  subscriptions " in output) == (0, True)
    assert output.endswith("\nProblems: 1.\n")


@pytest.mark.parametrize(("key", "code", "severity"), [(KEY, 0, "ok"), ("wrong", 1, "broken")])
def test_json_has_every_finding(site: Installation, key: str, code: int, severity: str) -> None:
    site.configure_account(API_KEY=key)
    ended, output = doctor("--json")
    said = json.loads(output)
    assert (ended, said["is_broken"]) == (code, bool(code))
    assert {frozenset(finding) for finding in said["findings"]} == {frozenset(field.name for field in fields(Finding))}
    [of_the_key] = [finding for finding in said["findings"] if finding["area"] == "key"]
    assert of_the_key["severity"] == severity
    # What the help promises.
    help_text = Command().create_parser("manage.py", "zenvia_doctor").format_help()
    assert all(f'"{name}"' in help_text for name in (*said, *of_the_key))


def test_settings_that_stop_other_commands_are_diagnosed(
    site: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    site.configure(TYPO=1)
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", "zenvia_doctor", "--no-color"])
    output = capsys.readouterr()
    assert (ended.value.code, output.err) == (1, "")
    assert "broken   settings       ZENVIA_WEBHOOKS has no key 'TYPO'." in output.out
    assert output.out.endswith("\nProblems: 1.\n")


def test_severity_is_coloured_as_django_does(site: Installation) -> None:
    site.configure_account(API_KEY="wrong")
    _code, output = doctor("--force-color")
    command = Command(force_color=True)
    assert f"{command.style.SUCCESS('ok     ')}  settings" in output
    assert f"{command.style.ERROR('broken ')}  key" in output


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md", "README.es.md"])
def test_sample_in_the_documents_has_the_form_of_the_output(name: str, site: Installation) -> None:
    [sample] = [block for block in blocks(read(name), "text") if "Problems:" in block]
    of_sample = [line.split()[:2] for line in sample.splitlines() if not line.startswith((" ", "Problems: "))]
    of_site = [line.split()[:2] for line in doctor()[1].splitlines()[:-1]]
    assert [area for _severity, area in of_sample] == [area for _severity, area in of_site]
    told = [cell for row in table_with(read(name), "`settings`") for cell in row[0].split(", ")]
    assert told == [f"`{area}`" for area in Area]


@pytest.mark.once
def test_database_that_is_silent_is_named_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://crm:database-secret@127.0.0.1:{silent.getsockname()[1]}/crm"
        done = subprocess.run(
            [sys.executable, "-m", "django", "zenvia_doctor", "--json"],
            env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1, done.stderr
    assert "database-secret" not in done.stdout + done.stderr
    [finding] = [finding for finding in json.loads(done.stdout)["findings"] if finding["area"] == "database"]
    assert finding["id"] == "no-database"


def test_json_is_good_whatever_the_encoding_of_the_output(site: Installation) -> None:
    site.configure(ACCOUNTS={"São Paulo": {"API_KEY": "wrong", "API_URL": site.sandbox.api_url}})
    output = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    with pytest.raises(SystemExit):
        call_command("zenvia_doctor", "--json", stdout=output)
    output.flush()
    findings = json.loads(output.buffer.getvalue())["findings"]
    assert "São Paulo" in "".join(finding["text"] for finding in findings)


def test_texts_of_strangers_do_nothing_to_the_terminal() -> None:
    output = io.StringIO()
    odd = "of \x1b[2Janother\r\nok  site\u202e"
    Command(stdout=output).show(Finding(id="x", area=Area.ZENVIA, severity=Severity.WARNING, text=odd, fix=odd))
    assert len(output.getvalue().splitlines()) == 2
    assert output.getvalue().count(r"of \x1b[2Janother\r\nok  site\u202e") == 2
