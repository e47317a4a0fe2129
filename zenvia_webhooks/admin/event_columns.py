"""What the list of events shows of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.db import router
from django.db.models import Prefetch, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.display import badge, status_badge, topic_name, when, why_not_understood
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.delivery import NOT_SUCCEEDED
from zenvia_webhooks.redaction import first_line

#: The attribute of an event in the list that holds its deliveries that have not succeeded.
TROUBLES = "troubles"


def with_troubles(events: QuerySet[Event]) -> QuerySet[Event]:
    """Have what is wrong with the events of a page read in one query."""
    rows = Delivery.objects.using(router.db_for_write(Delivery)).filter(status__in=NOT_SUCCEEDED)
    columns = rows.only("event_id", "receiver", "status", "error").order_by("pk")
    return events.prefetch_related(Prefetch("deliveries", queryset=columns, to_attr=TROUBLES))


@admin.display(description=_("topic"))
def topic(event: Event) -> SafeString | str:
    shown = topic_name(event.topic) if event.topic else gettext("not understood")
    return format_html("{} {}", shown, badge("test", gettext("test"))) if event.origin == Event.Origin.TEST else shown


# Not the field itself: by that, the list could be sorted, for which no index serves.
@admin.display(description=_("account"))
def account(event: Event) -> str:
    return event.account


@admin.display(description=_("received"), ordering="pk")
def received(event: Event) -> SafeString:
    return when(event.received_at)


@admin.display(description=_("status"))
def status(event: Event) -> SafeString:
    """Show the status, and what is wrong in one line, without what is personal in it."""
    wrong = wrong_with(event)
    shown = status_badge(event)
    return format_html('{}<div class="zenvia-wrong">{}</div>', shown, wrong) if wrong else shown


@admin.display(description=_("status"))
def status_alone(event: Event) -> SafeString:
    """Show the status to whoever may not see what is in events: an error's words may name somebody."""
    names = ", ".join(row.receiver.rpartition(".")[2] for row in getattr(event, TROUBLES, ()))
    shown = status_badge(event)
    return format_html('{}<div class="zenvia-wrong">{}</div>', shown, names) if names else shown


def wrong_with(event: Event) -> str:
    """Return what is wrong with an event in one line; empty where nothing is."""
    if event.status == Event.Status.QUARANTINED:
        return first_line(why_not_understood(event.error))
    troubles: Iterable[Delivery] = getattr(event, TROUBLES, ())
    failing = [row for row in troubles if row.error]
    if not failing:
        return ""
    row = failing[0]
    text = gettext("%(receiver)s: %(error)s") % {
        "receiver": row.receiver.rpartition(".")[2],
        "error": first_line(row.error),
    }
    return (
        text
        if len(failing) == 1
        else gettext("%(first)s; and %(count)d more")
        % {
            "first": text,
            "count": len(failing) - 1,
        }
    )


#: In the order in which one asks.
COLUMNS: tuple[str | Callable[[Event], Any], ...] = ("person", topic, status, received)
