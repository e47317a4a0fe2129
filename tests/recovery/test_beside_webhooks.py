"""Webhooks that come in while a recovery runs."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.support import recovering
from tests.support.recovering import ago, connect, dispatch_all, recover
from zenvia_webhooks import failpoints
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.webhook import intake

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", [1, 2])
def test_no_receiver_sees_the_same_twice(
    zenvia: Sandbox, subscription: Subscription, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    connect()
    dice = random.Random(seed)
    late: list[dict[str, Any]] = []
    zenvia.history.fill(ago(minutes=80), ago(minutes=20), leads=12, messages=20, quotes=6, each=late.append)
    dice.shuffle(late)
    is_within = False

    def pour_in(place: str) -> None:
        """At each of the places where a process may be killed, webhooks arrive, and a worker takes up what is due."""
        nonlocal is_within
        if is_within or not place.startswith("recovery."):
            return
        is_within = True
        for _ in range(dice.randrange(3)):
            if late:
                intake.store(subscription, json.dumps(late.pop()).encode(), headers={}, remote_addr="")
        if dice.random() < 0.3:
            dispatch_all()
        is_within = False

    monkeypatch.setattr(failpoints, "reach", pour_in)
    recover("--apply")
    while late:
        pour_in("recovery.after")
    dispatch_all()
    assert set(recovering.seen.values()) == {1}
    assert set(Event.objects.values_list("status", flat=True)) <= {"dispatched", "unhandled"}
    store = zenvia.history.store
    seen = {seen_object for _name, seen_object, _status in recovering.seen}
    assert seen == {*store.prospects._ids, *store.interactions._ids, *store.quotes._ids}
    assert Event.objects.exclude(same_as=None).filter(origin="webhook").exists()
    assert "missing: " not in recover("--apply")
