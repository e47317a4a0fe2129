"""The main job on every database over every broker, with a real web server and a real worker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.host import FILES, SQLITE, Host, post, running, wait_for
from tests.support.servers import BROKERS, DATABASES, an_empty_database, need, url_of

pytestmark = [pytest.mark.services, pytest.mark.worker, pytest.mark.timeout(200)]

BODY = b'{"topic": "lead.created", "data": {"leadId": "%d", "name": "Jo\xc3\xa3o"}}'
#: More than one claim takes.
EVENTS = 25


@pytest.fixture(params=["SQLite", *DATABASES])
def database_url(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "SQLite":
        yield SQLITE
        return
    with an_empty_database(request.param, django_db_blocker) as url:
        yield url


@pytest.fixture(params=["files", *BROKERS])
def broker_url(request: pytest.FixtureRequest) -> str:
    if request.param == "files":
        return FILES
    need(request.param)
    return url_of(request.param)


def test_every_event_reaches_the_receiver_once(database_url: str, broker_url: str, tmp_path: Path) -> None:
    site = Host(tmp_path / "site", Path(sys.executable), database_url=database_url, broker_url=broker_url)
    with running(site) as host:
        token = host.shell("print(Subscription.objects.create(topics=['lead.created'], status='active').token)")
        for number in range(EVENTS):
            assert post(host, token, BODY % number).startswith("200 ")
        assert '"duplicate"' in post(host, token, BODY % 0)
        count = "print(Event.objects.filter(status='dispatched').count(), Customer.objects.count())"
        wait_for(lambda: host.shell(count) == f"{EVENTS} {EVENTS}", host.logs)
        assert "no hint could be sent" not in host.logs()
        assert "Traceback" not in host.logs()
