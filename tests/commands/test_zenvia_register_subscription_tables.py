"""`zenvia_register_subscription` needs neither Django's table of migrations nor the right to write it."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.account import KEY
from tests.support.paths import ROOT
from tests.support.servers import need, url_of
from zenvia_webhooks.sandbox import Sandbox

#: Registers each topic in turn, and then all that are left.
SCRIPT = """
import os
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"].update(API_KEY=os.environ["KEY"], API_URL=os.environ["API_URL"])
call_command("zenvia_register_subscription", "--topic", "lead.created", "--no-probe")
call_command("zenvia_register_subscription", "--no-probe")
"""


def python(*arguments: str, **variables: str) -> str:
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_in_a_hosts_test_under_nomigrations() -> None:
    test = "tests/commands/test_zenvia_register_subscription.py::test_it_registers_every_known_topic_by_default"
    assert "1 passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", "--nomigrations", test, DATABASE_URL="")


@pytest.mark.services
def test_as_a_role_that_may_not_write_the_table_of_migrations() -> None:
    need("PostgreSQL")
    import psycopg

    of_server = urlsplit(url_of("PostgreSQL"))
    name = f"zenvia_role_{os.getpid()}"
    owner = of_server._replace(path=f"/{name}")
    role = owner._replace(netloc=f"{name}:secret@{of_server.hostname}:{of_server.port}")
    with psycopg.connect(url_of("PostgreSQL"), autocommit=True) as server, Sandbox(api_key=KEY) as sandbox:
        server.execute(f"CREATE DATABASE {name}".encode())
        server.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'".encode())
        try:
            python("-m", "django", "migrate", "-v0", DATABASE_URL=urlunsplit(owner))
            with psycopg.connect(urlunsplit(owner), autocommit=True) as own:
                own.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}".encode())
                own.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}".encode())
                own.execute(f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {name}".encode())
            said = python("-c", SCRIPT, DATABASE_URL=urlunsplit(role), KEY=KEY, API_URL=sandbox.api_url)
            topics = [row.topics for row in sandbox.subscriptions]
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            server.execute(f"DROP ROLE {name}".encode())
    assert "registered already as subscription1" in said
    assert topics == [("lead.created",), ("quote.updated",), ("interaction.resolved",)]
