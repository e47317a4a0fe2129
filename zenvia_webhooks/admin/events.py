from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from zenvia_webhooks.admin.display import (
    FromWriter,
    OwnLookups,
    block,
    json_block,
    result_link,
    status_badge,
    topic_name,
)
from zenvia_webhooks.admin.masked import shown_to
from zenvia_webhooks.admin.people import People
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import ENVELOPES
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.people.masking import may_see

#: A list counts no further: on a large table, counting every row takes longer than showing the page.
MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """A paginator that stops counting at `MOST_COUNTED`."""

    @cached_property
    def count(self) -> int:
        rows = cast("QuerySet[Event]", self.object_list)
        return rows[:MOST_COUNTED].count()


class TopicFilter(admin.SimpleListFilter):
    """The topics that are known: asking the table for its own would read all of it."""

    title = _("topic")
    parameter_name = "topic"
    others = "others"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*((topic, label(topic)) for topic in _known_topics()), (self.others, _("others"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        if self.value() == self.others:
            return queryset.exclude(topic__in=_known_topics())
        return queryset.filter(topic=self.value()) if self.value() else queryset


class DeliveryInline(FromWriter, admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs alone
    """How handing the event to each receiver went."""

    model = Delivery
    fields = (
        "receiver",
        "status_badge",
        "attempts",
        "next_attempt_at",
        "duration_ms",
        "error_block",
        "result_link",
        "finished_at",
    )
    readonly_fields = fields
    ordering = ("pk",)
    can_delete = False
    extra = max_num = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # to whoever may see the page that it is on

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        return shown_to(request, self.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        return self.get_fields(request, obj)

    @admin.display(description=_("status"))
    def status_badge(self, delivery: Delivery) -> SafeString:
        return status_badge(delivery)

    @admin.display(description=_("error"))
    def error_block(self, delivery: Delivery) -> SafeString | str:
        return block(delivery.error) if delivery.error else ""

    @admin.display(description=_("result"))
    def result_link(self, delivery: Delivery) -> SafeString | str:
        return result_link(delivery, self.admin_site.name)


@admin.register(Event)
class EventAdmin(People, OwnLookups, FromWriter, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Events, to find, to read, to replay and to erase."""

    list_display = ("topic_or_error", "person", "status_badge", "received_at")
    list_display_links = ("topic_or_error",)
    list_filter = ("status", TopicFilter, "received_at")
    #: Has the box shown; what it looks for is a person: see `People`.
    search_fields = ("pk",)
    search_help_text = _("The whole phone number, in any notation, the e-mail address, or the lead's id.")
    #: Counting what each filter would show reads the whole table, once a filter.
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-received_at", "-pk")
    actions = ("replay_selected", "erase_selected")
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    inlines = (DeliveryInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "topic_or_error",
                    "person",
                    "status_badge",
                    "how_it_came",
                    "occurred_at",
                    "received_at",
                    "error",
                )
            },
        ),
        (_("Payload"), {"fields": ("payload_block", "body_block")}),
        (
            _("More"),
            {
                "classes": ("collapse",),
                "fields": (
                    "account",
                    "subscription",
                    "contract",
                    "next_attempt_at",
                    "finished_at",
                    "duplicates",
                    "headers_block",
                    "remote_addr",
                ),
            },
        ),
    )
    #: Of interest where the body could not be read, and nowhere else.
    quarantine_fields = ("error", "body_block")

    class Media:
        css = {"all": ("zenvia_webhooks/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        # A list reads neither: each may be 256 KB a row.
        return super().get_queryset(request).select_related("subscription").defer("payload", "body")

    @admin.display(description=_("topic"))
    def topic_or_error(self, event: Event) -> str:
        return topic_name(event.topic) if event.topic else gettext("not understood")

    @admin.display(description=_("person"))
    def person(self, event: Event) -> str:
        return event.summary or "-"

    @admin.display(description=_("status"))
    def status_badge(self, event: Event) -> SafeString:
        return status_badge(event)

    @admin.display(description=_("how it came"))
    def how_it_came(self, event: Event) -> str:
        lines = []
        if event.origin == Event.Origin.RECOVERED:
            lines.append(gettext("recovered: its webhook never came"))
        if event.same_as not in (None, event.pk):
            lines.append(gettext("same as #%(event)d, which receivers had in its place") % {"event": event.same_as})
        return "; ".join(lines)

    @admin.display(description=_("payload"))
    def payload_block(self, event: Event) -> SafeString | str:
        return json_block(event.payload) if event.payload is not None else "-"

    @admin.display(description=_("exact body"))
    def body_block(self, event: Event) -> SafeString:
        return block(event.body.decode("utf-8", errors="backslashreplace"))

    @admin.display(description=_("headers"))
    def headers_block(self, event: Event) -> SafeString:
        return json_block(event.headers)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = [*self.list_display, "account"] if len(conf.aliases()) > 1 else self.list_display
        return shown_to(request, columns)

    def get_fieldsets(self, request: HttpRequest, obj: Event | None = None) -> Any:
        if obj is None:
            return self.fieldsets
        left_out = set() if obj.status == Event.Status.QUARANTINED else set(self.quarantine_fields)
        if not self.how_it_came(obj):
            left_out.add("how_it_came")
        return [
            (
                title,
                {**options, "fields": shown_to(request, (name for name in options["fields"] if name not in left_out))},
            )
            for title, options in self.fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Event | None = None) -> Any:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_replay_permission(request)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Tell whether a user may replay."""
        return bool(request.user.has_perm("zenvia_webhooks.replay_event"))

    def get_urls(self) -> list[URLPattern]:
        replay = self.admin_site.admin_view(self.replay_view)
        return [path("<int:pk>/replay/", replay, name="zenvia_webhooks_event_replay"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        may = {"may_replay": self.has_replay_permission(request), "may_erase": self.has_erase_permission(request)}
        context = {**may, **(extra_context or {})}
        response = super().change_view(request, object_id, form_url, context)
        shown = getattr(response, "context_data", None) or {}
        if may_see(request) and isinstance(event := shown.get("original"), Event):
            self.log_change(request, event, gettext("Payload viewed."))
        return response

    @method_decorator(csrf_protect)
    def replay_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Replay one event, by the button on its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        event = self.get_object(request, str(pk))
        if event is None:
            raise Http404
        if not self.has_replay_permission(request):
            raise PermissionDenied
        self.replay_selected(request, self.get_queryset(request).filter(pk=pk))
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:zenvia_webhooks_event_change", args=[pk]))

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Event]) -> None:
        """Hand events again to the receivers that have not succeeded; to all where each has."""
        replayed, left = 0, []
        for event in queryset.iterator(chunk_size=500):
            if event.replay():
                replayed += 1
                self.log_change(request, event, gettext("Replayed."))
            else:
                left.append(event)
        if replayed:
            text = ngettext("%(count)d event is being replayed.", "%(count)d events are being replayed.", replayed)
            self.message_user(request, text % {"count": replayed}, messages.SUCCESS)
        if left:
            text = gettext(
                "Not replayed: %(events)s. An event can't be replayed while it is pending or in a worker's hands, "
                "while it is quarantined, once it is erased, or when no receiver is connected for it."
            )
            shown = ", ".join(map(str, left[:10])) + (", …" if len(left) > 10 else "")
            self.message_user(request, text % {"events": shown}, messages.WARNING)


def _known_topics() -> list[str]:
    return sorted({topic for envelope in ENVELOPES.values() for topic in envelope.ARRIVING})
