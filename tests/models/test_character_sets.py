"""What a database's character set lacks is written in ASCII."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.paths import ROOT
from tests.support.servers import need, url_of
from tests.support.webhooks import arrived
from zenvia_webhooks.models import Delivery, fields
from zenvia_webhooks.models.character_sets import writable
from zenvia_webhooks.replay.selection import Selection

#: Stores a lead with an emoji, a word in Chinese and one in Portuguese, fails for it with the same, and tells.
SCRIPT = """
import json
import django
django.setup()
from django.core.management import call_command
from zenvia_webhooks import checks, signals
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.webhook.intake import store
call_command("migrate", verbosity=0)

def fails(sender, event, **kwargs):
    raise RuntimeError(event.payload["data"]["name"])

def works(sender, event, **kwargs):
    pass

fails.__module__ = works.__module__ = "receivers"
signals.lead_created.connect(fails)
signals.lead_created.connect(works)
row = Subscription.objects.create(topics=["lead.created"], last_error="\U0001f600 n\u00e3o")
name = "Jo\u00e3o \u4e2d \U0001f600"
body = json.dumps({"topic": "lead.created", "data": {"leadId": "1", "name": name}}, ensure_ascii=False).encode()
answers = [store(row, body, headers={"user-agent": name}, remote_addr="").status for _ in range(2)]
dispatch_due()
event = Event.objects.get()
row.refresh_from_db()
print(json.dumps({
    "answers": answers,
    "body": bytes(event.body) == body,
    "name": event.lead.name,
    "header": event.headers["user-agent"],
    "error": event.deliveries.get(receiver="receivers.fails").error,
    "statuses": sorted(event.deliveries.values_list("status", flat=True)),
    "last_error": row.last_error,
    "found": [message.id for message in checks.check_character_set(databases=["default"])],
}))
"""
NAME = "Jo\u00e3o \u4e2d \U0001f600"


def outcome(url: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stderr
    said: dict[str, Any] = json.loads(run.stdout)
    return said


def in_postgresql(encoding: str) -> dict[str, Any]:
    need("PostgreSQL")
    import psycopg

    name = f"zenvia_{encoding.lower()}"
    with psycopg.connect(url_of("PostgreSQL"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        server.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0".encode()
        )
        try:
            return outcome(urlunsplit(urlsplit(url_of("PostgreSQL"))._replace(path=f"/{name}")))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.services
def test_latin1_of_postgresql() -> None:
    said = in_postgresql("LATIN1")
    escaped = "Jo\u00e3o \\u4e2d \\U0001f600"
    assert (said["answers"], said["body"]) == (["accepted", "duplicate"], True)
    assert (said["name"], said["header"], said["error"]) == (escaped, escaped, f"RuntimeError: {escaped}")
    assert (said["statuses"], said["last_error"]) == (["retrying", "succeeded"], "\\U0001f600 n\u00e3o")
    assert said["found"] == ["zenvia_webhooks.W012"]


@pytest.mark.services
def test_sql_ascii_of_postgresql_loses_nothing() -> None:
    said = in_postgresql("SQL_ASCII")
    assert (said["answers"], said["body"], said["name"], said["header"]) == (
        ["accepted", "duplicate"],
        True,
        NAME,
        NAME,
    )
    assert (said["error"], said["found"]) == (f"RuntimeError: {NAME}", [])


@pytest.mark.services
def test_utf8mb3_of_mariadb() -> None:
    need("MariaDB")
    import MySQLdb

    url = urlsplit(url_of("MariaDB"))
    server = MySQLdb.connect(host=url.hostname, port=url.port or 3306, user=url.username, password=url.password or "")
    cursor = server.cursor()
    cursor.execute("DROP DATABASE IF EXISTS zenvia_utf8mb3")
    cursor.execute("CREATE DATABASE zenvia_utf8mb3 CHARACTER SET utf8mb3")
    try:
        said = outcome(urlunsplit(url._replace(path="/zenvia_utf8mb3")))
    finally:
        cursor.execute("DROP DATABASE zenvia_utf8mb3")
        server.close()
    assert (said["answers"], said["body"], said["name"], said["header"]) == (
        ["accepted", "duplicate"],
        True,
        NAME,
        NAME,
    )
    assert said["error"] == "RuntimeError: Jo\u00e3o \u4e2d \\U0001f600"
    assert (said["statuses"], said["last_error"]) == (["retrying", "succeeded"], "\\U0001f600 n\u00e3o")
    assert said["found"] == ["zenvia_webhooks.W012"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("utf8", NAME),
        ("sql_ascii", NAME),
        ("utf8mb3", "Jo\u00e3o \u4e2d \\U0001f600"),
        ("latin1", "Jo\u00e3o \\u4e2d \\U0001f600"),
        ("win1252", "Jo\u00e3o \\u4e2d \\U0001f600"),
        ("latin9", "Jo\u00e3o \\u4e2d \\U0001f600"),
        ("koi8r", "Jo\\xe3o \\u4e2d \\U0001f600"),
        ("of another world", "Jo\\xe3o \\u4e2d \\U0001f600"),
    ],
)
def test_what_a_character_set_lacks_is_written_in_ascii(name: str, written: str) -> None:
    assert writable(NAME, name) == written


@pytest.mark.django_db
def test_who_fails_is_found_by_a_name_that_the_character_set_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "character_set", lambda *of: "latin1")
    event = arrived()
    Delivery.objects.create(event=event, receiver="😀", status="failed")
    asked = Selection(receiver="😀")
    assert asked.newest_failing("default") == [event.pk]
    assert list(asked.events()) == [event]


@pytest.mark.django_db
def test_what_grows_is_cut_to_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "character_set", lambda *of: "latin1")
    event = arrived()
    Delivery.objects.create(event=event, receiver="r" * 250 + "\U0001f600", error="\U0001f600")
    row = Delivery.objects.get(receiver="r" * 250 + "\U0001f600")
    assert (row.receiver, row.error) == ("r" * 250 + "\\U000", "\\U0001f600")
