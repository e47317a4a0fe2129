"""What people should know about the topics that they are about to subscribe."""

from __future__ import annotations

from collections.abc import Collection

from django.db import router

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import interaction_resolved


def advice(alias: str, topics: Collection[str]) -> str:
    """Return what a contract advises an account that subscribes these canonical topics; empty for nothing.

    Raises ZenviaConfigurationError for an account that there is not.
    """
    account, wanted = conf.account(alias), bool(interaction_resolved.connected(Event))
    # Those that are registered already stay, or are named anew.
    rows = Subscription.objects.using(router.db_for_write(Subscription)).of_this_site(alias)
    there = {topic for row in rows for topic in row.topics}
    return get_contract(account.contract).advice({*there, *topics}, account.wire_topics, wants_resolved=wanted)
