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
    notes = []
    is_active = subscription.status == Status.ACTIVE
    if is_active and subscription.absent_since is not None and not subscription.is_manual:
        last = subscription.last_event_at
        notes.append(
            _("Not listed by this API key, last event %(ago)s.") % {"ago": ago(last)}
            if last
            else _("Not listed by this API key, and no event yet.")
        )
    ends = subscription.previous_token_expires_at
    if is_active and subscription.previous_token is not None and ends is not None and ends > now():
        until = date_format(localtime(ends), "DATETIME_FORMAT")
        notes.append(_("Until %(until)s the previous token is good as well.") % {"until": until})
    if is_active:
        notes.append(subscription.last_error)
    return notes
