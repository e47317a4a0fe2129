"""A removal that Zenvia did not confirm, and taking it back."""

from __future__ import annotations

import pytest

from tests.support.rows import listed, row, stored
from tests.support.wire import Wire, says
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

Status = Subscription.Status

pytestmark = pytest.mark.django_db


def test_a_removal_that_may_have_been_made_is_not_taken_back_by_a_try_that_sent_nothing(wire: Wire) -> None:
    made = row(Status.ACTIVE, "subscription1")
    wire.script("GET", says(200, [listed(made)]), says(503))
    wire.script("DELETE", says(204))

    for expected in ("still good here", "nothing was changed here"):
        with pytest.raises(subscriptions.StillRegisteredError, match=expected):
            subscriptions.deactivate(made)
        assert Subscription.objects.get().wish == "inactive"

    wire.script("GET", says(200, []))
    assert subscriptions.deactivate(made) == ""
    assert stored(made)[0] == "inactive"


def test_a_removal_that_is_not_confirmed_can_be_taken_back(sandbox: Sandbox) -> None:
    made = row(Status.ACTIVE, "subscription1")
    Subscription.objects.update(wish="inactive")
    made.refresh_from_db()
    with pytest.raises(subscriptions.SubscriptionError, match="not known yet"):
        subscriptions.rotate(made)

    subscriptions.register_again(made)

    assert stored(made)[0] == "active"
    assert made.wish == "registered"
    assert len(sandbox.subscriptions) == 1
