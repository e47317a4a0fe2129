"""What the list of events can be narrowed by, and its bounds."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR, ChangeList
from django.core.paginator import Paginator
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.event_columns import with_troubles
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.about import EventQuerySet
from zenvia_webhooks.models.delivery import NOT_SUCCEEDED
from zenvia_webhooks.replay.selection import OTHERS, Selection, known_topics
from zenvia_webhooks.signals import EVENT_SIGNALS

#: A list counts no further: on a large table, counting every row takes longer than showing the page.
MOST_COUNTED = 1000
#: Among so many of the newest deliveries, receivers are looked for that are connected no more.
DELIVERIES_LOOKED_AT = 1000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """A paginator that stops counting at `MOST_COUNTED`."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Event]", self.object_list)
        return rows[:MOST_COUNTED].count()


class EventList(ChangeList):
    """A list that looks no further back than a replay of what it shows."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        selection = Selection.of_list(request.GET.dict())
        # First, so that the filters look for nothing outside of the span.
        self.root_queryset = selection.in_span(cast("EventQuerySet[Event]", self.root_queryset))
        rows: Any = super().get_queryset(request, *args, **kwargs)
        # It shows nothing of subscriptions, and for a join PostgreSQL may leave the order of the index and sort all.
        return with_troubles(selection.among_newest(rows.select_related(None)))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            # Django asks for all rows then, and a database may take a long way for what is said to be many.
            self.result_list = self.queryset[: self.result_count]


class SelectionFilter(admin.SimpleListFilter):
    """One of the list's filters that a replay can store: see `Selection.of_list()`."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = self.value()
        if not value:
            return queryset
        return Selection.of_list({self.parameter_name or "": value}).narrow(cast("EventQuerySet[Event]", queryset))


class StatusFilter(SelectionFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Event.Status.choices)


class TopicFilter(SelectionFilter):
    title = _("topic")
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*((topic, label(topic)) for topic in known_topics()), (OTHERS, _("others"))]


class AccountFilter(SelectionFilter):
    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(alias, alias) for alias in accounts_told_apart()]


class SubscriptionFilter(SelectionFilter):
    """Not offered, as there may be many: the list of subscriptions leads here."""

    title = _("subscription")
    parameter_name = "subscription"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = request.GET.get(self.parameter_name, "")
        return [(chosen, f"#{chosen}")] if chosen else []


class ReceiverFilter(SelectionFilter):
    title = _("receiver that has not succeeded")
    parameter_name = "receiver"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        value = self.value()
        if not value:
            return queryset
        # What is searched for, or wanted oldest first, may be older than the newest; and an action is for all.
        is_plain = request.method == "GET" and not request.GET.get(SEARCH_VAR) and not request.GET.get(ORDER_VAR)
        failing = Selection.of_list(request.GET.dict()).newest_failing(queryset.db) if is_plain else None
        return super().queryset(request, queryset) if failing is None else queryset.filter(pk__in=failing)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = request.GET.get(self.parameter_name)
        return [(name, name) for name in sorted({*receiver_names(), *([chosen] if chosen else [])})]


def accounts_told_apart() -> list[str]:
    """Return the accounts of the settings if there are several; none if the settings can't be read."""
    try:
        aliases = conf.aliases()
    except ZenviaConfigurationError:
        return []
    return aliases if len(aliases) > 1 else []


def receiver_names() -> set[str]:
    """Return the receivers that are connected here, and those that lately did not succeed."""
    newest = Delivery.objects.using(router.db_for_write(Delivery)).order_by("-pk")
    rows = newest.values_list("receiver", "status")[:DELIVERIES_LOOKED_AT]
    connected = {receiver.name for signal in EVENT_SIGNALS for receiver in signal.connected(Event)}
    return connected | {name for name, status in rows if status in NOT_SUCCEEDED}
