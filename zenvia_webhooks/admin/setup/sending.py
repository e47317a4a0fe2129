"""The page of a subscription on which a test event is sent, and its steps turn green."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.setup.lines import line_of
from zenvia_webhooks.admin.verbs import after_commit
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import origin_of
from zenvia_webhooks.people.masking import may_see
from zenvia_webhooks.test_event.answers import BROKE_OFF
from zenvia_webhooks.test_event.samples import invented_person, names_person, topics_of
from zenvia_webhooks.test_event.sending import address_of, last, send
from zenvia_webhooks.test_event.steps import progress_of

TEMPLATE = "admin/zenvia_webhooks/setup/test_event.html"


class TopicForm(forms.Form):
    """Which topic is sent."""

    topic = forms.ChoiceField(label=_("Topic"))

    def __init__(self, data: Any, topics: list[str]) -> None:
        super().__init__(data)
        self.fields["topic"] = forms.ChoiceField(label=_("Topic"), choices=[(topic, label(topic)) for topic in topics])


def may_send(request: HttpRequest) -> bool:
    """Tell whether a user may have receivers run: whoever may have Zenvia send events here may, too."""
    user = request.user
    return bool(
        user.has_perm("zenvia_webhooks.change_subscription") or user.has_perm("zenvia_webhooks.add_subscription")
    )


def address(site: str, row: Subscription) -> str:
    return reverse(f"{site}:zenvia_webhooks_subscription_test_event", args=[row.pk])


def may_have_one(row: Subscription) -> bool:
    """Tell whether a subscription's webhook is good, and this site's."""
    return row.status != row.Status.INACTIVE and not row.is_foreign


def page(
    model_admin: ModelAdmin[Any], request: HttpRequest, row: Subscription, context: dict[str, Any]
) -> HttpResponse:
    """Ask which topic, send, and show how far it is: one page, whose address says nothing but whose it is."""
    site, run, what = model_admin.admin_site.name, last(row), _what(row)
    form = TopicForm(request.POST if request.method == "POST" else None, what["topics"])
    is_sending = run is not None and run.finished_at is None and run.age < BROKE_OFF
    if request.method == "POST" and form.is_valid():
        if is_sending:
            text = gettext("Nothing was sent: a test event is under way.")
            model_admin.message_user(request, text, messages.WARNING)
        else:
            _send(model_admin, request, row, form.cleaned_data["topic"])
        return HttpResponseRedirect(address(site, row))
    if run is not None:
        context["progress"] = progress = progress_of(row, run, sees=may_see(request))
        pk = progress.event and progress.event.pk
        may_look = pk and request.user.has_perm("zenvia_webhooks.view_event")
        of_event = reverse(f"{site}:zenvia_webhooks_event_change", args=[pk]) if may_look else ""
        context |= {"lines": [line_of(step, of_event) for step in progress.steps], "topic": label(run.sent.topic)}
    context |= {"title": _("Test event"), "original": row, "form": form, "is_sending": is_sending, **what}
    return TemplateResponse(request, TEMPLATE, context)


def _what(row: Subscription) -> dict[str, Any]:
    """Return what can be sent, where to, and about whom; or why nothing can be."""
    try:
        where, topics = origin_of(address_of(row)), topics_of(row)
    except ZenviaConfigurationError as error:
        return {"topics": [], "why_not": str(error)}
    return {
        "where": where,
        "topics": topics,
        "person": invented_person(),
        "names": any(names_person(row, topic) for topic in topics),
        "nameless": [label(topic) for topic in topics if not names_person(row, topic)],
    }


def _send(model_admin: ModelAdmin[Any], request: HttpRequest, row: Subscription, topic: str) -> None:
    model_admin.log_change(request, row, gettext("Sent a test event: %(topic)s.") % {"topic": topic})

    def work() -> None:
        try:
            send(row, topic)
        except ZenviaConfigurationError as error:
            model_admin.message_user(request, str(error), messages.ERROR)

    after_commit(work)
