"""Events that wait, and events that went wrong. Nothing here counts a whole table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import router
from django.utils.translation import gettext as _

from zenvia_webhooks.contracts.words import label, words
from zenvia_webhooks.diagnosis.findings import Area, Finding, Link, count, duration, ok, warning
from zenvia_webhooks.diagnosis.recent import RECENT_DAYS, Recent
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import DatabaseNow

AREA = Area.EVENTS
#: Due events are counted up to this number.
DUE_COUNTED = 1000
#: Seconds that an event may be due before it is reported: some sweeps.
DUE_SECONDS = 60
#: How many topics are named.
TOPICS_NAMED = 5

Status = Event.Status


def due(limit: int) -> list[tuple[datetime, datetime]]:
    """Return when the oldest due events fell due, with this moment, both by the database's clock."""
    events = Event.objects.using(router.db_for_write(Event)).filter(next_attempt_at__lte=DatabaseNow())
    rows = events.order_by("next_attempt_at").annotate(now=DatabaseNow()).values_list("next_attempt_at", "now")
    return [(due_at, moment) for due_at, moment in rows[:limit] if due_at is not None]


def check_due() -> Iterator[Finding]:
    """Look how long events have been due, though worker and beat are there."""
    found = due(DUE_COUNTED)
    seconds = (found[0][1] - found[0][0]).total_seconds() if found else 0
    if seconds < DUE_SECONDS:
        yield ok(AREA, _("No event has to wait."))
        return
    words = {"count": count(len(found), is_all=len(found) < DUE_COUNTED), "age": duration(seconds)}
    yield warning(
        AREA,
        "due-events",
        _("Events wait to be handed out: %(count)s, the oldest for %(age)s.") % words,
        _("Start more workers, or give slow receivers time-outs; the worker's log says what it is doing."),
    )


def check_outcomes(read: Callable[[], Recent]) -> Iterator[Finding]:
    """Look for recent events that failed, or that were not understood."""
    recent, found = read(), []
    if number := recent.count(Status.FAILED):
        found.append(
            warning(
                AREA,
                "failed-events",
                _("Events of the last %(days)d days for which a receiver was given up: %(count)s.")
                % _words(number, recent),
                _("In the admin, Events with the status failed show the errors. Put the receivers right, then replay."),
                link=Link(model="event", status=Status.FAILED),
            )
        )
    if number := recent.count(Status.QUARANTINED):
        found.append(
            warning(
                AREA,
                "quarantined-events",
                _("Events of the last %(days)d days that were not understood: %(count)s.") % _words(number, recent),
                _("Look at them in the admin, with the status quarantined: Zenvia may send something new."),
                about=f"#{max(group.newest for group in recent.of(Status.QUARANTINED))}",
                link=Link(model="event", status=Status.QUARANTINED),
            )
        )
    yield from found or [ok(AREA, _("No recent event was given up, and each was understood."))]


def check_unhandled(read: Callable[[], Recent]) -> Iterator[Finding]:
    """Look for recent events that nobody was connected for."""
    recent = read()
    topics = recent.topics(Status.UNHANDLED)
    if not topics:
        yield ok(AREA, _("Every recent event had a receiver."))
        return
    # What comes from outside is shown with nothing that a terminal would obey.
    names = [label(topic) if words(topic) else repr(topic) for topic, _count in topics.most_common(TOPICS_NAMED)]
    yield warning(
        AREA,
        "unhandled-events",
        _("Events of the last %(days)d days that nobody was connected for: %(count)s (%(topics)s).")
        % {**_words(topics.total(), recent), "topics": ", ".join(names)},
        _("Connect a receiver to the signal of that topic and replay them, or remove its subscription."),
        link=Link(model="event", status=Status.UNHANDLED),
    )


def _words(number: int, recent: Recent) -> dict[str, object]:
    return {"count": count(number, is_all=recent.is_all), "days": RECENT_DAYS}
