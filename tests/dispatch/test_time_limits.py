"""What hangs, and what kills its process, under a real prefork worker."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from tests.support.host import Host, wait_for
from tests.support.servers import need, url_of
from zenvia_webhooks import tasks

LEASE_SECONDS = 5
NEIGHBOURS = 20

RECEIVERS = """
import os, signal, time
from pathlib import Path
from django.dispatch import receiver
from zenvia_webhooks.signals import event_received, interaction_resolved, lead_created, non_atomic, quote_updated

RUNS = Path(__file__).parent / "runs.txt"

def run(name, event):
    with RUNS.open("a") as runs:
        runs.write(f"{name}-{event.pk} {time.time()}\\n")

@receiver(lead_created)
@non_atomic
def hangs(sender, event, **kwargs):
    run("hangs", event)
    time.sleep(600)

@receiver(quote_updated)
@non_atomic
def hangs_hard(sender, event, **kwargs):
    run("hangs_hard", event)
    while True:
        try:
            time.sleep(600)
        except Exception:
            pass

@receiver(interaction_resolved)
def kills(sender, event, **kwargs):
    run("kills", event)
    os.kill(os.getpid(), signal.SIGKILL)

@receiver(event_received)
def sibling(sender, event, **kwargs):
    run("sibling", event)
"""
STORE = """
from django.utils.timezone import now
def store(topic, number):
    return Event.objects.create(
        account="default", contract="help_center", topic=topic, payload={"topic": topic, "data": {}}, body=b"",
        fingerprint=f"{topic}-{number}".encode(), received_at=now(), next_attempt_at=now()).pk
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    # Over files, Celery's pool shares one pipe: what is killed in the middle can leave it locked.
    need("Redis")
    host = Host(tmp_path / "site", Path(sys.executable), broker_url=url_of("Redis"))
    (host.folder / "shop" / "receivers.py").write_text(RECEIVERS)
    with (host.folder / "host" / "settings.py").open("a") as settings:
        settings.write(f"ZENVIA_WEBHOOKS |= {{'LEASE_SECONDS': {LEASE_SECONDS}, 'RETRY_DELAYS': [1]}}\n")
    yield host
    host.stop()


def test_limits_are_read_from_the_setting(settings: Any) -> None:
    task = current_app.tasks[tasks.dispatch_events.name]
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 1000}
    assert (task.soft_time_limit, task.time_limit) == (700, 800)


@pytest.mark.services
@pytest.mark.worker
@pytest.mark.timeout(200)
def test_what_hangs_or_kills_is_bounded_and_costs_nobody_else_a_run(host: Host) -> None:
    stored = host.shell(
        STORE + f"neighbours = [store('visit.booked', n) for n in range({NEIGHBOURS})]\n"
        "import json; print(json.dumps([neighbours, store('lead.created', 0), store('quote.updated', 0), "
        "store('interaction.resolved', 0)]))"
    )
    neighbours, hangs, hangs_hard, kills = json.loads(stored)
    host.start_worker()
    look = (
        "import json; print(json.dumps({f'{d.receiver.split(\".\")[-1]}-{d.event_id}': "
        "[d.status, d.attempts, d.error.partition(':')[0].rpartition('.')[2]] for d in Delivery.objects.all()}))"
    )
    done = "print(Event.objects.exclude(next_attempt_at=None).count())"
    wait_for(lambda: host.shell(done) == "0", host.logs, seconds=150)
    rows = json.loads(host.shell(look))
    # A soft limit is a failure like any other; what dies of the hard one, or kills, runs once more than it may.
    assert rows[f"hangs-{hangs}"] == ["failed", 2, "TooSlowError"]
    assert rows[f"hangs_hard-{hangs_hard}"] == ["failed", 2, "WorkerDiedError"]
    assert rows[f"kills-{kills}"] == ["failed", 2, "WorkerDiedError"]
    assert len(host.runs(f"hangs-{hangs}")) == 2
    for name in (f"hangs_hard-{hangs_hard}", f"kills-{kills}"):
        assert len(host.runs(name)) in (2, 3), name
    for event in [*neighbours, hangs, hangs_hard, kills]:
        assert rows[f"sibling-{event}"] == ["succeeded", 1, ""], event
        assert len(host.runs(f"sibling-{event}")) == 1, event
