"""The people in the admin's events: found by the search box, and erased by an action that asks first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.event_filters import MOST_COUNTED
from zenvia_webhooks.admin.masked import label_of
from zenvia_webhooks.erasure.erase import Erased, erase
from zenvia_webhooks.erasure.person import Person, by_events
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.about import EventQuerySet
from zenvia_webhooks.people.masking import may_see

#: How many events, and rows of the site's own, are named.
MOST_SHOWN = 50
#: More are for the command, which has no time limit; and Django takes a thousand fields of a form.
MOST_ERASED = 500


class People:
    """Of the admin of events."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        if not search_term.strip():
            return queryset, False
        # A page shows no more. Narrowed or sorted, it may show older ones, and an action is for all.
        is_plain = request.method == "GET" and set(request.GET) <= {SEARCH_VAR, PAGE_VAR}
        newest = MOST_COUNTED if is_plain else None
        try:
            return cast(EventQuerySet[Event], queryset).about(search_term, newest=newest), False
        except ImproperlyConfigured as error:
            messages.error(request, str(error))
            return queryset.none(), False

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("zenvia_webhooks.erase_person"))

    @admin.action(description=_("Erase the person"), permissions=["erase"])
    def erase_selected(self, request: HttpRequest, queryset: QuerySet[Event]) -> TemplateResponse | None:
        """Show what would be erased, and erase it once that is confirmed."""
        # Whoever selects more is told so: what they lead to is not looked for.
        selected = list(queryset.values_list("pk", flat=True)[: MOST_ERASED + 1])
        person = by_events(Event.objects.using(queryset.db).filter(pk__in=selected))
        if len(person.events) > MOST_ERASED:
            text = gettext("More than %(most)d events: use the command zenvia_erase_person.") % {"most": MOST_ERASED}
            messages.error(request, text)
            return None
        if "erase" not in request.POST:
            return _question(self, request, person, selected)
        erased = erase(person)
        events = Event.objects.using(router.db_for_write(Event)).filter(pk__in=[*erased.events, *erased.marked])
        LogEntry.objects.log_actions(
            user_id=cast(int, request.user.pk),
            queryset=events.only("topic", "status"),
            action_flag=CHANGE,
            change_message=gettext("Erased."),
        )
        _say(request, erased)
        return None


def _question(model_admin: Any, request: HttpRequest, person: Person, selected: list[int]) -> TemplateResponse:
    events = Event.objects.using(router.db_for_write(Event)).filter(pk__in=person.events[:MOST_SHOWN])
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": gettext("Erase the person?"),
        # One by one: all of a filtered list would be all of the table once the filter is gone.
        "selected": selected,
        "person": person,
        "results": _shown(request, person.results),
        "shown": events.order_by("-received_at", "-pk").only("topic", "status", "received_at"),
        "left_out": max(len(person.events) - MOST_SHOWN, 0),
    }
    return TemplateResponse(request, "admin/zenvia_webhooks/event/erase.html", context)


def _say(request: HttpRequest, erased: Erased) -> None:
    count = len(erased.events)
    text = ngettext("%(count)d event was erased.", "%(count)d events were erased.", count) % {"count": count}
    messages.success(request, text)
    if erased.marked:
        text = gettext("In a worker's hands, and erased once it is done with them: %(events)s.")
        messages.warning(request, text % {"events": ", ".join(f"#{pk}" for pk in erased.marked)})
    if results := _shown(request, erased.results):
        text = gettext("Rows of your own, which stay unless a receiver of person_erased deletes them: %(rows)s")
        messages.info(request, text % {"rows": ", ".join(results)})


def _shown(request: HttpRequest, results: Iterable[str]) -> list[str]:
    """Return what receivers returned as a user may see it."""
    labels = results if may_see(request) else {label_of(result) for result in results}
    return sorted(labels)[:MOST_SHOWN]
