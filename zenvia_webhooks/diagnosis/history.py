"""What became of an event, in sentences for whoever asks where somebody's lead is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import router
from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.diagnosis.events import DUE_SECONDS
from zenvia_webhooks.models import Delivery, Event, Subscription

Status = Event.Status


def tell(event: Event) -> Iterator[str]:
    """Yield what came when, what each receiver did, and what comes next; newest facts are the database's own."""
    words = {
        "event": f"#{event.pk}",
        "topic": label(event.topic) if event.topic else _("not understood"),
        "received": moment(event.received_at),
        "account": event.account,
    }
    if event.origin == Event.Origin.RECOVERED:
        yield _("%(event)s %(topic)s: recovered on %(received)s, account %(account)s; its webhook never came.") % words
    elif event.origin == Event.Origin.TEST:
        yield _("%(event)s %(topic)s: a test of this site's own, on %(received)s, account %(account)s.") % words
    else:
        yield _("%(event)s %(topic)s: came on %(received)s, account %(account)s.") % words
    deliveries = list(event.deliveries.using(router.db_for_write(Delivery)).order_by("pk"))
    for delivery in deliveries:
        yield _delivery(delivery)
    yield _next(event, deliveries)


def last_events() -> Iterator[str]:
    """Yield when each subscription's last event came."""
    rows = Subscription.objects.using(router.db_for_write(Subscription)).exclude(status=Subscription.Status.INACTIVE)
    for row in rows.order_by("pk"):
        words = {"subscription": f"{row} #{row.pk}"}
        if row.last_event_at is None:
            yield _("Nothing has ever come for %(subscription)s.") % words
        else:
            yield _("The last event for %(subscription)s came on %(received)s.") % {
                **words,
                "received": moment(row.last_event_at),
            }


def moment(when: datetime) -> str:
    """Return a moment in the site's time zone, with the seconds that Django's formats leave out."""
    local = localtime(when)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M:%S %Z}"


def _delivery(row: Delivery) -> str:
    words = {
        "receiver": row.receiver,
        "attempts": row.attempts,
        "error": row.error,
        "result": row.result,
        "at": moment(row.finished_at) if row.finished_at else "",
        "next": moment(row.next_attempt_at) if row.next_attempt_at else "",
        "most": len(conf.retry_delays) + 1,
    }
    if row.status == Delivery.Status.SUCCEEDED and row.result:
        return _("%(receiver)s succeeded on %(at)s and returned %(result)s.") % words
    if row.status == Delivery.Status.SUCCEEDED:
        return _("%(receiver)s succeeded on %(at)s.") % words
    if row.status == Delivery.Status.DISMISSED:
        return _("%(receiver)s was dismissed on %(at)s: it does not run.") % words
    if row.status == Delivery.Status.GONE:
        return _("%(receiver)s was given up on %(at)s: no worker knows it any more.") % words
    if row.status == Delivery.Status.FAILED:
        return _("%(receiver)s was given up on %(at)s, after attempt %(attempts)d: %(error)s") % words
    if row.error:
        return (
            _("%(receiver)s failed in attempt %(attempts)d of %(most)d and runs again on %(next)s: %(error)s") % words
        )
    return _("%(receiver)s runs on %(next)s.") % words


def _next(event: Event, deliveries: list[Delivery]) -> str:
    """Return what comes next, by the event's status."""
    if event.same_as not in (None, event.pk):
        return _("Next: nothing; receivers had #%(event)d about the same object in its place.") % {
            "event": event.same_as
        }
    late = event.next_attempt_at is not None and now() - event.next_attempt_at > timedelta(seconds=DUE_SECONDS)
    if event.status in (Status.PENDING, Status.RETRYING) and late:
        return _("Next: a worker should have had it by now, and has not. Run: manage.py zenvia_doctor")
    if event.status == Status.PENDING:
        return _("Next: a worker hands it to every receiver.")
    if event.status == Status.RETRYING:
        return _("Next: the receivers that failed run again.")
    if event.status == Status.FAILED:
        return _("Next: nothing by itself. Once the receiver is put right, replay it.")
    if event.status == Status.UNHANDLED:
        return _("Next: nothing by itself: no receiver was connected for it. Connect one, then replay it.")
    if event.status == Status.QUARANTINED:
        return _("Next: nothing; it was not understood. The admin shows what came.")
    if event.status == Status.ERASED:
        return _("Next: nothing; what it said was erased.")
    return _("Next: nothing; it is done.") if deliveries else _("Next: nothing.")
