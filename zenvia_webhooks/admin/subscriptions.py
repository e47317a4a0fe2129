from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.approval import question
from zenvia_webhooks.admin.columns import fields_of, number, topic_list
from zenvia_webhooks.admin.comparison import apply, plan_all
from zenvia_webhooks.admin.display import FromWriter, OwnLookups
from zenvia_webhooks.admin.forms import AddSubscriptionForm
from zenvia_webhooks.admin.setup import page as set_up
from zenvia_webhooks.admin.setup import sending
from zenvia_webhooks.admin.subscription_columns import SubscriptionList, columns_for, status
from zenvia_webhooks.admin.verbs import after_commit, ask_to_deactivate, buttons, page, perform, tell, verb_page
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of

TEMPLATES = "admin/zenvia_webhooks/subscription"


@admin.register(Subscription)
class SubscriptionAdmin(OwnLookups, FromWriter, admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """Subscriptions: added through a form of their own, then changed by buttons, as Zenvia owns what they hold.

    Zenvia is asked to change something once the rows are committed; see `verbs`.
    """

    list_display = (number, topic_list, "account", status)
    list_display_links = (topic_list,)
    list_filter = ("status",)
    show_facets = admin.ShowFacets.NEVER
    ordering = ("account", "pk")
    actions = ("register_again_selected", "deactivate_selected")

    class Media:
        css = {"all": ("zenvia_webhooks/admin.css",)}
        js = ("zenvia_webhooks/admin.js",)

    def get_fields(self, request: HttpRequest, obj: Subscription | None = None) -> Any:
        # Whoever knows the token can post events, so a mere viewer does not get to see it.
        return fields_of(obj, shows_token=self.has_register_permission(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SubscriptionList]:
        return SubscriptionList

    def get_list_display(self, request: HttpRequest) -> Any:
        return columns_for(
            self.admin_site.name,
            shows_token=self.has_register_permission(request),
            shows_events=request.user.has_perm("zenvia_webhooks.view_event"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> Any:
        return self.get_fields(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        # No field is edited; see the buttons, which ask for `has_register_permission`.
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
        wrap, name = self.admin_site.admin_view, "zenvia_webhooks_subscription"
        return [
            path("at-zenvia/", wrap(self.at_zenvia_view), name=f"{name}_at_zenvia"),
            path("at-zenvia/apply/", wrap(self.apply_view), name=f"{name}_apply"),
            path("set-up/", set_up.outside_of_transactions(wrap(self.set_up_view)), name=f"{name}_set_up"),
            path("<int:pk>/test-event/", wrap(self.test_event_view), name=f"{name}_test_event"),
            path("<int:pk>/do/<slug:verb>/", wrap(self.verb_view), name=f"{name}_verb"),
            *super().get_urls(),
        ]

    @method_decorator(csrf_protect)
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        try:
            # "Show what is sent" sends the form, too, but to be shown.
            form = AddSubscriptionForm(shown=sent) if sent and "_preview" in sent else AddSubscriptionForm(sent)
            if form.is_bound and form.is_valid() and (response := self._add(request, form)):
                return response
            previews = form.previews
        except ZenviaConfigurationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self._to(request, "changelist")
        context = self._context(request, title=_("Add subscription"), form=form, previews=previews)
        return TemplateResponse(request, f"{TEMPLATES}/add_form.html", context)

    def _add(self, request: HttpRequest, form: AddSubscriptionForm) -> HttpResponse | None:
        """Add what the form says; return None where the form then says why not."""
        is_manual = form.cleaned_data["manual"]
        if not is_manual and (page_that_asks := question(self, request, [Subscription(account=form.chosen.alias)])):
            return page_that_asks
        try:
            rows = subscriptions.add_all(form.chosen.alias, form.rows)
        except subscriptions.SubscriptionError as error:
            form.add_error("topics", str(error))
            return None
        for row in rows:
            self.log_addition(request, row, [{"added": {}}])
        back = self._to(request, "change", rows[0].pk) if len(rows) == 1 else self._to(request)
        return perform(self, request, rows, "manual" if is_manual else "register", back)

    @method_decorator(csrf_protect)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscription = self.get_object(request, object_id)
        if request.method != "POST" or subscription is None:
            host = host_of(subscription.registered_url) if subscription and subscription.is_foreign else ""
            return super().delete_view(request, object_id, {"foreign": host, **(extra_context or {})})
        if not self.has_delete_permission(request, subscription):
            raise PermissionDenied

        def delete() -> tuple[int, str]:
            name, deleted = str(subscription), self.get_queryset(request).filter(pk=subscription.pk)
            len(deleted)  # read now: the log names what is gone by then
            left_to_do = subscriptions.delete(subscription)
            self.log_deletions(request, deleted)
            done = gettext("Subscription %(subscription)s: deleted, at Zenvia too.") % {"subscription": name}
            return (messages.WARNING, left_to_do) if left_to_do else (messages.SUCCESS, done)

        after_commit(lambda: tell(self, request, subscription, delete))
        return self._to(request)

    @method_decorator(csrf_protect)
    def verb_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Do what a button of a subscription's page says."""
        return verb_page(self, request, self._get(request, pk), verb, self._context(request))

    @method_decorator(csrf_protect)
    def test_event_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test event through a subscription's callback URL, and show how far it is."""
        if not sending.may_send(request):
            raise PermissionDenied
        return sending.page(self, request, self._existing(request, pk), self._context(request))

    def set_up_view(self, request: HttpRequest) -> HttpResponse:
        """Try everything that an event has to pass, and say what is still to do."""
        if not set_up.may_look(request):
            raise PermissionDenied
        return set_up.page(request, self.admin_site.name, self._context(request))

    def _get(self, request: HttpRequest, pk: int) -> Subscription:
        if not self.has_register_permission(request):
            raise PermissionDenied
        return self._existing(request, pk)

    def _existing(self, request: HttpRequest, pk: int) -> Subscription:
        subscription: Subscription | None = self.get_object(request, str(pk))
        if subscription is None:
            raise Http404
        return subscription

    @admin.action(description=_("Register again"), permissions=["register"])
    def register_again_selected(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse:
        return perform(self, request, list(queryset), "register-again", self._to(request))

    @admin.action(description=_("Deactivate"), permissions=["register"])
    def deactivate_selected(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> HttpResponse:
        if "confirmed" not in request.POST:
            return ask_to_deactivate(request, list(queryset), self._context(request), page(self, "changelist"))
        return perform(self, request, list(queryset), "deactivate", self._to(request))

    def at_zenvia_view(self, request: HttpRequest) -> HttpResponse:
        """Show what Zenvia has registered under each account's key, and what must be done about it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_register = self.has_register_permission(request)
        context = self._context(request, title=_("Registered at Zenvia"), may_register=may_register)
        return TemplateResponse(request, f"{TEMPLATES}/at_zenvia.html", {**context, "accounts": plan_all()})

    @method_decorator(csrf_protect)
    def apply_view(self, request: HttpRequest) -> HttpResponse:
        """Do what buttons of "Registered at Zenvia" say."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_register_permission(request):
            raise PermissionDenied
        account, keys = request.POST.get("account", ""), set(request.POST.getlist("line"))
        return apply(self, request, account, keys, self._to(request, "at_zenvia"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscription = self.get_object(request, object_id)
        found = buttons(subscription) if subscription and self.has_register_permission(request) else []
        context: dict[str, Any] = {"buttons": found}
        if subscription and sending.may_have_one(subscription) and sending.may_send(request):
            context["test_event"] = sending.address(self.admin_site.name, subscription)
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def _context(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **context}

    def _to(self, request: HttpRequest, name: str = "changelist", *args: object) -> HttpResponseRedirect:
        # Who may add or delete need not be somebody who may look at what there is.
        index = reverse(f"{self.admin_site.name}:index")
        return HttpResponseRedirect(page(self, name, *args) if self.has_view_permission(request) else index)
