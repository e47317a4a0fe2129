"""Removing at Zenvia, by id, what is ours there; the row goes, or dies, only after Zenvia's yes."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of
from zenvia_webhooks.subscriptions.absence import absence, has_events
from zenvia_webhooks.subscriptions.description import explain
from zenvia_webhooks.subscriptions.ownership import is_elsewhere, is_of, is_of_this_site, match
from zenvia_webhooks.subscriptions.rows import NOTHING_PREVIOUS, save

Status = Subscription.Status


class StillRegisteredError(Exception):
    """Zenvia did not remove a subscription, or did not say so; our row and its token stay as they are."""


def deactivate(subscription: Subscription, *, replace: bool = False) -> str:
    """Remove a subscription at Zenvia, then let its token die; the row stays.

    What another site's row stands for stays at Zenvia, unless `replace` says otherwise. Returns what is left for a
    person to do, if anything. Raises StillRegisteredError where Zenvia did not say yes.
    """
    left_to_do = _remove(subscription, replace=replace)
    save(
        subscription,
        status=Status.INACTIVE,
        remote_id="",
        last_error="",
        absent_since=None,
        previous_token=None,
        previous_token_expires_at=None,
        **NOTHING_PREVIOUS,
    )
    return left_to_do


def delete(subscription: Subscription, *, replace: bool = False) -> str:
    """Remove a subscription at Zenvia, then its row; its events stay.

    What another site's row stands for stays at Zenvia, unless `replace` says otherwise. Returns what is left for a
    person to do, if anything. Raises StillRegisteredError where Zenvia did not say yes.
    """
    left_to_do = _remove(subscription, replace=replace)
    subscription.delete()
    return left_to_do


def remove_previous(subscription: Subscription, client: ZenviaClient, listed: Sequence[RemoteSubscription]) -> str:
    """Remove what else Zenvia lists under an active row's URLs, and save how that went.

    `listed` must be older than the row's columns: a change that somebody has begun since is not in it. Returns, and
    keeps in `last_error`, why something is left; raises nothing of Zenvia's.
    """
    its = [remote for remote in listed if is_of(subscription, remote)]
    others = [remote for remote in its if remote.id != subscription.remote_id]
    if others == its:
        return ""  # the one that would stay is not there
    try:
        remove_at_zenvia(client, others)
    except (ZenviaError, StillRegisteredError) as error:
        text = _("The one before is still at Zenvia: %(error)s") % {"error": error}
        save(subscription, last_error=text)
        return text
    save(subscription, **NOTHING_PREVIOUS, **({"last_error": ""} if others else {}))
    return ""


def remove_at_zenvia(client: ZenviaClient, remotes: Sequence[RemoteSubscription]) -> None:
    """Remove these subscriptions. Raises ZenviaError, and StillRegisteredError where Zenvia lists one afterwards."""
    if not remotes:
        return
    cannot = ""
    for remote in remotes:
        try:
            client.delete_subscription(remote.id)
        except ZenviaAPIError as error:
            if error.status not in (405, 501):
                raise
            cannot = str(error)
    # DELETE's answer alone is not believed: for `help_center`, its path is not published.
    still = {remote.id for remote in client.list_subscriptions()} & {remote.id for remote in remotes}
    if still:
        raise StillRegisteredError(
            (
                _("Zenvia still lists it as %(id)s: remove it there by hand, then try again. %(why)s")
                % {"id": ", ".join(sorted(still)), "why": cannot}
            ).rstrip()
        )


def _remove(subscription: Subscription, *, replace: bool) -> str:
    if subscription.status == Status.INACTIVE and not subscription.remote_id:
        return ""
    if is_elsewhere(subscription) and not replace:
        return _left_alone(subscription)
    try:
        return _remove_all(subscription, ZenviaClient(subscription.account), replace=replace)
    except (ZenviaError, ZenviaConfigurationError) as error:
        refused = isinstance(error, ZenviaConfigurationError) or not error.outcome_unknown
        if refused and subscription.status == Status.FAILED:
            return ""  # as it did when it was to be registered
        if refused and subscription.is_by_hand:
            # Zenvia's API does not talk to this user, which is why it was registered by hand.
            return _("Remove it at Zenvia, too: its API can't be asked (%(error)s).") % {
                "error": explain(error, subscription.account)
            }
        raise StillRegisteredError(
            _("Zenvia did not confirm the removal, so nothing was changed here: %(error)s")
            % {"error": explain(error, subscription.account)}
        ) from error


def _left_alone(subscription: Subscription) -> str:
    return _("What Zenvia has registered for %(host)s was left alone: it belongs to another site.") % {
        "host": host_of(subscription.registered_url)
    }


def _remove_all(subscription: Subscription, client: ZenviaClient, *, replace: bool) -> str:
    listed = client.list_subscriptions()
    # By its URL, not its id alone: in another API or a copied database, the same id is another's.
    its = [remote for remote in listed if is_of(subscription, remote)]
    if its and not replace and not is_of_this_site(subscription):
        if conf.callback_base_url is None:
            raise StillRegisteredError(
                _("Set CALLBACK_BASE_URL first: without it, nobody can tell whether Zenvia calls this site or another.")
            )
        return _left_alone(subscription)
    under_way = subscription.status == Status.PENDING and now() - subscription.updated_at < absence(
        subscription.account
    )
    if under_way and match(subscription, listed, client) is None:
        raise StillRegisteredError(_("Its registration may still be under way at Zenvia: try again in a minute."))
    remove_at_zenvia(client, its)
    if not its and subscription.status == Status.ACTIVE and has_events(subscription):
        return _(
            "Zenvia does not list it under this API key and CONTRACT, so nothing was removed there; but it had events "
            "of late. Remove it with the key and CONTRACT that it was registered with."
        )
    if not its and any(remote.id == subscription.remote_id for remote in listed):
        return _("What Zenvia lists as %(id)s calls another URL, and was left alone.") % {"id": subscription.remote_id}
    return ""
