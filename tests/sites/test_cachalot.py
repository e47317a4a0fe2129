"""django-cachalot, which answers queries from a cache."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT

SCRIPT = """
import django
from django.conf import settings
import tests.settings as plain
names = {name: getattr(plain, name) for name in dir(plain) if name.isupper()}
names["INSTALLED_APPS"] = [*plain.INSTALLED_APPS, "cachalot"]
settings.configure(**names)
django.setup()
from django.core.management import call_command
from django.db import connection
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.claims import claim_due, claim_stalled
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.models import Event
from zenvia_webhooks.checks import check_caches
from zenvia_webhooks.signals import lead_created
from tests.support.webhooks import arrived
import tests.celery, time
call_command("migrate", verbosity=0)
runs = []
def receiver(sender, event, **kwargs):
    runs.append(event.pk)
receiver.__module__ = "receivers"
lead_created.connect(receiver)
event = arrived()
assert [held.pk for held in claim_due(10, clock=RunClock(lease_seconds=0.5)).events] == [event.pk]  # and dies
found = False
ends = time.monotonic() + 20
while not found and time.monotonic() < ends:
    found = dispatch_due() == 1  # as each sweep does
    time.sleep(0.05)
event.refresh_from_db()
print(found, len(runs), event.status, [message.id for message in check_caches()])
"""


def test_a_dead_workers_event_is_found_with_cachalot() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert (run.returncode, run.stdout) == (0, "True 1 dispatched ['zenvia_webhooks.W013']\n"), run.stderr
