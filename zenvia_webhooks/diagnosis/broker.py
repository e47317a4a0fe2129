"""Whether the broker takes messages."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from zenvia_webhooks import checks, wakeup
from zenvia_webhooks.broker import project_app
from zenvia_webhooks.diagnosis.findings import Area, Finding, broken, ok, skipped, warning
from zenvia_webhooks.diagnosis.settings import said
from zenvia_webhooks.diagnosis.workers import stand_in

AREA = Area.BROKER
#: No Celery app in this process: there is no telling which broker it would be.
NO_APP = "zenvia_webhooks.W007"


def check_broker() -> Iterator[Finding]:
    """Send a hint, which does no harm; the worker's check looks whether it arrives."""
    if without_app := [finding for finding in said(AREA, checks.check_celery) if finding.id == NO_APP]:
        yield from without_app
        return
    yield from said(AREA, checks.check_celery_apps)
    if project_app().conf.task_always_eager:
        yield warning(
            AREA,
            "always-eager",
            _("task_always_eager is on: the process that stores an event also runs its receivers."),
            _("Take CELERY_TASK_ALWAYS_EAGER out of the settings of a real site: nothing sweeps for failed attempts."),
        )
        yield skipped(AREA, _("Under task_always_eager there is no broker."))
        return
    try:
        wakeup.publish()
    except Exception as error:  # noqa: BLE001  # each transport has errors of its own
        # Without a worker, nobody needs it.
        finding = warning if stand_in() else broken
        # The kind of the error alone: its text may hold the broker's password.
        yield finding(
            AREA,
            "no-broker",
            _("The broker takes no message: %(error)s.") % {"error": type(error.__cause__ or error).__name__},
            _("Start it, or put CELERY_BROKER_URL right. Events are stored all the same, and go out when it is back."),
        )
    else:
        yield ok(AREA, _("The broker took a message."))
