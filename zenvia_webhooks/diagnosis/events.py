"""Events that wait, and events that went wrong. Nothing here counts a whole table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import router
from django.db.models import Count, Max, Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.contracts.words import label, words
from zenvia_webhooks.diagnosis.findings import Area, Finding, Link, count, duration, ok, warning
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.clock import DatabaseNow

AREA = Area.EVENTS
#: Due events are counted up to this number.
DUE_COUNTED = 1000
#: Seconds that an event may be due before it is reported: some sweeps.
DUE_SECONDS = 60
#: What went wrong is looked for among the events of so many days, and the newest so many.
RECENT_DAYS, RECENT_EVENTS = 7, 10_000
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


def check_outcomes() -> Iterator[Finding]:
    """Look for recent events that failed, or that were not understood."""
    counts = _counts()
    found = []
    if counts["failed"]:
        found.append(
            warning(
                AREA,
                "failed-events",
                _("Events of the last %(days)d days for which a receiver was given up: %(count)s.")
                % _words(counts["failed"], counts),
                _("In the admin, Events with the status failed show the errors. Put the receivers right, then replay."),
                link=Link(model="event", status=Status.FAILED),
            )
        )
    if counts["quarantined"]:
        found.append(
            warning(
                AREA,
                "quarantined-events",
                _("Events of the last %(days)d days that were not understood: %(count)s.")
                % _words(counts["quarantined"], counts),
                _("Look at them in the admin, with the status quarantined: Zenvia may send something new."),
                about=f"#{counts['newest_quarantined']}",
                link=Link(model="event", status=Status.QUARANTINED),
            )
        )
    yield from found or [ok(AREA, _("No recent event failed, and each was understood."))]


def check_unhandled() -> Iterator[Finding]:
    """Look for recent events that nobody was connected for."""
    counts = _counts()
    if not counts["unhandled"]:
        yield ok(AREA, _("Every recent event had a receiver."))
        return
    rows = recent().values_list("status", "topic")
    topics = Counter(topic for status, topic in rows if status == Status.UNHANDLED)
    # What comes from outside is shown with nothing that a terminal would obey.
    names = [label(topic) if words(topic) else repr(topic) for topic, _count in topics.most_common(TOPICS_NAMED)]
    yield warning(
        AREA,
        "unhandled-events",
        _("Events of the last %(days)d days that nobody was connected for: %(count)s (%(topics)s).")
        % {**_words(topics.total(), counts), "topics": ", ".join(names)},
        _("Connect a receiver to the signal of that topic and replay them, or remove its subscription."),
        link=Link(model="event", status=Status.UNHANDLED),
    )


def recent() -> QuerySet[Event]:
    """Return the newest events of the last days, newest first."""
    events = Event.objects.using(router.db_for_write(Event))
    since = events.filter(received_at__gte=now() - timedelta(days=RECENT_DAYS)).order_by("-received_at", "-pk")
    return since[:RECENT_EVENTS]


def _counts() -> dict[str, Any]:
    """Return how many recent events there are, and how many of them went wrong: one row, of a bounded number."""
    outcomes = (Status.FAILED, Status.QUARANTINED, Status.UNHANDLED)
    numbers = {status.value: Count("pk", filter=Q(status=status)) for status in outcomes}
    newest = Max("pk", filter=Q(status=Status.QUARANTINED))
    return recent().aggregate(all=Count("pk"), newest_quarantined=newest, **numbers)


def _words(number: int, counts: Mapping[str, Any]) -> dict[str, object]:
    return {"count": count(number, is_all=counts["all"] < RECENT_EVENTS), "days": RECENT_DAYS}
