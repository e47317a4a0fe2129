"""django-tenants, on a real PostgreSQL: among the shared apps it works, among the tenants' it is refused."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import servers
from tests.support.host import environment
from tests.support.paths import ROOT

pytestmark = pytest.mark.services


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a database of its own."""
    servers.need("PostgreSQL")
    url, name = servers.url_of("PostgreSQL"), f"zenvia_tenants_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def run(database: str, among: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    known = {
        "DJANGO_SETTINGS_MODULE": "tests.sites.tenants_settings",
        "PYTHONPATH": str(ROOT),
        "SITE_AMONG": among,
        "SITE_DATABASE": database,
    }
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**environment(), **known},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_among_the_shared_apps_a_lead_reaches_its_tenant(database: str) -> None:
    done = run(database, "SHARED_APPS", "tests.sites.tenants_site")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["answer 200 event dispatched", "acme ['João']", "other []"]


@pytest.mark.parametrize(
    ("among", "command"), [("TENANT_APPS", "migrate_schemas"), ("SHARED_APPS TENANT_APPS", "check")]
)
def test_among_the_tenants_apps_it_is_refused_before_anything_is_made(database: str, among: str, command: str) -> None:
    done = run(database, among, "django", command)
    assert done.returncode == 1
    assert "zenvia_webhooks.E007) TENANT_APPS holds zenvia_webhooks" in done.stderr
