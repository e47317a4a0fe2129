"""A subscription at Zenvia that calls this site but has no row: a lost database, or a copy of another one's."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import is_same_url
from zenvia_webhooks.subscriptions.ownership import owner, token_of


def adopt(account: str, remote: RemoteSubscription) -> Subscription:
    """Create the row of a subscription that Zenvia lists and that calls this site; from now on its events are taken.

    Nothing changes at Zenvia. Raises ValueError where it calls another site, has a row, or is not listed any more;
    ZenviaError and ZenviaConfigurationError where that can't be asked.
    """
    token = token_of(remote.callback_url)
    if token is None:
        raise ValueError(_("It does not call this site."))
    listed = ZenviaClient(account).list_subscriptions()
    if not any(row.id == remote.id and is_same_url(row.callback_url, remote.callback_url) for row in listed):
        raise ValueError(_("Zenvia does not list it any more."))
    try:
        with transaction.atomic():
            if owner(remote) is not None:
                raise ValueError(_("It has a row already."))
            return Subscription.objects.create(
                account=account,
                topics=list(remote.topics),
                token=token,
                remote_id=remote.id,
                registered_url=remote.callback_url,
                status=Subscription.Status.ACTIVE,
                last_synced_at=now(),
            )
    except IntegrityError:
        raise ValueError(_("It has a row already.")) from None
