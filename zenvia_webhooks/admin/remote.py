"""What Zenvia itself lists, set beside our rows."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from zenvia_webhooks.client import ZenviaClient, mask_tokens
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription


@dataclass(frozen=True, kw_only=True)
class RemoteRow:
    """One subscription that Zenvia lists."""

    remote: RemoteSubscription
    #: Without its query, and without our token.
    shown_url: str
    #: None where it is nobody's of this site.
    subscription: Subscription | None


@dataclass(frozen=True, kw_only=True)
class RemoteList:
    """What Zenvia lists under one account's key, or why it could not be asked."""

    account: str
    rows: list[RemoteRow]
    error: str = ""


def remote_lists() -> list[RemoteList]:
    """Ask Zenvia for every account. Raises nothing of Zenvia's."""
    return [_remote_list(alias) for alias in conf.aliases()]


def _remote_list(account: str) -> RemoteList:
    try:
        listed = ZenviaClient(account).list_subscriptions()
    except (ZenviaError, ZenviaConfigurationError) as error:
        return RemoteList(account=account, rows=[], error=str(error))
    ours = list(Subscription.objects.filter(account=account))
    by_id = {row.remote_id: row for row in ours if row.remote_id}
    by_url = {row.registered_url: row for row in ours}
    return RemoteList(
        account=account,
        rows=[
            RemoteRow(
                remote=remote,
                shown_url=_shown(remote.callback_url),
                subscription=by_id.get(remote.id) or by_url.get(remote.callback_url),
            )
            for remote in listed
        ],
    )


def _shown(url: str) -> str:
    # A stranger's query, user name or password may be a stranger's secret.
    try:
        parts = urlsplit(url)
    except ValueError:
        return "?"
    return mask_tokens(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl())
