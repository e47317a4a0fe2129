"""A sweep that waits in its queue behind other work, with a real worker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.host import Host, wait_for
from tests.support.servers import BROKERS, need, url_of
from zenvia_webhooks import wakeup

pytestmark = [pytest.mark.services, pytest.mark.worker, pytest.mark.timeout(200)]

#: The host's own.
TASKS = """
import time
from celery import shared_task

@shared_task
def newsletter(seconds):
    time.sleep(seconds)
"""
QUEUE_UP = f"""
from django.utils.timezone import now
from host import celery_app
from shop.tasks import newsletter
from zenvia_webhooks.schedule import BEAT_SCHEDULE
Event.objects.create(
    account="default", contract="help_center", topic="visit.booked", payload={{"topic": "visit.booked", "data": {{}}}},
    body=b"", fingerprint=b"one", received_at=now(), next_attempt_at=now())
newsletter.delay({wakeup.HINT_EXPIRES + 2})
# As beat does it.
sweep = BEAT_SCHEDULE["zenvia_webhooks.dispatch_events"]
celery_app.send_task(sweep["task"], kwargs=sweep["kwargs"], **sweep["options"])
"""


@pytest.fixture(params=BROKERS)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    need(request.param)
    host = Host(tmp_path / "site", Path(sys.executable), broker_url=url_of(request.param))
    (host.folder / "shop" / "tasks.py").write_text(TASKS)
    yield host
    host.stop()


def test_sweep_is_followed_however_long_others_are_before_it(host: Host) -> None:
    host.shell(QUEUE_UP)
    host.start_worker("--concurrency", "1", beat=False)
    wait_for(lambda: host.shell("print(Event.objects.get().status)") == "unhandled", host.logs)
