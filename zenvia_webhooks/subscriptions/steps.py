"""Carrying out what a comparison says."""

from __future__ import annotations

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import callback_url, new_token
from zenvia_webhooks.origins import is_same_url
from zenvia_webhooks.subscriptions.absence import has_events
from zenvia_webhooks.subscriptions.adoption import adopt
from zenvia_webhooks.subscriptions.call import call
from zenvia_webhooks.subscriptions.change import change
from zenvia_webhooks.subscriptions.comparison import compare
from zenvia_webhooks.subscriptions.description import explain
from zenvia_webhooks.subscriptions.ownership import is_elsewhere, owner
from zenvia_webhooks.subscriptions.plan import Action, Kind, Step
from zenvia_webhooks.subscriptions.removal import StillRegisteredError, remove_at_zenvia, remove_previous
from zenvia_webhooks.subscriptions.rows import NOTHING_PREVIOUS, activated, lose, save, save_if_unchanged

Status = Subscription.Status


def carry_out(step: Step, *, replace: bool = False) -> None:
    """Do what a comparison says about one line; nothing for a row that somebody has changed since, or is changing.

    Raises ValueError where somebody else has just begun the same, WouldReplaceError (one of it) where it would cut off
    a stranger and `replace` does not say so, StillRegisteredError where Zenvia did not remove what it was to, and
    ZenviaError where what is to be removed or adopted can't be looked up.
    """
    if step.action == Action.ADOPT and step.remote is not None:
        adopt(step.account, step.remote)
    elif step.action == Action.REMOVE:
        _remove(step)
    elif step.action == Action.REGISTER and step.subscription is not None:
        if step.kind == Kind.MISSING:
            note(step)
        _register(step.subscription, is_changed=step.kind == Kind.CHANGED, replace=replace)
    else:
        note(step)


def note(step: Step) -> None:
    """Write down what a comparison saw of a row, without a call."""
    row = step.subscription
    if row is None:
        return
    if step.kind == Kind.OURS and step.remote is not None and step.action == Action.ACTIVATE:
        save_if_unchanged(row, **activated(row, step.remote), **(NOTHING_PREVIOUS if step.is_alone else {}))
    elif step.kind == Kind.MISSING and step.action in (Action.LOSE, Action.REGISTER):
        if row.status == Status.ACTIVE:
            lose(row, last_error=step.reason)
    elif step.action == Action.WAIT or (step.kind == Kind.MISSING and has_events(row)):
        # One that is missing has come to life again where it has events.
        status = Status.ACTIVE if row.status == Status.MISSING else row.status
        save_if_unchanged(row, status=status, absent_since=row.absent_since or now(), last_synced_at=now())
    elif step.account == row.account:
        # Not `updated_at`, by which others see that somebody is at work on the row.
        Subscription.objects.filter(pk=row.pk).update(last_synced_at=now())


def settle(subscription: Subscription, *, replace: bool = False) -> None:
    """Look at Zenvia's list for a pending subscription, and do what it calls for; raises nothing of Zenvia's.

    Raises ValueError where it is to be registered again and somebody else has just begun the same, and
    WouldReplaceError where that would cut off a stranger.
    """
    try:
        for line in compare(subscription.account).lines:
            if line.subscription is not None and line.subscription.pk == subscription.pk:
                carry_out(line, replace=replace)
    except (ZenviaError, ZenviaConfigurationError, StillRegisteredError) as error:
        save(subscription, last_error=subscription.last_error or explain(error, subscription.account))
    finally:
        subscription.refresh_from_db()


def register_again(subscription: Subscription, *, replace: bool = False) -> None:
    """Register a subscription that is not active; one that is pending only where Zenvia has not listed it for a minute.

    One that was inactive gets a new token: its old one is dead. One of another site, as in a copied database, is
    registered for this one if `replace` says so, and removed there. Raises ValueError where it is active, or where
    somebody else has just begun the same, WouldReplaceError where it would cut off a stranger, and
    ZenviaConfigurationError without `CALLBACK_BASE_URL`.
    """
    is_registered = subscription.status in (Status.ACTIVE, Status.PENDING)
    if is_registered and is_elsewhere(subscription):
        change(subscription, replace=replace)
    elif subscription.status == Status.ACTIVE:
        raise ValueError(_("It is active already."))
    elif subscription.status == Status.PENDING:
        settle(subscription, replace=replace)
    else:
        token = new_token() if subscription.status == Status.INACTIVE else subscription.token
        call(subscription, replace=replace, token=token, registered_url=callback_url(token), remote_id="")


def _register(row: Subscription, *, is_changed: bool, replace: bool) -> None:
    if is_changed:
        change(row, replace=replace)
    elif row.status == Status.PENDING:
        call(row, replace=replace, last_error=row.last_error)
    else:
        call(row, replace=replace, registered_url=row.callback_url, remote_id="")


def _remove(step: Step) -> None:
    client = ZenviaClient(step.account)
    # The list first: a change that is begun after it has nothing in it.
    listed = client.list_subscriptions()
    there = [row for row in listed if step.remote and row.id == step.remote.id]
    there = [row for row in there if step.remote and is_same_url(row.callback_url, step.remote.callback_url)]
    row = owner(there[0]) if there else None
    row = row or (Subscription.objects.filter(pk=step.subscription.pk).first() if step.subscription else None)
    if row is None or row.status in (Status.INACTIVE, Status.FAILED):
        remove_at_zenvia(client, there)
    elif row.status == Status.ACTIVE and row.remote_id not in {remote.id for remote in there}:
        left = remove_previous(row, client, listed)
        if left:
            raise StillRegisteredError(left)
    elif there and row.remote_id not in {remote.id for remote in there}:
        raise StillRegisteredError(_("#%(pk)s is to be settled first: look again.") % {"pk": row.pk})
