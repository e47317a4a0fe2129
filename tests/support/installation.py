"""An installation that is in order, without processes of its own: what a diagnosis looks at, to be broken by tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from celery import Celery

from tests.celery import app as celery_app
from tests.support import receivers
from tests.support.account import KEY, make_account
from tests.support.factories import make_subscription
from zenvia_webhooks.diagnosis import Finding, diagnose
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.models import TaskRun
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import lead_created
from zenvia_webhooks.tasks import dispatch_events

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


class Installation:
    """A site whose settings, rows and signals are as they should be; `site` is its own address."""

    def __init__(self, settings: Any, sandbox: Sandbox, site: str) -> None:
        self.settings, self.sandbox = settings, sandbox
        self.configure(CALLBACK_BASE_URL=site)
        lead_created.connect(receivers.create_customer)
        self.subscription = make_subscription(at=sandbox)
        self.run_worker()

    def configure(self, **changes: Any) -> None:
        account = make_account(API_URL=self.sandbox.api_url)
        before = getattr(self, "_dict", {"ACCOUNTS": {"default": account}, "QUIET_HOURS": 24})
        self._dict = {**before, **changes}
        self.settings.ZENVIA_WEBHOOKS = self._dict

    def configure_account(self, **changes: Any) -> None:
        account = {**self._dict["ACCOUNTS"]["default"], **changes}
        self.configure(ACCOUNTS={"default": account})

    def move(self) -> None:
        """Have the subscription be registered for the present address."""
        self.sandbox.remove(self.subscription.remote_id)
        self.subscription.registered_url = self.subscription.callback_url
        self.subscription.remote_id = self.sandbox.add(["lead.created"], self.subscription.registered_url).id
        self.subscription.save()

    def run_worker(self, *, sweep: bool = True) -> None:
        """Do what a new worker does with its first message."""
        heartbeat._written_at.clear()
        dispatch_events(sweep=sweep)

    def let_heartbeat_grow_old(self, *tasks: str) -> None:
        TaskRun.objects.filter(task__in=tasks).update(started_at=LONG_AGO)


@contextmanager
def broker_at(url: str) -> Iterator[None]:
    """Have this process know another broker."""
    Celery("host", broker=url, set_as_current=False).set_current()
    try:
        yield
    finally:
        celery_app.set_current()


def problems() -> list[Finding]:
    found = list(diagnose())
    assert KEY not in str(found)
    assert all(finding.fix for finding in found if finding.is_problem)
    assert not [finding for finding in found if "\n" in finding.text + finding.fix]
    return [finding for finding in found if finding.is_problem]
