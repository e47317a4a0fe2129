"""What the admin shows of a subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin import display
from zenvia_webhooks.admin.display import badge, exactly, topic_name
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.redaction import redact_tokens
from zenvia_webhooks.subscriptions import messages

Field = str | Callable[[Subscription], Any]


@admin.display(description="#")
def number(subscription: Subscription) -> str:
    """Return what messages call it."""
    return str(subscription.pk)


@admin.display(description=_("topics"))
def topic_list(subscription: Subscription) -> SafeString:
    """Return its topics, a line each."""
    return format_html_join(
        "", '<div class="zenvia-topic">{}</div>', ((topic_name(one),) for one in subscription.topics)
    )


@admin.display(description=_("status"), ordering="status")
def status_badge(subscription: Subscription) -> SafeString:
    look = subscription.status
    if subscription.is_foreign:
        text, look = gettext("registered for another site"), "foreign"
    elif subscription.is_ending:
        text, look = gettext("removal under way"), subscription.Status.PENDING
    elif subscription.is_manual:
        text = gettext("active, registered manually")
    elif subscription.is_changing:
        text = gettext("change under way")
    elif not_listed(subscription):
        text, look = gettext("active, not listed"), subscription.Status.PENDING
    else:
        return display.status_badge(subscription)
    return badge(look, text)


@admin.display(description=_("another site"))
def other_site(subscription: Subscription) -> str:
    host = host_of(subscription.registered_url)
    return gettext(
        "Registered for %(host)s, as in a copied database. Nothing is done about it at Zenvia until you say so: "
        "“Register for this site” takes it over, “Deactivate here” and “Delete” change this row alone."
    ) % {"host": host}


@admin.display(description=_("at Zenvia"))
def not_listed(subscription: Subscription) -> str:
    return messages.not_listed(subscription)


@admin.display(description=_("old callback URL"))
def old_url(subscription: Subscription) -> str:
    return gettext("Until %(until)s it is good as well.") % {"until": messages.overlap_ends(subscription)}


@admin.display(description=_("callback URL"))
def url_to_copy(subscription: Subscription) -> SafeString:
    return format_html(
        '<code id="zenvia-url" class="zenvia-url">{}</code> '
        '<button type="button" class="zenvia-link" data-zenvia-copy="zenvia-url" hidden>{}</button>',
        subscription.registered_url,
        gettext("Copy URL"),
    )


@admin.display(description=_("callback URL"))
def masked_url(subscription: Subscription) -> str:
    return redact_tokens(subscription.registered_url)


def _time(name: str) -> Field:
    """Return a field that shows a moment of a row as every page of ours does."""

    @admin.display(description=Subscription._meta.get_field(name).verbose_name)  # type: ignore[union-attr]  # a column
    def shown(subscription: Subscription) -> SafeString | str:
        moment = getattr(subscription, name)
        return exactly(moment) if moment else "-"

    shown.__name__ = name
    return shown


TIMES = [_time(name) for name in ("last_event_at", "last_synced_at", "created_at", "updated_at")]


def fields_of(subscription: Subscription | None, *, shows_token: bool) -> list[Field]:
    """Return the fields of a subscription's page; those that would be empty are left out."""
    row = subscription or Subscription()
    maybe: list[tuple[Field, bool]] = [
        (other_site, row.is_foreign),
        (not_listed, bool(not_listed(row))),
        ("last_error", bool(row.last_error)),
        (old_url, bool(messages.overlap_ends(row))),
    ]
    return [
        topic_list,
        "account",
        *(["contract"] if row.contract else []),
        status_badge,
        *(field for field, is_there in maybe if is_there),
        url_to_copy if shows_token else masked_url,
        "remote_id",
        *TIMES,
    ]
