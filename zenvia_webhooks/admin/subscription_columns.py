"""What the list of subscriptions shows of each."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import router
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.columns import Field, number, status_badge, topic_list
from zenvia_webhooks.admin.display import when
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Event, Subscription

#: Failures are looked for among so many of the newest events, of so many days.
NEWEST, DAYS = 10_000, 7
#: What an event is while some receiver has not succeeded.
FAILING = (Event.Status.RETRYING, Event.Status.FAILED)


class SubscriptionList(ChangeList):
    """A list that knows how many events of late failed, by one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        events = Event.objects.using(router.db_for_write(Event)).filter(received_at__gte=now() - timedelta(days=DAYS))
        newest = events.order_by("-received_at", "-pk").values_list("subscription_id", "status")[:NEWEST]
        failures = Counter(subscription for subscription, status in newest if status in FAILING)
        self.result_list = list(self.result_list)
        for row in self.result_list:
            row.failures = failures[row.pk]


@admin.display(description=_("status"), ordering="status")
def status(subscription: Subscription) -> SafeString:
    """Show the status, and what is wrong in one line."""
    shown = status_badge(subscription)
    wrong = subscription.last_error.partition("\n")[0]
    return format_html('{}<div class="zenvia-wrong">{}</div>', shown, wrong) if wrong else shown


@admin.display(description=_("last event"), ordering="last_event_at")
def last_event(subscription: Subscription) -> SafeString | str:
    if subscription.last_event_at is None:
        return gettext("none yet")
    shown = when(subscription.last_event_at)
    if not _is_quiet(subscription):
        return shown
    return format_html('{}<div class="zenvia-wrong zenvia-retrying">{}</div>', shown, gettext("quiet for too long"))


def _is_quiet(subscription: Subscription) -> bool:
    try:
        hours = conf.quiet_hours
    except ZenviaConfigurationError:
        return False
    is_active, last = subscription.status == Subscription.Status.ACTIVE, subscription.last_event_at
    return is_active and hours is not None and last is not None and now() - last > timedelta(hours=hours)


def columns_for(site: str, *, shows_token: bool, shows_events: bool) -> list[Field]:
    """Return the columns of the list: with the callback URL, and a link to the events, for whoever may see those."""

    @admin.display(description=_("events"))
    def events(subscription: Subscription) -> SafeString:
        address = f"{reverse(f'{site}:zenvia_webhooks_event_changelist')}?subscription={subscription.pk}"
        shown = format_html('<a href="{}">{}</a>', address, gettext("Its events"))
        failures: int = getattr(subscription, "failures", 0)
        if not failures:
            return shown
        text = ngettext("%(count)d failing", "%(count)d failing", failures) % {"count": failures}
        return format_html('{} <div class="zenvia-wrong zenvia-failed">{}</div>', shown, text)

    @admin.display(description=_("callback URL"))
    def callback(subscription: Subscription) -> SafeString:
        return format_html(
            '<input type="hidden" id="zenvia-url-{0}" value="{1}">'
            '<button type="button" class="zenvia-link" data-zenvia-copy="zenvia-url-{0}" hidden>{2}</button>',
            subscription.pk,
            subscription.registered_url,
            gettext("Copy URL"),
        )

    found: list[Field] = [number, topic_list, "account", status, last_event]
    return [*found, *([events] if shows_events else []), *([callback] if shows_token else [])]
