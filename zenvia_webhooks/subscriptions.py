"""Registrations at Zenvia: the one bridge between `Subscription` and `ZenviaClient`.

The row is committed first and the call follows, so that no registration is ever without a row. Where the outcome of a
call is unknown the row stays `pending`, and Zenvia's list settles it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient, find, is_same_url
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import callback_url, new_token

Status = Subscription.Status

#: Absence from Zenvia's list is believed when it is seen twice, this far apart: a call may still be under way.
ABSENCE = timedelta(seconds=60)
#: The HTTP status of a registration that Zenvia has already, or that is in another's way.
CONFLICT = 409


def describe(subscription: Subscription) -> str:
    """Return how a registration went, for people."""
    if subscription.is_by_hand:
        return _("Subscription %(subscription)s: taken for registered by hand.") % {"subscription": subscription}
    if subscription.status == Status.INACTIVE:
        return _("Subscription %(subscription)s: inactive; its callback URL takes nothing any more.") % {
            "subscription": subscription
        }
    if subscription.status == Status.ACTIVE:
        return _("Subscription %(subscription)s: registered at Zenvia as %(id)s.") % {
            "subscription": subscription,
            "id": subscription.remote_id,
        }
    if subscription.status == Status.PENDING:
        return _(
            "Subscription %(subscription)s: it is not known whether Zenvia registered it (%(error)s). "
            "manage.py zenvia_sync_subscriptions --apply settles it."
        ) % {"subscription": subscription, "error": subscription.last_error or _("the call was cut short")}
    return _("Subscription %(subscription)s: not registered. %(error)s") % {
        "subscription": subscription,
        "error": subscription.last_error,
    }


class StillRegisteredError(Exception):
    """Zenvia did not remove a subscription, or did not say so; our row and its token stay as they are."""


def topics_per_row(account: str, topics: Iterable[str]) -> list[list[str]]:
    """Return how topics spread over subscriptions: one each under `help_center`.

    Raises ZenviaConfigurationError where there is no such account.
    """
    wanted = list(dict.fromkeys(topics))
    size = get_contract(conf.account(account).contract).TOPICS_PER_SUBSCRIPTION or max(len(wanted), 1)
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]


def add(account: str, topics: Sequence[str], *, token: str | None = None) -> Subscription:
    """Create the row of a registration that is about to be made.

    Raises ZenviaConfigurationError without account or `CALLBACK_BASE_URL`: then no registration could be made.
    """
    conf.account(account)
    subscription = Subscription(account=account, topics=list(topics), token=token or new_token())
    subscription.registered_url = subscription.callback_url
    subscription.save()
    return subscription


def register(subscription: Subscription) -> None:
    """Ask Zenvia for a subscription whose row is committed, and save how that went.

    Afterwards it is `active`; `failed`, where Zenvia refused, with Zenvia's own words in `last_error`; or `pending`,
    where the outcome is not known even after a look at Zenvia's list. Raises nothing of Zenvia's.
    """
    try:
        client = ZenviaClient(subscription.account)
        remote = client.create_subscription(subscription.topics, subscription.registered_url)
    except (ZenviaError, ZenviaConfigurationError, ValueError) as error:  # ValueError: topics that don't fit
        if isinstance(error, ZenviaError) and error.outcome_unknown:
            _save(subscription, status=Status.PENDING, last_error=str(error), absent_since=None)
            settle(subscription)
        else:
            _save(subscription, status=Status.FAILED, last_error=str(error), absent_since=None)
            if isinstance(error, ZenviaAPIError) and error.status == CONFLICT:
                _find_after_conflict(subscription)
    else:
        _activate(subscription, remote)


def _find_after_conflict(subscription: Subscription) -> None:
    """Look whether Zenvia refused because it has the very same registration already, from a call that broke off."""
    with contextlib.suppress(ZenviaError, ZenviaConfigurationError):
        client = ZenviaClient(subscription.account)
        remote = find(client.list_subscriptions(), subscription.topics, subscription.registered_url, client.wire_topic)
        if remote is not None:
            _activate(subscription, remote)


def register_again(subscription: Subscription) -> None:
    """Register a subscription that is not active; one that is pending only where Zenvia has not listed it for a minute.

    One that was inactive gets a new token: its old one is dead. Raises ValueError where it is active, or where somebody
    else has just begun the same, and ZenviaConfigurationError without `CALLBACK_BASE_URL`.
    """
    if subscription.status == Status.PENDING:
        settle(subscription)
        return
    token = new_token() if subscription.status == Status.INACTIVE else subscription.token
    _begin(subscription, token=token, registered_url=callback_url(token), remote_id="")
    register(subscription)


def settle(subscription: Subscription) -> None:
    """Look at Zenvia's list for a pending subscription, and do what it calls for; raises nothing of Zenvia's.

    Raises ValueError where it is to be registered again and somebody else has just begun the same.
    """
    try:
        carry_out(_steps([subscription], ZenviaClient(subscription.account))[0])
    except (ZenviaError, ZenviaConfigurationError) as error:
        _save(subscription, last_error=subscription.last_error or str(error))


def register_by_hand(subscription: Subscription) -> None:
    """Take a person's word that the callback URL is registered at Zenvia.

    Raises ValueError for a subscription that is neither pending nor failed.
    """
    if subscription.status not in (Status.PENDING, Status.FAILED):
        raise ValueError(_("Only what is pending or failed can be taken for registered by hand."))
    _save(
        subscription,
        status=Status.ACTIVE,
        remote_id="",
        registered_url=subscription.callback_url,
        last_error="",
    )


def deactivate(subscription: Subscription) -> str:
    """Remove a subscription at Zenvia, then let its token die; the row stays.

    Returns what is left for a person to do, if anything. Raises StillRegisteredError where Zenvia did not say yes.
    """
    left_to_do = _remove(subscription)
    _save(subscription, status=Status.INACTIVE, remote_id="", last_error="")
    return left_to_do


def delete(subscription: Subscription) -> str:
    """Remove a subscription at Zenvia, then its row; its events stay.

    Returns what is left for a person to do, if anything. Raises StillRegisteredError where Zenvia did not say yes.
    """
    left_to_do = _remove(subscription)
    subscription.delete()
    return left_to_do


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a comparison with Zenvia makes of one row."""

    subscription: Subscription
    #: "activate", "wait" or "register".
    action: str
    #: For people.
    reason: str
    remote: RemoteSubscription | None = None


def plan(account: str) -> list[Step]:
    """Compare an account's pending rows with Zenvia's list; return what to do about each. Changes nothing.

    Raises ZenviaError and ZenviaConfigurationError.
    """
    pending = list(Subscription.objects.pending().filter(account=account).order_by("pk"))
    return _steps(pending, ZenviaClient(account)) if pending else []


def carry_out(step: Step) -> None:
    """Do what a plan says about one row.

    Raises ValueError where it is to be registered again and somebody else has just begun the same.
    """
    if step.remote is not None:
        _activate(step.subscription, step.remote)
    elif step.action == "register":
        _begin(step.subscription)
        register(step.subscription)
    else:
        _save(step.subscription, absent_since=step.subscription.absent_since or now(), last_synced_at=now())


def _steps(pending: Sequence[Subscription], client: ZenviaClient) -> list[Step]:
    listed = client.list_subscriptions()
    steps = []
    for subscription in pending:
        remote = find(listed, subscription.topics, subscription.registered_url, client.wire_topic)
        absent_since = subscription.absent_since
        if remote is not None:
            action, reason = "activate", _("Zenvia lists it.")
        elif absent_since is not None and now() - absent_since >= ABSENCE:
            action, reason = "register", _("Zenvia has not listed it for a minute.")
        else:
            action, reason = (
                "wait",
                _("Zenvia does not list it yet. A call may be under way: look again in a minute."),
            )
        steps.append(Step(subscription=subscription, action=action, reason=reason, remote=remote))
    return steps


def _begin(subscription: Subscription, **columns: object) -> None:
    # Of two that do this at the same moment, the second finds another `updated_at`.
    unchanged = Subscription.objects.filter(pk=subscription.pk, updated_at=subscription.updated_at)
    begun = unchanged.exclude(status=Status.ACTIVE).update(
        **columns, status=Status.PENDING, absent_since=None, updated_at=now()
    )
    if not begun:
        raise ValueError(_("It is active already, or somebody else is just registering it."))
    subscription.refresh_from_db()


def _activate(subscription: Subscription, remote: RemoteSubscription) -> None:
    _save(
        subscription,
        status=Status.ACTIVE,
        remote_id=remote.id,
        absent_since=None,
        last_error="",
        last_synced_at=now(),
    )


def _remove(subscription: Subscription) -> str:
    if subscription.status == Status.INACTIVE and not subscription.remote_id:
        return ""
    try:
        return _remove_at_zenvia(subscription, ZenviaClient(subscription.account))
    except (ZenviaError, ZenviaConfigurationError) as error:
        refused = isinstance(error, ZenviaConfigurationError) or not error.outcome_unknown
        if refused and subscription.status == Status.FAILED:
            return ""  # as it did when it was to be registered
        if refused and subscription.is_by_hand:
            # Zenvia's API does not talk to this user, which is why it was registered by hand.
            return _("Remove it at Zenvia, too: its API can't be asked (%(error)s).") % {"error": error}
        raise StillRegisteredError(
            _("Zenvia did not confirm the removal, so nothing was changed here: %(error)s") % {"error": error}
        ) from error


def _remove_at_zenvia(subscription: Subscription, client: ZenviaClient) -> str:
    listed = client.list_subscriptions()
    # By its URL, not its id alone: in another API or a copied database, the same id is another's.
    remote = next((row for row in listed if is_same_url(row.callback_url, subscription.registered_url)), None)
    if remote is None and subscription.status == Status.PENDING and now() - subscription.updated_at < ABSENCE:
        raise StillRegisteredError(_("Its registration may still be under way at Zenvia: try again in a minute."))
    if remote is None and any(row.id == subscription.remote_id for row in listed):
        return _("What Zenvia lists as %(id)s calls another URL, and was left alone.") % {"id": subscription.remote_id}
    if remote is None:
        return ""
    remote_id, cannot = remote.id, ""
    try:
        client.delete_subscription(remote_id)
    except ZenviaAPIError as error:
        if error.status not in (405, 501):
            raise
        cannot = str(error)
    # The path of DELETE is not published, so its answer alone is not believed.
    if any(row.id == remote_id for row in client.list_subscriptions()):
        raise StillRegisteredError(
            (
                _("Zenvia still lists it as %(id)s: remove it there by hand, then try again. %(why)s")
                % {"id": remote_id, "why": cannot}
            ).rstrip()
        )
    return ""


def _save(subscription: Subscription, **columns: object) -> None:
    for name, value in columns.items():
        setattr(subscription, name, value)
    subscription.save(update_fields=[*columns, "updated_at"])
