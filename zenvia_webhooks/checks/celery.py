"""Whether events get from the table to receivers."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's own names
from django.utils.translation import gettext as _

from zenvia_webhooks import broker, signals, wakeup
from zenvia_webhooks.models import Event


def check_celery(**kwargs: Any) -> list[CheckMessage]:
    """Report that Celery was not set up in this process, or that beat does not sweep."""
    app = broker.project_app()
    if app.main == "default":
        return [
            Warning(
                _("No Celery app is loaded in this process: events wait for the sweep instead of going out at once."),
                hint=_("Import your Celery app in your project's __init__.py, as Celery's guide for Django says."),
                id="zenvia_webhooks.W007",
            )
        ]
    schedule = (app.conf.beat_schedule or {}).values()
    if wakeup.TASK in (entry["task"] if isinstance(entry, dict) else entry.task for entry in schedule):
        return []
    return [
        Warning(
            _("Beat has no sweep on its schedule: failed deliveries are not attempted again."),
            hint=_(
                "Merge zenvia_webhooks.schedule.BEAT_SCHEDULE into CELERY_BEAT_SCHEDULE, and run beat. "
                "Silence this where the sweep is in a database of django-celery-beat's alone."
            ),
            id="zenvia_webhooks.W008",
        )
    ]


def check_celery_apps(**kwargs: Any) -> list[CheckMessage]:
    """Report that it can't be told which of several Celery apps is the project's."""
    if broker.is_certain():
        return []
    names = ", ".join(repr(app.main) for app in broker.apps())
    return [
        Warning(
            _(
                "Several Celery apps are loaded in this process (%(names)s): hints may go to another broker than the "
                "project's, and events then wait for the sweep."
            )
            % {"names": names},
            hint=_(
                "Make the project's app in a module celery.py beside the settings, and import it in the __init__.py "
                "there, as Celery's guide for Django says."
            ),
            id="zenvia_webhooks.W014",
        )
    ]


def check_receivers(**kwargs: Any) -> list[CheckMessage]:
    """Report that nobody listens."""
    if any(signal.connected(Event) for signal in signals.EVENT_SIGNALS):
        return []
    return [
        Warning(
            _("No receiver is connected to a signal of zenvia_webhooks: events are stored, and that is all."),
            hint=_("Connect one, and import its module in the ready() of your AppConfig."),
            id="zenvia_webhooks.W009",
        )
    ]
