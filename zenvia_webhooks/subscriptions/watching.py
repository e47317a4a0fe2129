"""The hourly look at Zenvia: it compares, writes down what it saw, and changes nothing there."""

from __future__ import annotations

import logging

from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.subscriptions.comparison import compare
from zenvia_webhooks.subscriptions.description import explain
from zenvia_webhooks.subscriptions.plan import Action, Kind
from zenvia_webhooks.subscriptions.steps import note

logger = logging.getLogger(__name__)


def accounts() -> list[str]:
    """Return the accounts that there is something to compare of: those of rows, and those that have an API key."""
    rows = Subscription.objects.exclude(status=Subscription.Status.INACTIVE)
    with_rows = rows.order_by("account").values_list("account", flat=True).distinct()
    with_key = [alias for alias in conf.aliases() if _has_key(alias)]
    return list(dict.fromkeys([*with_key, *with_rows]))


def watch() -> int:
    """Compare every account with Zenvia, log what a person should see to, and return how many lines that is.

    Only rows change: their status, and the signal `subscription_lost` tells of one that is lost.
    """
    number = 0
    for account in accounts():
        try:
            comparison = compare(account)
        except (ZenviaError, ZenviaConfigurationError) as error:
            number += 1
            logger.warning("account %s could not be compared with Zenvia: %s", account, explain(error, account))
            continue
        for line in comparison.lines:
            note(line)
            if line.action != Action.KEEP and line.kind != Kind.OURS:
                number += 1
                logger.warning("%s: %s. %s", line.name, line.action, line.reason)
    return number


def _has_key(alias: str) -> bool:
    try:
        return conf.account(alias).api_key is not None
    except ZenviaConfigurationError:
        return False
