"""The quickstart's blocks, pasted into a project that exists: they add to it, and take nothing away."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.project.test_readme import READMES, read
from tests.support.host import environment

#: What a project has of its own, above what is pasted.
OWN_SETTINGS = """
INSTALLED_APPS += ["django.contrib.sites", "contacts"]
SITE_ID = 1
CELERY_BROKER_URL = "memory://"
CELERY_BEAT_SCHEDULE = {"own": {"task": "contacts.own", "schedule": 60}}
"""
OWN_URLS = """
from django.http import HttpResponse
urlpatterns += [path("<path:any>", lambda request, any: HttpResponse("a page of ours"))]
"""
#: The webhook is reached; the lead is a contact; what the project had is still there.
USE = """
from django.conf import settings
from django.test import Client
from contacts.models import Contact
from zenvia_webhooks.models import Subscription
from django.core.management import call_command

row = Subscription.objects.create(topics=["lead.created"])
path = row.callback_url.removeprefix("http://127.0.0.1:8000")
lead = {"topic": "lead.created", "eventTime": "2024-12-09T15:30:00Z", "data": {"leadId": "1", "name": "Ana"}}
settings.ALLOWED_HOSTS = ["*"]
answer = Client().post(path, lead, content_type="application/json")
call_command("zenvia_dispatch_events", verbosity=0)
print(answer.status_code, [str(contact) for contact in Contact.objects.all()])
print(Client().get("/anything/").content.decode())
print(sorted(settings.CELERY_BEAT_SCHEDULE)[0], settings.CELERY_BROKER_URL, settings.SITE_ID)
"""


def pasted(name: str) -> dict[str, str]:
    """Return file → block of the quickstart, as far as the blocks go into files."""
    quickstart = re.split(r"^## ", read(name), flags=re.MULTILINE)[2].split("### 6.")[0]
    pieces = re.split(r"^```(\w*)\n(.*?)^```$", quickstart, flags=re.MULTILINE | re.DOTALL)
    found = {}
    for before, language, block in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=False):
        if language == "python":
            found[re.findall(r"`(\w+/\w+\.py)`", before)[-1]] = block
    return found


def paste(block: str, **there: Any) -> dict[str, Any]:
    """Return what a module holds after a block was pasted at its end."""
    exec(block, there)
    return there


def databases(engine: str, **options: Any) -> dict[str, Any]:
    return {"default": {"ENGINE": f"django.db.backends.{engine}", **({"OPTIONS": options} if options else {})}}


@pytest.mark.parametrize("name", READMES)
def test_every_file_of_the_quickstart_is_seen(name: str) -> None:
    files = ["apps", "admin", "models", "receivers"]
    expected = {f"contacts/{file}.py" for file in files} | {
        f"mysite/{file}.py" for file in ("__init__", "celery", "settings", "urls")
    }
    assert set(pasted(name)) == expected


@pytest.mark.parametrize("name", READMES)
@pytest.mark.parametrize("apps", [["own", "contacts"], ("own",)])
def test_settings_are_added_to(name: str, apps: Any) -> None:
    schedule = {"own": {"task": "own.task", "schedule": 60}}
    block = pasted(name)["mysite/settings.py"]
    there = paste(
        block,
        INSTALLED_APPS=apps,
        DATABASES=databases("sqlite3", timeout=5),
        CELERY_BEAT_SCHEDULE=schedule,
        CELERY_BROKER_URL="amqp://own",
        LOGGING={"version": 1},
    )
    for _ in range(2):  # the second time changes nothing
        assert sorted(there["INSTALLED_APPS"]) == ["contacts", "own", "zenvia_webhooks"]
        assert there["CELERY_BEAT_SCHEDULE"].items() > schedule.items()
        assert there["CELERY_BROKER_URL"] == "amqp://own"
        assert there["LOGGING"] == {"version": 1}
        assert there["DATABASES"]["default"]["OPTIONS"] == {"transaction_mode": "IMMEDIATE", "timeout": 5}
        there = paste(block, **there)


@pytest.mark.parametrize("name", READMES)
@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_options_of_sqlite_are_for_sqlite(name: str, engine: str) -> None:
    there = paste(pasted(name)["mysite/settings.py"], INSTALLED_APPS=[], DATABASES=databases(engine))
    assert there["DATABASES"] == databases(engine)
    assert there["CELERY_BROKER_URL"].startswith("redis://")


def test_quickstart_runs_in_a_project_that_exists(tmp_path: Path) -> None:
    def manage(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    manage("-m", "django", "startproject", "mysite", ".")
    manage("manage.py", "startapp", "contacts")
    own = {"mysite/settings.py": OWN_SETTINGS, "mysite/urls.py": OWN_URLS}
    for file, block in pasted("README.md").items():
        path = tmp_path / file
        path.write_text((path.read_text() if path.exists() else "") + own.get(file, "") + "\n" + block)
    manage("manage.py", "makemigrations", "contacts")
    manage("manage.py", "migrate")
    assert "no issues" in manage("manage.py", "check", "--fail-level", "WARNING")
    assert manage("manage.py", "shell", "-c", USE).splitlines()[-3:] == [
        "200 ['Ana']",
        "a page of ours",
        "own memory:// 1",
    ]
