"""How a registration went, or why it did not go through, in words."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from zenvia_webhooks.client.api import contract_that_answers
from zenvia_webhooks.exceptions import ZenviaAPIError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of

Status = Subscription.Status


def describe(subscription: Subscription) -> str:
    """Return how a registration went, for people."""
    return " ".join(filter(None, [_status(subscription), *_notes(subscription)]))


def ago(moment: datetime) -> str:
    """Return a moment of the past as "3 minutes ago"."""
    return _("%(time)s ago") % {"time": timesince(moment).replace("\xa0", " ")}


def not_listed(subscription: Subscription) -> str:
    """Return that an active subscription was not in Zenvia's list of late; empty where it was."""
    row, last = subscription, subscription.last_event_at
    if row.status != Status.ACTIVE or row.absent_since is None or row.is_manual:
        return ""
    if last is None:
        return _("Not listed by this API key, and no event yet.")
    return _("Not listed by this API key, last event %(ago)s.") % {"ago": ago(last)}


def overlap_ends(subscription: Subscription) -> str:
    """Return until when the previous token is good as well; empty where it is not."""
    ends = subscription.previous_token_expires_at
    if subscription.previous_token is None or (ends is not None and ends <= now()):
        return ""
    return date_format(localtime(ends), "DATETIME_FORMAT") if ends else _("its outcome is known")


def explain(error: Exception, account: str) -> str:
    """Return an error's text, with the other contract's name where the API key works with that one."""
    if isinstance(error, ZenviaAPIError) and error.status in (401, 404):
        other = contract_that_answers(account)
        if other is not None:
            return _("%(error)s. This API key works with %(contract)s: set CONTRACT to '%(contract)s'.") % {
                "error": str(error).rstrip("."),
                "contract": other,
            }
    return str(error)


def _status(subscription: Subscription) -> str:
    status = subscription.status
    error = subscription.last_error
    if subscription.is_foreign:
        text = _(
            "Subscription %(subscription)s: registered for another site, %(host)s, as in a copied database; "
            "it is left alone until it is deactivated here or replaced."
        )
    elif subscription.is_ending:
        text = _(
            "Subscription %(subscription)s: Zenvia did not confirm its removal. "
            "manage.py zenvia_sync_subscriptions --apply settles it."
        )
    elif subscription.is_manual:
        text = _("Subscription %(subscription)s: taken for registered manually.")
    elif status == Status.INACTIVE:
        text = _("Subscription %(subscription)s: inactive; its callback URL takes nothing any more.")
    elif status == Status.ACTIVE:
        text = _("Subscription %(subscription)s: registered at Zenvia as %(id)s.")
    elif status == Status.MISSING:
        text = _("Subscription %(subscription)s: Zenvia no longer lists it. %(error)s")
    elif status == Status.PENDING:
        error = error or _("the call was cut short")
        text = _(
            "Subscription %(subscription)s: it is not known whether Zenvia registered it (%(error)s). "
            "manage.py zenvia_sync_subscriptions --apply settles it."
        )
    else:
        text = _("Subscription %(subscription)s: not registered. %(error)s")
    host = host_of(subscription.registered_url)
    return text % {"subscription": subscription, "id": subscription.remote_id, "error": error, "host": host}


def _notes(subscription: Subscription) -> list[str]:
    if subscription.status != Status.ACTIVE:
        return []
    until = overlap_ends(subscription)
    overlap = _("Until %(until)s the previous token is good as well.") % {"until": until} if until else ""
    return [not_listed(subscription), overlap, subscription.last_error]
