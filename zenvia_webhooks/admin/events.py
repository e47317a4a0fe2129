from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.admin.views.main import SEARCH_VAR
from django.db import router
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from zenvia_webhooks.admin import event_page, replay
from zenvia_webhooks.admin.display import FromWriter, OwnLookups, block, json_block, status_badge
from zenvia_webhooks.admin.event_columns import COLUMNS, account, topic
from zenvia_webhooks.admin.event_filters import (
    AccountFilter,
    BoundedPaginator,
    EventList,
    ReceiverFilter,
    StatusFilter,
    SubscriptionFilter,
    TopicFilter,
    accounts_told_apart,
)
from zenvia_webhooks.admin.masked import shown_to
from zenvia_webhooks.admin.payload_tree import tree
from zenvia_webhooks.admin.people import People
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.people.masking import may_see
from zenvia_webhooks.replay.selection import Selection


@admin.register(Event)
class EventAdmin(People, OwnLookups, FromWriter, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Events, to find, to read, to replay and to erase."""

    list_display = COLUMNS
    list_display_links = ("person", topic)
    list_filter = (StatusFilter, TopicFilter, AccountFilter, ReceiverFilter, "received_at", SubscriptionFilter)
    #: Has the box shown; what it looks for is a person: see `People`.
    search_fields = ("pk",)
    search_help_text = _("The whole phone number, in any notation, the e-mail address, or the lead's id.")
    #: Counting what each filter would show reads the whole table, once a filter.
    show_facets = admin.ShowFacets.NEVER
    #: As they were stored: in that order, an index finds what the list is narrowed to.
    ordering = ("-pk",)
    actions = ("replay_selected", "erase_selected")
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    #: A name here is one of ours below, a field of the model, or one of `event_page.fields_for()`.
    fieldsets = (
        (None, {"fields": ("who", "what", "status_badge", "error", "others")}),
        (_("What happened"), {"classes": ("zenvia-wide-field",), "fields": ("story",)}),
        (_("Payload"), {"classes": ("zenvia-wide-field",), "fields": ("payload_block",)}),
        (
            _("More"),
            {
                "classes": ("collapse",),
                "fields": (
                    "account",
                    "subscription",
                    "contract",
                    "occurred_at",
                    "received_at",
                    "next_attempt_at",
                    "finished_at",
                    "duplicates",
                    "remote_addr",
                    "body_block",
                    "headers_block",
                ),
            },
        ),
    )

    class Media:
        css = {"all": ("zenvia_webhooks/admin.css",)}
        js = ("zenvia_webhooks/admin.js",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventList]:
        return EventList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        # A list reads neither: each may be 256 KB a row.
        return super().get_queryset(request).select_related("subscription").defer("payload", "body")

    @admin.display(description=_("person"))
    def person(self, event: Event) -> str:
        return event.summary or "-"

    @admin.display(description=_("status"))
    def status_badge(self, event: Event) -> SafeString:
        return status_badge(event)

    @admin.display(description=_("payload"))
    def payload_block(self, event: Event) -> SafeString | str:
        return tree(event.payload) if event.payload is not None else "-"

    @admin.display(description=_("exact body"))
    def body_block(self, event: Event) -> SafeString:
        return block(event.body.decode("utf-8", errors="backslashreplace"))

    @admin.display(description=_("headers"))
    def headers_block(self, event: Event) -> SafeString:
        return json_block(event.headers)

    def get_list_display(self, request: HttpRequest) -> Any:
        columns = [*self.list_display, account] if accounts_told_apart() else self.list_display
        return shown_to(request, columns)

    def get_fieldsets(self, request: HttpRequest, obj: Event | None = None) -> Any:
        ours: dict[Any, Any] = dict(event_page.fields_for(request, self.admin_site.name))
        left_out = set() if obj and obj.error else {"error"}
        if obj and obj.payload is None:
            # The body is all there is to see.
            left_out.add("body_block")
            # Of one that was erased, there is not even that.
            ours["payload_block"] = "body_block" if obj.body else "payload_block"
        return [
            (title, {**options, "fields": shown_to(request, (ours.get(name, name) for name in names))})
            for title, options in self.fieldsets
            if (names := [name for name in options["fields"] if name not in left_out])
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
        return replay.may_replay(request)

    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "zenvia_webhooks_event_replay"
        return [
            path("replay/", wrap(self.replay_view), name=name),
            path("replay/progress/", wrap(self.progress_view), name=f"{name}_progress"),
            path("replay/stop/", wrap(self.stop_view), name=f"{name}_stop"),
            path("<int:pk>/dismiss/<int:delivery>/", wrap(self.dismiss_view), name="zenvia_webhooks_event_dismiss"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        selection = Selection.of_list(request.GET.dict())
        # What is found by a person can be chosen in the list: a replay stores nothing of people.
        may_replay_all = (
            self.has_replay_permission(request)
            and selection.as_parameters()
            and not {*selection.statuses}.intersection(replay.LEFT_ALONE)
            and SEARCH_VAR not in request.GET
        )
        context = {
            "replay_address": replay.address_of(self, selection) if may_replay_all else "",
            "is_read_again": selection.statuses == (Event.Status.QUARANTINED,),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, object_id)
        context: dict[str, Any] = {"may_erase": self.has_erase_permission(request)}
        if event and event.status not in replay.LEFT_ALONE and self.has_replay_permission(request):
            context["replay_address"] = replay.address_of(self, Selection(ids=(event.pk,)))
        response = super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
        shown = getattr(response, "context_data", None) or {}
        if may_see(request) and isinstance(event := shown.get("original"), Event):
            self.log_change(request, event, gettext("Payload viewed."))
        return response

    @method_decorator(csrf_protect)
    def replay_view(self, request: HttpRequest) -> HttpResponse:
        """Ask before events are replayed."""
        replay.require(request)
        return replay.ask(self, request, self._context(request))

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """Show how far the last replay is."""
        replay.require(request)
        return replay.progress(self, request, self._context(request))

    @method_decorator(csrf_protect)
    def stop_view(self, request: HttpRequest) -> HttpResponse:
        replay.require(request)
        return replay.stop(self, request)

    @method_decorator(csrf_protect)
    def dismiss_view(self, request: HttpRequest, pk: int, delivery: int) -> HttpResponse:
        """End a delivery that nobody needs any more, by a button of the story."""
        replay.require(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        event = self.get_object(request, str(pk))
        row = event and event.deliveries.using(router.db_for_write(Delivery)).filter(pk=delivery).first()
        if not event or not row:
            raise Http404
        if row.dismiss():
            text = gettext("Dismissed: %(receiver)s. Only a replay that names it runs it again.")
            self.log_change(request, event, gettext("Dismissed %(receiver)s.") % {"receiver": row.receiver})
        else:
            text = gettext("Not dismissed: %(receiver)s. It is done already, or a worker has the event: look again.")
        level = messages.SUCCESS if row.status == Delivery.Status.DISMISSED else messages.WARNING
        self.message_user(request, text % {"receiver": row.receiver}, level)
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:zenvia_webhooks_event_change", args=[pk]))

    @admin.action(description=_("Replay"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Event]) -> HttpResponse:
        """Ask about the events that are ticked, or about all that match."""
        if request.POST.get("select_across") == "1" and SEARCH_VAR not in request.GET:
            return HttpResponseRedirect(replay.address_of(self, Selection.of_list(request.GET.dict())))
        ids = tuple(queryset.order_by("-pk").values_list("pk", flat=True)[: replay.MOST_IDS + 1])
        if len(ids) > replay.MOST_IDS:
            text = gettext("At most %(count)d events can be replayed at a time in this way: the newest are shown.")
            self.message_user(request, text % {"count": replay.MOST_IDS}, messages.WARNING)
        return HttpResponseRedirect(replay.address_of(self, Selection(ids=ids[: replay.MOST_IDS])))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
