"""How single values look in the admin."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.admin.utils import quote
from django.db import models, router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime, now
from django.utils.translation import gettext

from zenvia_webhooks.contracts.words import words
from zenvia_webhooks.diagnosis.findings import duration
from zenvia_webhooks.models import Delivery, Event, Subscription

logger = logging.getLogger(__name__)


class FromWriter:
    """Of a ModelAdmin or an inline: show what is in the database that is written to.

    A replica may not have a new row yet, and people decide by what these pages show.
    """

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # the admin's
        return rows.using(router.db_for_write(rows.model))


class OwnLookups:
    """Of a ModelAdmin: let a list be filtered through its address by what it offers, and by nothing else.

    Django takes any field for that, so `?token__startswith=` would tell a token, letter by letter, to whoever may look.
    """

    list_filter: ClassVar[Sequence[Any]]
    model: type[models.Model]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return any(lookup in self._lookups_of(offered) for offered in self.list_filter)

    def _lookups_of(self, offered: Any) -> Sequence[str]:
        """Return the parameters of one filter of the list."""
        if not isinstance(offered, str):
            return [offered.parameter_name]
        is_time = isinstance(self.model._meta.get_field(offered), models.DateTimeField)
        return [f"{offered}__{kind}" for kind in (("gte", "lt") if is_time else ("exact",))]


def badge(look: str, label: str) -> SafeString:
    """Return a small coloured label."""
    return format_html('<span class="zenvia-badge zenvia-{}">{}</span>', look, label)


def with_name(shown: str, name: str) -> SafeString:
    """Return words for everybody, with the technical name beside them for developers."""
    return format_html('{} <span class="zenvia-name">{}</span>', shown, name)


def status_badge(row: Event | Delivery | Subscription) -> SafeString:
    """Return a status in words that a salesperson knows, with its technical name where that is another."""
    label = row.get_status_display()
    shown = badge(row.status, label)
    return shown if label == row.status else with_name(shown, row.status)


def topic_name(topic: str) -> SafeString | str:
    """Return a topic in words that a salesperson knows, with its technical name."""
    known = words(topic)
    return with_name(known, topic) if known else topic


def when(moment: datetime) -> SafeString:
    """Return how long ago it was, or how soon it will be; the exact moment shows on hover."""
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact(moment), away(moment))


def exactly(moment: datetime) -> SafeString:
    """Return a moment to the second; how long ago it was shows on hover."""
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), away(moment), exact(moment))


def away(moment: datetime) -> str:
    """Return how long ago it was, or how soon it will be."""
    seconds = (now() - moment).total_seconds()
    text = gettext("%(time)s ago") if seconds >= 0 else gettext("in %(time)s")
    return text % {"time": duration(abs(seconds))}


def exact(moment: datetime) -> str:
    """Return a moment in the user's zone, to the second."""
    local = localtime(moment)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M:%S}"


def why_not_understood(error: str) -> str:
    """Return why an event is quarantined, in the reader's language: `intake` has stored it in English."""
    text, colon, detail = error.partition(": ")
    return f"{gettext(text)}{colon}{detail}" if text else ""


def block(text: str) -> SafeString:
    """Return text as it is, line breaks included, escaped."""
    return format_html('<pre class="zenvia-block">{}</pre>', text)


def json_block(value: Any) -> SafeString:
    """Return JSON pretty-printed and escaped."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))


def result_link(delivery: Delivery, site: str) -> SafeString | str:
    """Return a link to what a receiver returned; as text where it can't be loaded, printed or linked.

    Its model, manager and `__str__` are the host's, and may have changed since; the event must be shown all the same.
    """
    text = str(delivery.result)
    try:
        using = router.db_for_read(apps.get_model(text.partition(":")[0]))
        # A failed query must not break the transaction that a host has put around the view.
        with transaction.atomic(using=using):
            found = delivery.result_object
            return text if found is None else object_link(found, site)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # whatever it is: see above
        logger.debug("the result %r of delivery=%s can't be shown", text, delivery.pk, exc_info=True)
        return text


def object_link(instance: models.Model, site: str) -> SafeString | str:
    """Return a link to an object's page in the admin; its text alone where it has none."""
    options = instance._meta
    try:
        url = reverse(f"{site}:{options.app_label}_{options.model_name}_change", args=[quote(instance.pk)])
    except NoReverseMatch:
        return str(instance)
    return format_html('<a href="{}">{}</a>', url, instance)
