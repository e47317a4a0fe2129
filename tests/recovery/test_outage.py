"""A site that was down: what arrived meanwhile is found, handed out once, and found no more."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support import recovering
from tests.support.recovering import ago, connect, dispatch_all, recover, seen_by
from zenvia_webhooks.models import Event, Recovery, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.webhook import intake

pytestmark = pytest.mark.django_db


def arrive(subscription: Subscription, envelope: dict[str, Any]) -> int:
    """Take a webhook in; return the event's id."""
    return intake.store(subscription, json.dumps(envelope).encode(), headers={}, remote_addr="").event_id


def test_what_arrived_while_the_site_was_down_is_recovered_once(zenvia: Sandbox) -> None:
    connect()
    zenvia.history.fill(ago(minutes=80), ago(minutes=20), leads=20, messages=40, quotes=6)
    printed = recover("--apply")
    assert "leads: 18 at Zenvia, 0 here, 18 missing, 18 recovered" in printed
    assert "interactions: 40 at Zenvia, 0 here, 40 missing, 40 recovered" in printed
    dispatch_all()
    store = zenvia.history.store
    assert seen_by("see_lead") == dict.fromkeys(store.prospects._ids, 1)
    assert seen_by("see_message") == dict.fromkeys(store.interactions._ids, 1)
    assert seen_by("see_quote") == dict.fromkeys(store.quotes._ids, 1)
    assert set(Event.objects.values_list("origin", "status")) == {("recovered", "dispatched")}
    # Each was in the list of leads, which comes first.
    assert not [request for request in zenvia.requests if "/prospect/" in request.path]
    printed = recover("--apply")
    assert "missing: " not in printed
    assert "leads: 18 at Zenvia, 18 here, 0 missing" in printed
    dispatch_all()
    assert set(recovering.seen.values()) == {1}


def test_without_apply_nothing_is_written(zenvia: Sandbox) -> None:
    lead = zenvia.history.happen("lead.created", at=ago(minutes=30))
    printed = recover()
    assert f"missing: lead {lead['prospect']['id']} of {ago(minutes=30):%Y-%m-%d %H:%M}" in printed
    assert "Nothing was stored: --apply recovers what is missing." in printed
    assert lead["prospect"]["firstName"] not in printed
    assert not Event.objects.exists()
    assert not Recovery.objects.exists()


def test_what_is_stored_is_here_though_no_worker_has_had_it(zenvia: Sandbox, subscription: Subscription) -> None:
    zenvia.history.fill(
        ago(minutes=80), ago(minutes=20), leads=6, messages=6, quotes=3, each=lambda one: arrive(subscription, one)
    )
    printed = recover()
    assert "missing: " not in printed


def test_what_is_young_is_left_to_its_webhook(zenvia: Sandbox) -> None:
    zenvia.history.happen("lead.created", at=ago(minutes=9))
    assert "leads: 0 at Zenvia" in recover("--apply")


def test_what_is_older_than_retention_is_never_missing(zenvia: Sandbox, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "RETENTION_DAYS": 2}
    zenvia.history.happen("lead.created", at=ago(days=3))
    new = zenvia.history.happen("lead.created", at=ago(days=1))
    printed = recover("--apply", since=ago(days=20))
    assert "leads: 1 at Zenvia, 0 here, 1 missing, 1 recovered" in printed
    assert new["prospect"]["id"] in printed


def test_what_was_erased_is_never_missing(zenvia: Sandbox, subscription: Subscription) -> None:
    for topic in ("lead.created", "interaction.created", "quote.created", "quote.updated"):
        arrive(subscription, zenvia.history.happen(topic, at=ago(minutes=30)))
    dispatch_all()
    # Of an erased event its keys of objects are left.
    Event.objects.update(status=Event.Status.ERASED, payload=None, body=b"", topic="")
    assert "missing: " not in recover("--apply")


def test_who_wrote_is_asked_for_once(zenvia: Sandbox) -> None:
    connect()
    known = zenvia.history.happen("lead.created", "phone", at=ago(days=3))["prospect"]["id"]
    for minutes in (50, 40, 30):
        zenvia.history.happen("interaction.created", at=ago(minutes=minutes), prospect_id=known)
    recover("--apply")
    dispatch_all()
    assert sum(seen_by("see_message").values()) == 3
    assert [request.path.partition("?")[0] for request in zenvia.requests if "/prospect/" in request.path] == [
        f"/v1/prospect/{known}"
    ]


def test_who_wrote_need_not_be_asked_for_if_an_event_says_it(zenvia: Sandbox, subscription: Subscription) -> None:
    connect()
    lead = zenvia.history.happen("lead.created", "phone", at=ago(days=3))
    arrive(subscription, lead)
    zenvia.history.happen("interaction.created", at=ago(minutes=30), prospect_id=lead["prospect"]["id"])
    recover("--apply")
    dispatch_all()
    assert sum(seen_by("see_message").values()) == 1
    assert not [request for request in zenvia.requests if "/prospect/" in request.path]


def test_who_wrote_and_is_gone_at_zenvia_keeps_nothing_back(zenvia: Sandbox) -> None:
    known = zenvia.history.happen("lead.created", "phone", at=ago(days=3))["prospect"]["id"]
    zenvia.history.happen("interaction.created", at=ago(minutes=30), prospect_id=known)
    zenvia.fail(path="/prospect/", status=404)
    recover("--apply")
    event = Event.objects.get(topic="interaction.created")
    assert event.lead is not None
    assert (event.lead.lead_id, event.lead.name) == (known, None)


def test_a_lead_of_which_only_a_change_arrived_is_missing(zenvia: Sandbox, subscription: Subscription) -> None:
    connect()
    lead = zenvia.history.happen("lead.created", at=ago(minutes=50))["prospect"]["id"]
    arrive(subscription, zenvia.history.happen("lead.updated", at=ago(minutes=40), prospect_id=lead))
    recover("--apply")
    dispatch_all()
    assert seen_by("see_lead") == {lead: 1}


def test_a_decision_that_was_missed_is_recovered_once(zenvia: Sandbox, subscription: Subscription) -> None:
    connect()
    lead = zenvia.history.happen("lead.created", "phone", at=ago(days=9))["prospect"]["id"]
    offered = zenvia.history.happen("quote.created", at=ago(days=5), prospect_id=lead)
    arrive(subscription, offered)
    zenvia.history.happen("quote.updated", "accepted", at=ago(minutes=30), prospect_id=lead)
    for _again in (1, 2):
        recover("--apply")
        dispatch_all()
    quote_id = offered["quote"]["id"]
    assert recovering.seen["see_quote", quote_id, "pending"] == 1
    assert recovering.seen["see_quote", quote_id, "accepted"] == 1
    assert Event.objects.get(origin="recovered").topic == "quote.updated"


def test_a_recovered_event_is_as_its_webhook_would_have_been(zenvia: Sandbox) -> None:
    written = {
        topic: zenvia.history.happen(topic, at=ago(minutes=30))
        for topic in ("lead.created", "interaction.created", "quote.created")
    }
    recover("--apply")
    for topic, webhook in written.items():
        event = Event.objects.get(topic=topic)
        assert event.payload is not None
        assert set(webhook) - set(event.payload) <= {"subscriptionId", "received", "sent", "attempts", "operationId"}
        assert event.payload["updatedAt"] == webhook["updatedAt"]
        assert json.loads(event.body) == event.payload
        assert (
            event.data["id"]
            == next(webhook[key] for key in ("interaction", "quote", "prospect") if key in webhook)["id"]
        )
        assert event.occurred_at is not None
        assert abs(event.occurred_at - ago(minutes=30)) < timedelta(minutes=1)
        assert (event.origin, event.subscription, event.status) == ("recovered", None, "pending")
