"""django-easy-audit, which writes down every saved row by its receivers of `post_save`."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT

SCRIPT = """
import logging
import django
from django.conf import settings
import tests.settings as plain
names = {name: getattr(plain, name) for name in dir(plain) if name.isupper()}
names["INSTALLED_APPS"] = [*plain.INSTALLED_APPS, "easyaudit"]
names["MIDDLEWARE"] = [*plain.MIDDLEWARE, "easyaudit.middleware.easyaudit.EasyAuditMiddleware"]
names["DJANGO_EASY_AUDIT_PROPAGATE_EXCEPTIONS"] = @PROPAGATE@
settings.configure(**names)
django.setup()
from django.core.management import call_command
from django.test import Client
from easyaudit.models import CRUDEvent
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.signals import lead_created
from tests.support.webhooks import envelope, let_time_pass, post
import tests.celery
call_command("migrate", verbosity=0)

left = 1
def receiver(sender, event, **kwargs):
    global left
    if left:
        left -= 1
        raise RuntimeError
receiver.__module__ = "receivers"
lead_created.connect(receiver)
row = Subscription.objects.create(topics=["lead.created"])
assert post(Client(), row, envelope()).status_code == 200
assert post(Client(), row, b"no JSON").status_code == 400
dispatch_due()
let_time_pass()
dispatch_due()
event = Event.objects.get(topic="lead.created")
assert event.status == "dispatched", event.status
event.replay()
models = {found.content_type.model for found in CRUDEvent.objects.all()}
print(sorted(models & {"event", "delivery", "subscription"}))
"""


def test_every_row_is_audited_without_an_error() -> None:
    for propagate in ("True", "False"):
        script = SCRIPT.replace("@PROPAGATE@", propagate)
        run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=100)
        assert (run.returncode, run.stdout) == (0, "['delivery', 'event', 'subscription']\n"), run.stderr
        assert "Traceback" not in run.stderr.replace("RuntimeError", "") or "easyaudit" not in run.stderr
