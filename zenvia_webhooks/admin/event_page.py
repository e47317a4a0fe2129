"""An event's page: who and what, its story in the order of time, then what Zenvia sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import router
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.display import (
    block,
    exactly,
    result_link,
    status_badge,
    topic_name,
    when,
    why_not_understood,
)
from zenvia_webhooks.admin.masked import label_of
from zenvia_webhooks.admin.replay import may_replay
from zenvia_webhooks.dispatch.frames import place_of, without_code
from zenvia_webhooks.models import Delivery, Event, EventKey
from zenvia_webhooks.people.masking import hide, masked, may_see

#: How many other events of the same person are named.
OTHERS_SHOWN = 10

#: Attribute of a value of `contracts.values` → its words. What is not named stands in the payload.
LEAD = {
    "name": _("name"),
    "phones": _("phone"),
    "emails": _("e-mail"),
    "social_ids": _("social network"),
    "status": _("status at Zenvia"),
    "agent": _("agent"),
    "source": _("source"),
    "campaign": _("campaign"),
    "comments": _("comments"),
    "lead_id": _("lead's id"),
}
QUOTE = {"status": _("quote"), "total": _("total"), "quote_id": _("quote's id")}
INTERACTION = {
    "direction": _("direction"),
    "kind": _("kind"),
    "text": _("text"),
    "note": _("note"),
    "attachment": _("attachment"),
    "via": _("channel"),
    "reason": _("reason"),
}
WORDS = {
    "inbound": _("from the lead"),
    "outbound": _("to the lead"),
    "message": _("message"),
    "question": _("question"),
    "note": _("note"),
    "call": _("call"),
    "transfer": _("transfer"),
    "other": _("other"),
}
Status = Delivery.Status
Step = tuple[datetime | None, SafeString | str]
Field = Callable[[Event], Any]


def field(description: Any, name: str, function: Field) -> Field:
    """Return a field of the page that knows who looks at it."""

    @admin.display(description=description)
    def shown(event: Event) -> Any:
        return function(event)

    shown.__name__ = name
    return shown


def fields_for(request: HttpRequest, site: str) -> dict[str, Field]:
    """Return the fields of the page that differ by who looks at it."""
    sees = may_see(request)
    shown = {
        "who": field(_("person"), "who", lambda event: facts(event.lead, LEAD, sees)),
        "what": field(_("what"), "what", lambda event: _what(event, sees)),
        "story": field(_("story"), "story", lambda event: story(event, request, site)),
        "others": field(_("other events of this person"), "others", lambda event: others(event, site)),
    }
    if sees:
        shown["error"] = field(_("error"), "error", lambda event: why_not_understood(event.error))
    return shown


def facts(value: Any, words: dict[str, Any], sees: bool) -> SafeString | str:
    """Return what is known of a lead, a quote or an interaction, a line each."""
    if value is None:
        return "-"
    shown = value if sees else masked(value)
    lines = [(capfirst(label), _fact(getattr(shown, name))) for name, label in words.items() if getattr(shown, name)]
    return format_html('<dl class="zenvia-facts-of">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines))


def _fact(value: Any) -> SafeString | str:
    if isinstance(value, tuple):
        return format_html_join(", ", "{}", ((_fact(one),) for one in value))
    if dataclasses.is_dataclass(value):
        kind, where = getattr(value, "type", None), getattr(value, "url", None) or getattr(value, "id", "")
        if str(where).startswith("https://"):
            return format_html('{} <a href="{}" rel="noreferrer">{}</a>', kind or "", where, where)
        return format_html("{} {}", kind or "", where)
    return str(WORDS.get(value, value)) if isinstance(value, str) else str(localize(value))


def _what(event: Event, sees: bool) -> SafeString:
    topic = topic_name(event.topic) if event.topic else gettext("not understood")
    parts = [topic, *(facts(value, words, sees) for value, words in _objects(event) if value is not None)]
    return format_html_join("", "<div>{}</div>", ((part,) for part in parts))


def _objects(event: Event) -> Iterator[tuple[Any, dict[str, Any]]]:
    yield event.interaction, INTERACTION
    yield event.quote, QUOTE


def story(event: Event, request: HttpRequest, site: str) -> SafeString:
    """Return what happened to an event, in the order of time."""
    deliveries = list(event.deliveries.using(router.db_for_write(Event)).order_by("pk"))
    steps = [*_arrival(event), *((row.finished_at, _delivery(row, request, site)) for row in deliveries)]
    # What is still to come is the last.
    steps.sort(key=lambda step: (step[0] is None, step[0] or event.received_at))
    lines = [(exactly(moment) if moment else "", text) for moment, text in [*steps, *_end(event, deliveries)]]
    return format_html('<ol class="zenvia-story">{}</ol>', format_html_join("", "<li>{} {}</li>", lines))


def _arrival(event: Event) -> Iterator[Step]:
    if event.occurred_at:
        yield event.occurred_at, gettext("It happened, as Zenvia says.")
    if event.origin == Event.Origin.RECOVERED:
        yield event.received_at, gettext("Recovered: its webhook never came.")
    elif event.origin == Event.Origin.TEST:
        yield event.received_at, gettext("This site sent it to itself, as a test, and it was stored.")
    else:
        yield event.received_at, gettext("Zenvia sent it, and it was stored.")
    if event.duplicates:
        text = ngettext("Zenvia sent it %(count)d time more.", "Zenvia sent it %(count)d times more.", event.duplicates)
        yield event.received_at, text % {"count": event.duplicates}
    if event.status == Event.Status.QUARANTINED:
        yield event.received_at, gettext("It was not understood, so no receiver had it.")


def _delivery(row: Delivery, request: HttpRequest, site: str) -> SafeString:
    sees = may_see(request)
    numbers = [ngettext("%(count)d attempt", "%(count)d attempts", row.attempts) % {"count": row.attempts}]
    if row.duration_ms is not None:
        numbers.append(gettext("the last took %(count)s ms") % {"count": localize(row.duration_ms)})
    parts = [
        format_html('<strong class="zenvia-receiver">{}</strong> {}', row.receiver, status_badge(row)),
        format_html('<span class="quiet">{}</span>', ", ".join(numbers)),
    ]
    if row.status == Status.RETRYING and row.next_attempt_at:
        parts.append(format_html("{} {}", gettext("next attempt"), when(row.next_attempt_at)))
    if row.result:
        shown = result_link(row, site) if sees else label_of(row.result)
        parts.append(format_html('{} <span class="zenvia-result">{}</span>', gettext("it returned"), shown))
    if row.status not in (Status.SUCCEEDED, Status.DISMISSED) and may_replay(request):
        address = reverse(f"{site}:zenvia_webhooks_event_dismiss", args=[row.event_id, row.pk])
        # Of a form beside the page's own, which surrounds this.
        parts.append(
            format_html(
                '<button class="zenvia-link" form="zenvia-dismiss" formaction="{}">{}</button>',
                address,
                gettext("Dismiss"),
            )
        )
    error = block(row.error if sees else hide(row.error)) if row.error else ""
    where = _where(row.traceback, sees) if row.traceback else ""
    return format_html("{}{}{}", format_html_join(" · ", "{}", ((part,) for part in parts)), error, where)


def _where(frames: str, sees: bool) -> SafeString:
    """Return where a receiver broke, to open; lines of code, which may name somebody, to whoever may see people."""
    return format_html(
        '<details class="zenvia-where"><summary>{} <code>{}</code></summary>{}</details>',
        gettext("Where it broke:"),
        place_of(frames),
        block(frames if sees else without_code(frames)),
    )


def _end(event: Event, deliveries: list[Delivery]) -> Iterator[Step]:
    if event.same_as not in (None, event.pk):
        text = gettext("Receivers had #%(event)d in its place, which is about the same object.")
        yield event.finished_at, text % {"event": event.same_as}
    elif event.status == Event.Status.PENDING:
        yield None, gettext("A worker will hand it to its receivers.")
    elif event.status == Event.Status.ERASED and event.payload is None:
        yield None, gettext("What it said was erased.")
    elif event.status == Event.Status.UNHANDLED:
        yield event.finished_at, gettext("No receiver is connected for this topic.")
    elif event.status == Event.Status.DISPATCHED and deliveries and event.finished_at:
        is_dismissed = any(row.status == Status.DISMISSED for row in deliveries)
        done = gettext("Nothing is left to do.") if is_dismissed else gettext("Every receiver has succeeded.")
        yield event.finished_at, done


def others(event: Event, site: str) -> SafeString | str:
    """Return links to the newest other events of the same person."""
    keys = EventKey.objects.using(router.db_for_write(EventKey))
    of_lead = keys.filter(kind=EventKey.Kind.LEAD)
    mine = of_lead.filter(event=event).values_list("digest", flat=True).first()
    if mine is None:
        return "-"
    newest = of_lead.filter(digest=mine).exclude(event=event).order_by("-event_id")
    pks = list(newest.values_list("event_id", flat=True)[: OTHERS_SHOWN + 1])
    events = Event.objects.using(keys.db).filter(pk__in=pks[:OTHERS_SHOWN]).only("pk", "topic", "status", "received_at")
    lines = [
        (
            reverse(f"{site}:zenvia_webhooks_event_change", args=[one.pk]),
            one.pk,
            topic_name(one.topic),
            status_badge(one),
            when(one.received_at),
        )
        for one in sorted(events, key=lambda one: one.received_at, reverse=True)
    ]
    if not lines:
        return "-"
    shown = format_html_join("", '<li><a href="{}">#{}</a> {} {} {}</li>', lines)
    more = gettext("… and more") if len(pks) > OTHERS_SHOWN else ""
    return format_html('<ul class="zenvia-others">{}</ul>{}', shown, more)
