"""The page that asks before a registration cuts off what others have at Zenvia."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of

#: The field in which the page sends Zenvia's ids of what it named.
APPROVED = "approved"


def approved(request: HttpRequest) -> frozenset[str]:
    """Return Zenvia's ids of the foreign subscriptions that a person has agreed to cut off, on the page that asks."""
    return frozenset(request.POST.getlist(APPROVED))


def carried(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of a form that a page which asks has to send anew."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        if name not in ("csrfmiddlewaretoken", APPROVED)
        for value in values
    ]


def question(
    model_admin: ModelAdmin[Any], request: HttpRequest, rows: Iterable[Subscription]
) -> TemplateResponse | None:
    """Return the page that names whom registrations of these rows would cut off, but for whom was agreed to already.

    It sends the present request anew, with the ids that it names. None where nobody is cut off, or that can't be asked:
    then the registration says so.
    """
    foreign: list[RemoteSubscription] = []
    for row in rows:
        try:
            foreign += subscriptions.foreign_cut_off_by(row)
        except (ZenviaError, ZenviaConfigurationError):
            continue
    if approved(request).issuperset(remote.id for remote in foreign):
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "title": _("Cut off another system?"),
        "carried": carried(request),
        "foreign": [
            {"id": remote.id, "host": host_of(remote.callback_url), "topics": remote.topics}
            for remote in {remote.id: remote for remote in foreign}.values()
        ],
    }
    return TemplateResponse(request, "admin/zenvia_webhooks/subscription/confirm.html", context)
