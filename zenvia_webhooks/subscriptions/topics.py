"""Which topics a registration brings."""

from __future__ import annotations

from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract, messaging
from zenvia_webhooks.models import Subscription


def holds(row: Subscription, topic: str, contract: str | None) -> bool:
    """Tell whether Zenvia may be expected to send a topic to this subscription, in the envelope of this contract."""
    # The messaging platform's can't be subscribed here: they arrive at any URL that was entered there.
    if topic in row.topics or contract == messaging.NAME:
        return True
    account = conf.accounts.get(row.account)
    if account is None:
        return False
    wire_topic = get_contract(account.contract).wire_topic
    return wire_topic(topic, account.wire_topics) in {wire_topic(held, account.wire_topics) for held in row.topics}
