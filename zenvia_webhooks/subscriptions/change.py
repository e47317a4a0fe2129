"""Changing a registration: create, see it listed, then delete the one before, so that there always is one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import callback_url, new_token
from zenvia_webhooks.subscriptions.call import call
from zenvia_webhooks.subscriptions.ownership import refuse_elsewhere
from zenvia_webhooks.subscriptions.rows import OVERLAP, save_if_unchanged

Status = Subscription.Status


def rotate(subscription: Subscription, *, overlap: timedelta = OVERLAP, replace: bool = False) -> None:
    """Register an active subscription under a new token; the old one stays good for `overlap` from when that is seen.

    Afterwards it is active; one whose change Zenvia refused is as it was, with Zenvia's own words in `last_error`; one
    whose outcome is not known is pending, and both tokens are good. Raises ValueError where it is not active, within
    the overlap of another rotation, and where somebody else has just begun the same; WouldReplaceError where it would
    cut off a stranger and `replace` does not say so; ZenviaConfigurationError without `CALLBACK_BASE_URL`.
    """
    _must_be_active(subscription)
    if overlap < timedelta(0):
        raise ValueError(_("The overlap can't be negative."))
    ends = subscription.previous_token_expires_at
    if subscription.previous_token is not None and (ends is None or now() < ends):
        until = date_format(localtime(ends), "DATETIME_FORMAT") if ends else _("its outcome is known")
        raise ValueError(
            _("Both tokens of the last rotation are good until %(until)s: rotate after that.") % {"until": until}
        )
    change(
        subscription,
        replace=replace,
        token=new_token(),
        previous_token=subscription.token,
        previous_token_expires_at=None,
        overlap=overlap,
    )


def change_topics(subscription: Subscription, topics: Sequence[str], *, replace: bool = False) -> None:
    """Have an active subscription hold these topics, under the same URL.

    Afterwards it is as after a rotation. Raises what a rotation does, ValueError too for topics that it has already or
    can't hold, and ZenviaConfigurationError where the account has no API key.
    """
    _must_be_active(subscription)
    client, topics = ZenviaClient(subscription.account), list(dict.fromkeys(topics))
    client.contract.create_call(topics, subscription.callback_url, client.account.wire_topics)  # raises ValueError
    if set(topics) == set(subscription.topics):
        raise ValueError(_("It has these topics already."))
    for row in Subscription.objects.in_use(subscription.account, topics):
        # Where Zenvia has one for each key, what is gone can't come back beside this one.
        is_free = client.contract.REPLACES and row.status in (Status.FAILED, Status.MISSING)
        if row.pk != subscription.pk and not is_free:
            raise ValueError(
                _("%(topics)s has a subscription already, which is %(status)s: see #%(pk)s.")
                % {"topics": ", ".join(row.topics), "status": row.get_status_display(), "pk": row.pk}
            )
    if set(map(client.wire_topic, topics)) == set(map(client.wire_topic, subscription.topics)):
        # The same to Zenvia: several of our topics are one of Zenvia's.
        refuse_elsewhere(subscription, replace=replace)
        if not save_if_unchanged(subscription, topics=topics, last_error=""):
            raise ValueError(_("Somebody else has changed it meanwhile."))
        return
    change(subscription, replace=replace, topics=topics)


def change(subscription: Subscription, *, replace: bool, **columns: Any) -> None:
    """Register a row anew with these columns, and remove the registration before once the new one is seen."""
    call(
        subscription,
        replace=replace,
        registered_url=callback_url(columns.get("token", subscription.token)),
        previous_url=subscription.registered_url or subscription.callback_url,
        previous_topics=subscription.topics,
        **columns,
    )


def _must_be_active(subscription: Subscription) -> None:
    if subscription.status == Status.PENDING:
        raise ValueError(
            _("The outcome of its last call is not known yet: manage.py zenvia_sync_subscriptions --apply settles it.")
        )
    if subscription.status != Status.ACTIVE:
        raise ValueError(_("Only an active subscription can be changed: register it again first."))
