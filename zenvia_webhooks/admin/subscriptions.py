from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.display import badge
from zenvia_webhooks.admin.forms import AddSubscriptionForm
from zenvia_webhooks.admin.remote import remote_lists
from zenvia_webhooks.client import mask_tokens
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription

#: Does something about one subscription; returns what is left for a person to do, if anything.
Verb = Callable[[Subscription], str | None]

#: Returns level and text of the message that tells how it went.
Report = Callable[[Subscription], tuple[int, str]]

VERBS: dict[str, Verb] = {
    "register-again": subscriptions.register_again,
    "by-hand": subscriptions.register_by_hand,
    "deactivate": subscriptions.deactivate,
}

LEVELS = {
    Subscription.Status.ACTIVE: messages.SUCCESS,
    Subscription.Status.INACTIVE: messages.SUCCESS,
    Subscription.Status.PENDING: messages.WARNING,
}


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Subscriptions: added through a form of their own, then changed by buttons, as Zenvia owns what they hold.

    Zenvia is called once the rows are committed, even with ATOMIC_REQUESTS; messages still show.
    """

    list_display = ("topic_list", "account", "status_badge", "remote_id", "last_event_at", "created_at")
    list_display_links = ("topic_list",)
    list_filter = ("status",)
    ordering = ("account", "pk")
    actions = ("register_again_selected", "deactivate_selected")
    fields = (
        "topic_list",
        "account",
        "status_badge",
        "last_error",
        "url_to_copy",
        "remote_id",
        "last_event_at",
        "last_synced_at",
        "created_at",
        "updated_at",
    )

    class Media:
        css = {"all": ("zenvia_webhooks/admin.css",)}
        js = ("zenvia_webhooks/admin.js",)

    @admin.display(description=_("topics"))
    def topic_list(self, subscription: Subscription) -> str:
        return ", ".join(subscription.topics)

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, subscription: Subscription) -> SafeString:
        label = gettext("active, registered by hand") if subscription.is_by_hand else subscription.get_status_display()
        return badge(subscription.status, label)

    @admin.display(description=_("callback URL"))
    def url_to_copy(self, subscription: Subscription) -> SafeString:
        return format_html(
            '<input class="vLargeTextField zenvia-copy" readonly value="{}" aria-label="{}">',
            subscription.registered_url,
            _("callback URL"),
        )

    @admin.display(description=_("callback URL"))
    def masked_url(self, subscription: Subscription) -> str:
        return mask_tokens(subscription.registered_url)

    def get_fields(self, request: HttpRequest, obj: Subscription | None = None) -> Any:
        # Whoever knows the token can post events, so a mere viewer does not get to see it.
        if self.has_register_permission(request):
            return self.fields
        return ["masked_url" if name == "url_to_copy" else name for name in self.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> Any:
        return self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        # No field is edited by hand; see the buttons, which ask for `has_register_permission`.
        return False

    def has_view_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        return super().has_view_permission(request, obj) or self.has_register_permission(request)

    def has_register_permission(self, request: HttpRequest) -> bool:
        """Tell whether a user may have Zenvia called: Django's permission to change subscriptions."""
        return bool(request.user.has_perm("zenvia_webhooks.change_subscription"))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        # Django asks by location from 6.1 on.
        where = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **where)
        actions.pop("delete_selected", None)  # it would not ask Zenvia
        return actions

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("at-zenvia/", wrap(self.at_zenvia_view), name="zenvia_webhooks_subscription_at_zenvia"),
            path("<int:pk>/do/<slug:verb>/", wrap(self.verb_view), name="zenvia_webhooks_subscription_verb"),
            *super().get_urls(),
        ]

    @method_decorator(csrf_protect)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            form = AddSubscriptionForm(request.POST if request.method == "POST" else None)
            if form.is_bound and form.is_valid():
                return self._add(request, form)
            previews = form.previews
        except ZenviaConfigurationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self._to_list()
        context = self._context(request, _("Add subscription"), form=form, previews=previews)
        return TemplateResponse(request, "admin/zenvia_webhooks/subscription/add_form.html", context)

    def _add(self, request: HttpRequest, form: AddSubscriptionForm) -> HttpResponse:
        try:
            with transaction.atomic(using=router.db_for_write(Subscription)):
                rows = form.save()
        except IntegrityError:
            # The second of a double click: the first has saved the same tokens meanwhile.
            self.message_user(request, gettext("This form was sent already."), messages.WARNING)
            return self._to_list()
        for row in rows:
            self.log_addition(request, row, [{"added": {}}])
        verb = subscriptions.register_by_hand if form.cleaned_data["by_hand"] else subscriptions.register
        self._call_zenvia(request, rows, verb)
        return self._to_page(rows[0]) if len(rows) == 1 else self._to_list()

    @method_decorator(csrf_protect)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscription = self.get_object(request, object_id)
        if request.method != "POST" or subscription is None:
            return super().delete_view(request, object_id, extra_context)
        if not self.has_delete_permission(request, subscription):
            raise PermissionDenied
        self._call_zenvia(request, [subscription], self._delete(request), report=_deleted)
        return self._to_list()

    def _delete(self, request: HttpRequest) -> Verb:
        def delete(subscription: Subscription) -> str:
            deleted = Subscription.objects.filter(pk=subscription.pk)
            len(deleted)  # read now: the log names what is gone by then
            left_to_do = subscriptions.delete(subscription)
            self.log_deletions(request, deleted)
            return left_to_do

        return delete

    @method_decorator(csrf_protect)
    def verb_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Do what a button of a subscription's page says."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        subscription = self.get_object(request, str(pk))
        if subscription is None or verb not in VERBS:
            raise Http404
        if not self.has_register_permission(request):
            raise PermissionDenied
        self._call_zenvia(request, [subscription], VERBS[verb])
        return self._to_page(subscription)

    @admin.action(description=_("Register again"), permissions=["register"])
    def register_again_selected(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._call_zenvia(request, list(queryset), subscriptions.register_again)

    @admin.action(description=_("Deactivate"), permissions=["register"])
    def deactivate_selected(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> None:
        self._call_zenvia(request, list(queryset), subscriptions.deactivate)

    def at_zenvia_view(self, request: HttpRequest) -> HttpResponse:
        """Show what Zenvia has registered under each account's key."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = self._context(request, _("Registered at Zenvia"), accounts=remote_lists())
        return TemplateResponse(request, "admin/zenvia_webhooks/subscription/at_zenvia.html", context)

    def _call_zenvia(
        self, request: HttpRequest, rows: Sequence[Subscription], verb: Verb, *, report: Report | None = None
    ) -> None:
        """Do something about each row once the present transaction is committed, and say how it went."""

        def call() -> None:
            for row in rows:
                try:
                    said = verb(row)
                except (subscriptions.StillRegisteredError, ZenviaConfigurationError, ValueError) as error:
                    self.message_user(
                        request,
                        gettext("Subscription %(subscription)s: %(error)s") % {"subscription": row, "error": error},
                        messages.ERROR,
                    )
                    continue
                level, text = (messages.WARNING, said) if said else (report or _described)(row)
                self.message_user(request, text, level)

        transaction.on_commit(call, using=router.db_for_write(Subscription))

    def _context(self, request: HttpRequest, title: Any, **context: Any) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "media": self.media,
            **context,
        }

    def _to_list(self) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:zenvia_webhooks_subscription_changelist"))

    def _to_page(self, subscription: Subscription) -> HttpResponse:
        name = f"{self.admin_site.name}:zenvia_webhooks_subscription_change"
        return HttpResponseRedirect(reverse(name, args=[subscription.pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscription = self.get_object(request, object_id)
        buttons = self._buttons(subscription) if subscription and self.has_register_permission(request) else []
        return super().change_view(request, object_id, form_url, {"buttons": buttons, **(extra_context or {})})

    def _buttons(self, subscription: Subscription) -> list[tuple[str, Any]]:
        """Return verb and label of what can be done about a subscription in its present status."""
        buttons: list[tuple[str, Any]] = []
        if subscription.status == Subscription.Status.PENDING:
            buttons.append(("register-again", _("Look at Zenvia again")))
        elif subscription.status != Subscription.Status.ACTIVE:
            buttons.append(("register-again", _("Register again")))
        if subscription.status in (Subscription.Status.PENDING, Subscription.Status.FAILED):
            buttons.append(("by-hand", _("Registered by hand")))
        if subscription.status != Subscription.Status.INACTIVE:
            buttons.append(("deactivate", _("Deactivate")))
        return buttons


def _described(subscription: Subscription) -> tuple[int, str]:
    return LEVELS.get(Subscription.Status(subscription.status), messages.ERROR), subscriptions.describe(subscription)


def _deleted(subscription: Subscription) -> tuple[int, str]:
    return messages.SUCCESS, gettext("Subscription %(subscription)s: deleted, at Zenvia too.") % {
        "subscription": subscription
    }
