"""Both changes of a registration, for tests with the same answers of Zenvia's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription

Change = Callable[[Subscription], None]


def to_quotes(subscription: Subscription) -> None:
    subscriptions.change_topics(subscription, ["quote.updated"])


CHANGES: dict[str, Change] = {"rotate": subscriptions.rotate, "topics": to_quotes}

both_changes = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
