"""Whose a subscription is that Zenvia lists: a row's, this site's without a row, or a stranger's."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from zenvia_webhooks.client.api import ZenviaClient, find
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import callback_url
from zenvia_webhooks.origins import host_of, is_same_url
from zenvia_webhooks.redaction import TOKEN

Status = Subscription.Status


class WouldReplaceError(ValueError):
    """The call was not made, as it would cut off `strangers`: subscriptions of somebody else's, or of another site."""

    def __init__(self, strangers: Sequence[RemoteSubscription]) -> None:
        self.strangers = list(strangers)
        hosts = ", ".join(dict.fromkeys(host_of(remote.callback_url) for remote in strangers))
        super().__init__(
            _("Nothing was sent: it would cut off what Zenvia has registered for %(hosts)s.") % {"hosts": hosts}
        )


def token_of(url: str) -> str | None:
    """Return the token of a callback URL of this site; None for any other URL."""
    found = TOKEN.search(url)
    try:
        return found[0] if found and is_same_url(url, callback_url(found[0])) else None
    except ZenviaConfigurationError:
        return None


def owner(remote: RemoteSubscription) -> Subscription | None:
    """Return the row, of whatever account, that a subscription at Zenvia belongs to by its URL."""
    token = token_of(remote.callback_url)
    if token is None:
        return None
    return Subscription.objects.filter(Q(token=token) | Q(previous_token=token)).first()


def is_elsewhere(subscription: Subscription) -> bool:
    """Tell whether a row is another site's, as in a copied database: what it stands for at Zenvia is a stranger's."""
    may_be_there = subscription.status not in (Status.INACTIVE, Status.FAILED)
    known = _base() is not None and bool(subscription.registered_url)
    return known and may_be_there and not is_of_this_site(subscription)


def is_of_this_site(subscription: Subscription) -> bool:
    """Tell whether a row was last registered for this site, whatever its status; False without `CALLBACK_BASE_URL`.

    What Zenvia lists under the URLs of another is a stranger's, even where the row is inactive or failed by now.
    """
    base = _base()
    return base is not None and subscription.registered_url.startswith(f"{base}/")


def _base() -> str | None:
    # One that is wrong tells as little as none; lists and pages are to show all the same.
    try:
        return conf.callback_base_url
    except ZenviaConfigurationError:
        return None


def refuse_elsewhere(subscription: Subscription, *, replace: bool) -> None:
    """Raise WouldReplaceError for a row of another site, unless told to replace it."""
    if is_elsewhere(subscription) and not replace:
        raise WouldReplaceError([as_remote(subscription)])


def refuse_to_replace(subscription: Subscription, listed: Sequence[RemoteSubscription], *, replace: bool) -> None:
    """Raise WouldReplaceError where a registration would cut off a stranger's, and `replace` does not say so.

    It names all of them: whoever agrees to it agrees to no more. A row of another site is a stranger's, listed or not.
    Raises ValueError where it would cut off another of ours, whatever was said.
    """
    strangers = []
    for remote in listed:
        row = owner(remote)
        if row is None:
            if not (is_of_this_site(subscription) and is_of(subscription, remote)):
                strangers.append(remote)
        elif row.pk != subscription.pk and row.status != Status.INACTIVE:
            raise one_for_each_key(row)
    if subscription.is_of_another_origin and not any(is_of(subscription, remote) for remote in strangers):
        strangers.append(as_remote(subscription))
    if strangers and not replace:
        raise WouldReplaceError(strangers)


def one_for_each_key(row: Subscription) -> ValueError:
    """Return why a second subscription can't be had."""
    return ValueError(
        _("Zenvia has one subscription for each API key, and #%(pk)s has it: change the topics of that one instead.")
        % {"pk": row.pk}
    )


def match(
    subscription: Subscription, listed: Sequence[RemoteSubscription], client: ZenviaClient
) -> RemoteSubscription | None:
    """Return what Zenvia lists for a row: same URL, same topics; of several the one whose id it has."""
    its_id_first = sorted(listed, key=lambda remote: remote.id != subscription.remote_id)
    return find(its_id_first, subscription.topics, subscription.registered_url, client.wire_topic)


def is_of(subscription: Subscription, remote: RemoteSubscription) -> bool:
    """Tell whether a subscription at Zenvia calls one of a row's URLs, of today or from before a change."""
    return any(url and is_same_url(remote.callback_url, url) for url in urls_of(subscription))


def urls_of(subscription: Subscription) -> list[str]:
    """Return the callback URLs under which a row may be registered."""
    urls = [subscription.registered_url, subscription.previous_url]
    if subscription.previous_token is not None:
        urls.append(subscription.registered_url.replace(subscription.token, subscription.previous_token))
    return urls


def as_remote(subscription: Subscription) -> RemoteSubscription:
    """Return a row as Zenvia would list it."""
    return RemoteSubscription(
        id=subscription.remote_id, topics=tuple(subscription.topics), callback_url=subscription.registered_url
    )
