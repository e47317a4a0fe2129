"""The example project as a reader finds it: as processes of its own, with its own settings."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.host import wait_for
from tests.support.paths import EXAMPLE, PAYLOADS

#: Of the suite's own environment; the example has its own settings.
NOT_ITS_OWN = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "CELERY_BROKER_URL"}

RECEIVE = """
import datetime
from django.utils import timezone
from crm.models import Contact
from crm.receivers import save_contact, save_quote_status, save_resolved_at
from zenvia_webhooks.models import Event


def event(topic, **data):
    now = timezone.now()
    payload = {"topic": topic, "eventTime": "2024-12-09T15:30:00Z", "data": data}
    return Event(contract="help_center", topic=topic, payload=payload, occurred_at=now, received_at=now)


# In the order in which nobody should send them: nothing promises one.
save_quote_status(Event, event("quote.updated", leadId="1", status="accepted"))
save_resolved_at(Event, event("interaction.resolved", leadId="1"))
save_contact(Event, event("lead.created", leadId="1", name="<b>Jo\\u00e3o</b>", email="j@example.com"))
save_contact(Event, event("lead.created", leadId="1", name="x" * 999))
contact = Contact.objects.get()
# Each says all that is known of the person then.
assert (contact.email, contact.quote_status, contact.name) == ("", "accepted", "x" * 255)
assert contact.last_resolved_at is not None

save_contact(Event, event("lead.created", name="<b>No id</b>"))
save_contact(Event, event("lead.created", name="No id either"))
assert Contact.objects.filter(lead_id=None).count() == 2
assert save_quote_status(Event, event("quote.updated")) is None

from zenvia_webhooks.signals import person_erased
save_contact(Event, event("lead.created", leadId="2", name="Ana", email="ana@example.com"))
save_contact(Event, event("lead.created", name="Ana", email="ana@example.com"))
person_erased.send(Event, lead_ids={"2"}, phones=set(), emails={"ana@example.com"}, results=set(), count=1)
assert Contact.objects.count() == 3
assert not Contact.objects.filter(name="Ana").exists()

from django.contrib.auth.models import Permission, User
from django.test import Client
client = Client(HTTP_HOST="localhost")
assert client.get("/").headers["Location"] == "/admin/login/?next=/"
user = User.objects.create_user("ana")
client.force_login(user)
assert client.get("/").status_code == 403
user.user_permissions.add(Permission.objects.get(codename="view_contact"))
page = client.get("/")
assert page.status_code == 200
assert page.headers["X-Frame-Options"] == "DENY"
assert "&lt;b&gt;No id&lt;/b&gt;" in page.content.decode()
"""

SIX_ORDERS = """
import itertools, json, sys
from crm.models import Contact
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.webhook.intake import store

created = json.load(open(sys.argv[-1]))
changed = {**created, "type": "updated", "updatedAt": "2026-03-11T09:00:00.000Z"}
changed["prospect"] = {**created["prospect"], "firstName": "Ana", "emails": ["ana@example.com"], "status": "followUp"}
archived = {**changed, "updatedAt": "2026-03-12T18:00:05.077Z"}
archived["prospect"] = {**changed["prospect"], "firstName": "Ana Paz", "emails": [], "status": "archived"}
subscription = Subscription.objects.create(topics=["lead.created"])
ends, orders = set(), 0
for order in itertools.permutations([created, changed, archived]):
    for together in (True, False):
        Event.objects.all().delete()
        Contact.objects.all().delete()
        for envelope in order:
            store(subscription, json.dumps(envelope).encode(), headers={}, remote_addr="")
            while not together and dispatch_due():
                pass
        while dispatch_due():
            pass
        assert Event.objects.filter(status="dispatched").count() == 3
        ends.add(Contact.objects.values_list("name", "email", "status", "last_resolved_at").get())
        orders += 1
assert orders == 12
((name, email, status, resolved_at),) = ends
assert (name, email, status) == ("Ana Paz", "", "archived")
assert resolved_at.isoformat() == "2026-03-12T18:00:05.077000+00:00"
"""

WITH_BROKEN_WORKER = """
import sys
import demo
from demo_services import Services

start = Services.start


def start_but_not_the_worker(services, name, *arguments):
    instead = ("-c", "print('why it ended'); raise SystemExit(3)")
    start(services, name, *(instead if name == "worker" else arguments))


Services.start = start_but_not_the_worker
sys.exit(demo.main())
"""

SETTINGS = """
from django.conf import settings
from example_project.celery import app
print(settings.DATABASES["default"]["ENGINE"], type(app.connection_for_write().transport).__module__)
"""


def run(*arguments: str, data_dir: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the example project's folder, with a data folder of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=EXAMPLE,
        env=own_environment(data_dir) | environment,
        capture_output=True,
        text=True,
        timeout=100,
    )


def own_environment(data_dir: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
    return kept | {"DATA_DIR": str(data_dir), "DEBUG": "1"}


def test_check_finds_nothing_once_it_is_configured(tmp_path: Path) -> None:
    configured = {"ZENVIA_API_KEY": "key", "CALLBACK_BASE_URL": "http://127.0.0.1:8000"}
    done = run("manage.py", "check", "--fail-level", "WARNING", data_dir=tmp_path, **configured)
    assert done.returncode == 0, done.stderr


def test_the_contract_is_chosen_in_the_environment(tmp_path: Path) -> None:
    code = "from zenvia_webhooks.conf import conf; print(conf.account('default').contract)"
    shell = ("manage.py", "shell", "-c", code)
    for chosen, contract in (({"ZENVIA_CONTRACT": "conversion"}, "conversion"), ({}, "help_center")):
        done = run(*shell, data_dir=tmp_path, ZENVIA_API_KEY="key", **chosen)
        assert done.stdout.strip().endswith(contract), done.stderr


def test_migrations_are_complete_and_receivers_bear_any_order(tmp_path: Path) -> None:
    migrations = run("manage.py", "makemigrations", "--check", "--dry-run", data_dir=tmp_path)
    assert migrations.returncode == 0, migrations.stdout
    assert run("manage.py", "migrate", data_dir=tmp_path).returncode == 0
    received = run("manage.py", "shell", "-c", RECEIVE, data_dir=tmp_path)
    assert received.returncode == 0, received.stderr


def test_a_contact_ends_the_same_in_whatever_order_its_changes_arrive(tmp_path: Path) -> None:
    assert run("manage.py", "migrate", data_dir=tmp_path).returncode == 0
    setup = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'example_project.settings'; django.setup()"
    sample = str(PAYLOADS / "assumed-prospect-created.json")
    done = run("-c", f"{setup}\n{SIX_ORDERS}", sample, data_dir=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "django.db.backends.sqlite3 example_project.file_broker"),
        (
            {"DATABASE_URL": "mysql://user@db/crm", "CELERY_BROKER_URL": "memory://"},
            "django.db.backends.mysql kombu.transport.memory",
        ),
    ],
)
def test_urls_move_it_elsewhere(tmp_path: Path, environment: dict[str, str], expected: str) -> None:
    environment = {**environment, "DJANGO_SETTINGS_MODULE": "example_project.settings"}
    done = run("-c", SETTINGS, data_dir=tmp_path, **environment)
    assert done.stdout.strip() == expected, done.stderr


@pytest.mark.parametrize("debug", ["", "0", "true"])
def test_without_debug_a_secret_key_is_asked_for(tmp_path: Path, debug: str) -> None:
    assert "SECRET_KEY" in run("manage.py", "check", data_dir=tmp_path, DEBUG=debug).stderr


def test_debug_is_off_unless_asked_for(tmp_path: Path) -> None:
    environment = own_environment(tmp_path) | {"DJANGO_SETTINGS_MODULE": "example_project.settings", "SECRET_KEY": "k"}
    del environment["DEBUG"]
    code = "from django.conf import settings; print(settings.DEBUG)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLE, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.once
@pytest.mark.worker
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc")
def test_demo_shows_each_step_also_where_its_ports_are_taken_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said = tmp_path / "said.txt"
    with taken(8000), taken(8090), said.open("w") as out:
        demo = subprocess.Popen(
            [sys.executable, "-u", "demo.py", "--data-dir", str(tmp_path / "demo")],
            cwd=EXAMPLE,
            env=own_environment(tmp_path),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(lambda: "contact created" in said.read_text(), said.read_text)
            assert len(left_behind(tmp_path)) > 1
            demo.send_signal(signal.SIGTERM)
            assert demo.wait(timeout=30) == 0
        finally:
            demo.kill()
    text = said.read_text()
    steps = ["registered", "received", "stored", "signal fired", "contact created"]
    assert re.findall(r"^ +\d+\.\d{3} s  (.+?)  ", text, re.MULTILINE) == steps
    assert "Port 8000 is in use" in text
    assert "Port 8090 is in use" in text
    assert text.endswith("Stopped.\n")
    assert left_behind(tmp_path) == []


@pytest.mark.once
@pytest.mark.worker
def test_demo_says_which_process_ended_and_shows_its_log(tmp_path: Path) -> None:
    done = run("-c", WITH_BROKEN_WORKER, "--once", "--data-dir", str(tmp_path / "demo"), data_dir=tmp_path)
    assert done.returncode == 1
    assert "worker ended by itself with exit code 3" in done.stderr
    assert "  | why it ended" in done.stderr
    assert left_behind(tmp_path) == []


def test_demo_wipes_no_folder_but_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").touch()
    done = run("demo.py", "--once", "--data-dir", str(tmp_path), data_dir=tmp_path / "data")
    assert done.returncode == 1
    assert "holds something else" in done.stderr
    assert (tmp_path / "precious.txt").exists()


@contextmanager
def taken(port: int) -> Iterator[None]:
    """Have a port in use: by us, unless it is by somebody else already."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
            holder.listen()
        except OSError:
            pass
        yield


def left_behind(data_dir: Path) -> list[str]:
    """Return the processes whose environment names the data folder: those that a demo has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(data_dir).encode() in (process / "environ").read_bytes() and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
