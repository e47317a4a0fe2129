"""What the dashboard's template shows to a user."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import npgettext

from zenvia_webhooks.admin import replay
from zenvia_webhooks.admin.columns import status_badge
from zenvia_webhooks.admin.dashboard.charts import chart_of
from zenvia_webhooks.admin.dashboard.figures import (
    MOST_COUNTED,
    Figures,
    ReceiverFigures,
    Recovered,
    Span,
    counted,
    read_events,
    read_figures,
    recovered,
)
from zenvia_webhooks.admin.display import badge, when
from zenvia_webhooks.admin.setup import page as set_up
from zenvia_webhooks.admin.setup import sending
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.diagnosis import Finding, Link, recent, verdict
from zenvia_webhooks.diagnosis.findings import duration
from zenvia_webhooks.diagnosis.recovery import numbers
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.replay.selection import Selection

#: What one can look back on.
DAYS = (1, 7)
#: How many problems, receivers and subscriptions are shown.
SHOWN = 20

Status = Event.Status
#: What an event comes to, the worst first.
ENDED = (Status.FAILED, Status.QUARANTINED, Status.UNHANDLED, Status.DISPATCHED)


def context_of(request: HttpRequest, site: str) -> dict[str, Any]:
    """Return what the dashboard shows to whoever asks: events and subscriptions to those who may view them."""
    sees_events = request.user.has_perm("zenvia_webhooks.view_event")
    sees_subscriptions = request.user.has_perm("zenvia_webhooks.view_subscription")
    context: dict[str, Any] = {"may_view": sees_events or sees_subscriptions, "set_up": set_up.on_index(request, site)}
    if context["set_up"] and not set_up.has_begun():
        return context | {"may_view": False}
    if set_up.may_look(request):
        context["set_up_address"] = set_up.address(site)
    if sending.may_send(request) and (row := set_up.usable()):
        context["test_event"] = sending.address(site, row)
    if context["may_view"]:
        read = recent.read_recent
        if sees_events:
            events = read_events()
            # The verdict goes by the same, so that they are read once.
            read = partial(counted, events)
            span = Span.of_days(7 if request.GET.get("days") == "7" else 1)
            context |= _events(request, read_figures(span, events), site)
        problems = verdict(read=read).problems
        shown = [_problem(one, request, site) for one in problems[:SHOWN]]
        context |= {"verdict": shown, "more": len(problems) - SHOWN}
    if sees_subscriptions:
        rows = Subscription.objects.defer("token", "previous_token").order_by("account", "pk")[:SHOWN]
        context["subscriptions"] = [
            {
                "row": row,
                "badge": status_badge(row),
                "topics": [label(topic) for topic in row.topics],
                "last": row.last_event_at and when(row.last_event_at),
            }
            for row in rows
        ]
    return context


def _problem(finding: Finding, request: HttpRequest, site: str) -> dict[str, Any]:
    link, action = finding.link, ""
    if link and not request.user.has_perm(f"zenvia_webhooks.view_{link.model}"):
        link = None
    if link and link.receiver:
        action = _address(site, "event_replay", Selection(receiver=link.receiver))
    return {"finding": finding, "address": link and address_of(link, site), "replay": action}


def address_of(link: Link, site: str) -> str:
    """Return where the rows are that a finding is about."""
    if link.pk is not None:
        return reverse(f"{site}:zenvia_webhooks_{link.model}_change", args=[link.pk])
    statuses = (link.status,) if link.status else ()
    return _address(site, f"{link.model}_changelist", Selection(statuses=statuses, receiver=link.receiver))


def _address(site: str, name: str, selection: Selection) -> str:
    query = urlencode(selection.as_parameters())
    return reverse(f"{site}:zenvia_webhooks_{name}") + (f"?{query}" if query else "")


def _events(request: HttpRequest, figures: Figures, site: str) -> dict[str, Any]:
    since = figures.span.since.isoformat()

    def address(**columns: Any) -> str:
        return _address(site, "event_changelist", Selection(**columns))

    def of_status(status: Status) -> str:
        return address(statuses=(status,), since=since)

    counts, chart = figures.statuses, chart_of(figures)
    return {
        "may_replay": replay.may_replay(request),
        "days": figures.span.days,
        "choices": [(days, days == figures.span.days) for days in DAYS],
        "is_all": figures.is_all,
        "most_read": recent.RECENT_EVENTS,
        "total": len(figures.events),
        "all_events": address(since=since),
        "tiles": [
            _tile(_("to be handed out now"), figures.due, address(statuses=(Status.PENDING,)), "pending"),
            _tile(Status.RETRYING.label, figures.retrying, address(statuses=(Status.RETRYING,)), "retrying"),
            *(_tile(_words(status, counts[status]), counts[status], of_status(status), status) for status in ENDED),
        ],
        "chart": chart,
        "bars": [(bar, address(since=_iso(bar.since), until=_iso(bar.until))) for bar in chart.bars],
        "legend": [(*_legend(topic, address, since), colour, number) for topic, colour, number in chart.legend],
        "outcomes": [
            (badge(status, str(Delivery.Status(status).label)), number)
            for status, number in figures.outcomes.most_common()
        ],
        "waits": _waits(figures, site),
        "receivers": [_receiver(one, site) for one in figures.receivers[:SHOWN]],
        "recoveries": [_recovery(one) for one in recovered()],
    }


def _receiver(figures: ReceiverFigures, site: str) -> dict[str, Any]:
    its_own = Selection(receiver=figures.name)
    return {
        "figures": figures,
        "address": _address(site, "event_changelist", its_own),
        "replay": _address(site, "event_replay", its_own),
        "typical": figures.typical_ms is not None and _milliseconds(figures.typical_ms),
        "slowest": [(_milliseconds(took), event) for took, event in figures.slowest],
    }


def _tile(words: Any, number: int, address: str, look: str) -> dict[str, Any]:
    shown = f"{number_format(MOST_COUNTED)}+" if MOST_COUNTED < number < recent.RECENT_EVENTS else number_format(number)
    return {"words": words, "number": shown, "address": address, "look": look if number else ""}


def _words(status: Status, number: int) -> str:
    """Return a status in words that fit so many events: in our languages, one is delivered and two are "delivereds"."""
    return {
        Status.FAILED: npgettext("so many events", "failed", "failed", number),
        Status.QUARANTINED: npgettext("so many events", "not understood", "not understood", number),
        Status.DISPATCHED: npgettext("so many events", "delivered", "delivered", number),
    }.get(status, str(status.label))


def _legend(topic: str | None, address: Callable[..., str], since: str) -> tuple[str, str]:
    """Return the words of a topic, and where its events are."""
    if topic:
        return label(topic), address(topic=topic, since=since)
    if topic is None:
        return _("others"), address(since=since)
    return str(Status.QUARANTINED.label), address(statuses=(Status.QUARANTINED,), since=since)


def _waits(figures: Figures, site: str) -> list[tuple[str, str, str]]:
    """Return how long delivering took: what it was, how long, and an event to look at."""
    waits = figures.waits()
    if not waits:
        return []
    last = len(waits) - 1
    chosen = [
        (_("half of the events within"), waits[last // 2]),
        (_("95 of 100 within"), waits[last * 95 // 100]),
        (_("the slowest"), waits[last]),
    ]
    return [
        (words, _length(took), reverse(f"{site}:zenvia_webhooks_event_change", args=[pk]))
        for words, (took, pk) in chosen
    ]


def _recovery(one: Recovered) -> dict[str, Any]:
    row = one.row
    return {"state": one, "numbers": numbers(row), "seen": when(row.seen_at)} if row else {"state": one}


def _length(took: timedelta) -> str:
    seconds = took.total_seconds()
    return _milliseconds(int(1000 * seconds)) if seconds < 60 else duration(seconds)


def _milliseconds(number: int) -> str:
    if number < 1000:
        return _("%(number)s ms") % {"number": number_format(number)}
    return _("%(number)s s") % {"number": number_format(number / 1000, 1)}


def _iso(moment: datetime) -> str:
    return moment.isoformat()
