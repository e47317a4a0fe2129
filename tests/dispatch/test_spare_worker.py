"""The connection that a worker opens ahead, counted in a worker of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.host import Host, wait_for
from tests.support.servers import DATABASES, an_empty_database

ARRIVE = """
from django.utils.timezone import now
from zenvia_webhooks import wakeup
Event.objects.create(
    account="default", contract="help_center", topic="visit.booked", payload={"topic": "visit.booked", "data": {}},
    body=b"", fingerprint=str(Event.objects.count()).encode(), received_at=now(), next_attempt_at=now())
wakeup.hint()
print(wakeup.flush(5))
"""
NOTE_WHAT_IS_OPENED = """
from billiard.process import current_process
from django.db.backends.signals import connection_created

def note_opened(**kwargs):
    run(current_process().name)

connection_created.connect(note_opened)
"""


@pytest.fixture(params=DATABASES)
def host(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> Iterator[Host]:
    with an_empty_database(request.param, django_db_blocker) as url:
        host = Host(tmp_path / "site", Path(sys.executable), database_url=url)
        with (host.folder / "shop" / "receivers.py").open("a") as receivers:
            receivers.write(NOTE_WHAT_IS_OPENED)
        try:
            yield host
        finally:
            host.stop()


@pytest.mark.services
@pytest.mark.worker
@pytest.mark.once
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("age", "ahead"), [(60, 1), (0, 0)])
def test_a_worker_has_one_ready_if_the_host_keeps_its_own(host: Host, age: int, ahead: int) -> None:
    with (host.folder / "host" / "settings.py").open("a") as settings:
        settings.write(f'DATABASES["default"]["CONN_MAX_AGE"] = {age}\n')
    host.start_worker("--concurrency", "1", beat=False)
    for number in range(1, 4):
        assert host.shell(ARRIVE) == "True"
        wait_for(lambda: (host.folder / "worker.log").read_text().count(" succeeded in ") >= number, host.logs)  # noqa: B023
    assert host.shell("print(*Event.objects.values_list('status', flat=True))") == "unhandled unhandled unhandled"
    assert len(host.runs("ForkPoolWorker-1")) == 3 + ahead
