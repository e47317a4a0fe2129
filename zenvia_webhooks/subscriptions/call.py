"""One call that registers: what may stop it, and what becomes of the row with every answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.subscriptions.description import explain
from zenvia_webhooks.subscriptions.ownership import match, owner, refuse_to_replace
from zenvia_webhooks.subscriptions.removal import remove_previous
from zenvia_webhooks.subscriptions.rows import NOTHING_PREVIOUS, activated, begin, lose, overlapping, restored, save

Status = Subscription.Status

#: The HTTP status of a registration that Zenvia has already, or that is in another's way.
CONFLICT = 409


def call(subscription: Subscription, *, replace: bool, **columns: Any) -> None:
    """Register a row at Zenvia, after `columns` are committed to it, and save how that went.

    Without columns the row was committed for this very call: what stops the call is then its failure. Raises nothing
    of Zenvia's, but ValueError where the call would cut off another subscription, or somebody else has begun the same.
    """
    try:
        client = ZenviaClient(subscription.account)
        # Where a registration replaces what is there, we must know what that is.
        before = client.list_subscriptions() if client.contract.REPLACES else []
        refuse_to_replace(subscription, before, replace=replace)
    except (ZenviaError, ZenviaConfigurationError, ValueError) as error:
        failed = {} if columns or subscription.is_changing else {"status": Status.FAILED}
        save(subscription, **failed, last_error=explain(error, subscription.account))
        if isinstance(error, (ZenviaError, ZenviaConfigurationError)):
            return
        raise
    if columns:
        begin(subscription, **columns)
    _post(subscription, client, before)


def _post(subscription: Subscription, client: ZenviaClient, before: Sequence[RemoteSubscription]) -> None:
    try:
        remote = client.create_subscription(subscription.topics, subscription.registered_url)
    except (ZenviaError, ValueError) as error:  # ValueError: topics that don't fit
        conflict = isinstance(error, ZenviaAPIError) and error.status == CONFLICT
        if isinstance(error, ZenviaError) and error.outcome_unknown:
            save(subscription, last_error=str(error), absent_since=None)
            with contextlib.suppress(ZenviaError):
                _settle(subscription, client, before)
        elif not (conflict and _is_there(subscription, client)):
            _refused(subscription, explain(error, subscription.account))
    else:
        if not subscription.is_changing and not client.contract.REPLACES:
            save(subscription, **activated(subscription, remote))
            return
        try:
            _settle(subscription, client, before, taken=True)
        except ZenviaError as error:
            save(subscription, last_error=str(error))


def _settle(
    subscription: Subscription, client: ZenviaClient, before: Sequence[RemoteSubscription], *, taken: bool = False
) -> None:
    """Look for a registration in Zenvia's list after its call, and go by that. Raises ZenviaError."""
    listed = client.list_subscriptions()
    remote = match(subscription, listed, client)
    known = {other.id for other in before}
    newcomers = [
        host_of(other.callback_url)
        for other in listed
        if client.contract.REPLACES and other.id not in known and other != remote and owner(other) is None
    ]
    if remote is not None:
        note = _("Zenvia lists one for %(hosts)s too, registered at the same moment.") if newcomers else ""
        save(
            subscription,
            **activated(subscription, remote) | {"last_error": note and note % {"hosts": ", ".join(newcomers)}},
        )
        remove_previous(subscription, client, listed)
    elif taken and newcomers:
        text = _("Zenvia took it, then replaced it by one for %(hosts)s, registered at the same moment.")
        lose(
            subscription,
            remote_id="",
            absent_since=now(),
            last_error=text % {"hosts": ", ".join(newcomers)},
            **overlapping(subscription),
            **NOTHING_PREVIOUS,
        )
    else:
        error = subscription.last_error if not taken else _("Zenvia took it, but does not list it yet.")
        save(subscription, absent_since=now(), last_synced_at=now(), last_error=error)


def _is_there(subscription: Subscription, client: ZenviaClient) -> bool:
    """Tell whether Zenvia refused as it has the very same registration already, from a call that broke off.

    Where it can't be asked, a change stays pending: to restore what was before would give a token up that Zenvia calls.
    """
    try:
        listed = client.list_subscriptions()
    except ZenviaError as error:
        if subscription.is_changing:
            save(subscription, last_error=str(error))
        return subscription.is_changing
    if (remote := match(subscription, listed, client)) is None:
        return False
    save(subscription, **activated(subscription, remote))
    remove_previous(subscription, client, listed)
    return True


def _refused(subscription: Subscription, error: str) -> None:
    if subscription.is_changing:
        text = _("The change was refused, and the registration is as it was: %(error)s") % {"error": error}
        save(subscription, **restored(subscription) | {"last_error": text})
    else:
        save(subscription, status=Status.FAILED, last_error=error, absent_since=None)
