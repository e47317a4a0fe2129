"""What the admin shows of events to whoever may not see what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.display import why_not_understood
from zenvia_webhooks.admin.event_columns import status, status_alone
from zenvia_webhooks.models import Event
from zenvia_webhooks.people.masking import HIDDEN, hide, mask, may_see

Field = str | Callable[[Any], Any]


def shown_to(request: HttpRequest, fields: Iterable[Any]) -> list[Field]:
    """Return fields or columns of events; what tells of a person, masked where it must be."""
    return list(fields) if may_see(request) else [MASKED.get(name, name) for name in fields]


@admin.display(description=_("person"))
def person(event: Event) -> str:
    return mask(event.summary) or "-"


@admin.display(description=_("error"))
def error(event: Event) -> str:
    return hide(why_not_understood(event.error))


def label_of(result: str) -> str:
    """Return of what model a result is, not which one: its text is the host's, and its key may be a number."""
    return str(result).partition(":")[0]


@admin.display(description=_("payload"))
def payload(event: Event) -> str:
    return HIDDEN


@admin.display(description=_("exact body"))
def body(event: Event) -> str:
    return HIDDEN


@admin.display(description=_("headers"))
def headers(event: Event) -> str:
    return HIDDEN


@admin.display(description=_("remote address"))
def remote_addr(event: Event) -> str:
    return hide(event.remote_addr or "")


#: Field of a page, or column of a list → what stands in its place.
MASKED: Mapping[Field, Field] = {
    status: status_alone,
    "person": person,
    "error": error,
    "payload_block": payload,
    "body_block": body,
    "headers_block": headers,
    "remote_addr": remote_addr,
}
