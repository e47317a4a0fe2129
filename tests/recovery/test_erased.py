"""A recovery brings nobody back who was erased."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from tests.support.recovering import ago, dispatch_all, recover
from zenvia_webhooks.erasure.erase import erase
from zenvia_webhooks.erasure.person import by_text
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.webhook import intake

pytestmark = pytest.mark.django_db


def arrive(subscription: Subscription, envelope: dict[str, Any]) -> int:
    return intake.store(subscription, json.dumps(envelope).encode(), headers={}, remote_addr="").event_id


def erase_lead(envelope: dict[str, Any]) -> str:
    lead_id: str = envelope["prospect"]["id"]
    dispatch_all()
    erase(by_text(lead_id))
    assert set(Event.objects.values_list("status", flat=True)) == {Event.Status.ERASED}
    return lead_id


@pytest.mark.parametrize("topic", ["lead.created", "interaction.created", "quote.created"])
def test_what_never_came_of_an_erased_person_is_not_missing(
    zenvia: Sandbox, subscription: Subscription, topic: str
) -> None:
    """Whatever of theirs was stored, neither the lead itself comes back nor what it did."""
    lead = zenvia.history.happen("lead.created", "phone", at=ago(minutes=50))
    lead_id = lead["prospect"]["id"]
    stored = lead if topic == "lead.created" else zenvia.history.happen(topic, at=ago(minutes=40), prospect_id=lead_id)
    arrive(subscription, stored)
    erase_lead(stored)
    zenvia.history.happen("interaction.created", at=ago(minutes=30), prospect_id=lead_id)
    zenvia.history.happen("quote.created", at=ago(minutes=20), prospect_id=lead_id)
    other = zenvia.history.happen("lead.created", "phone", at=ago(minutes=25))["prospect"]["id"]
    printed = recover("--apply")
    assert [line.split()[2] for line in printed.splitlines() if line.startswith("missing: ")] == [other]
    assert lead_id not in str(list(Event.objects.values_list("payload", flat=True)))


def test_who_came_back_is_recovered_since(zenvia: Sandbox, subscription: Subscription) -> None:
    lead = zenvia.history.happen("lead.created", "phone", at=ago(minutes=90))
    arrive(subscription, lead)
    lead_id = erase_lead(lead)
    before, back, after = (
        zenvia.history.happen("interaction.created", at=ago(minutes=minutes), prospect_id=lead_id)
        for minutes in (60, 40, 20)
    )
    event = arrive(subscription, back)
    Event.objects.filter(pk=event).update(received_at=now() - timedelta(minutes=39))
    printed = recover("--apply")
    assert f"missing: interaction {after['interaction']['id']}" in printed
    assert f"missing: interaction {before['interaction']['id']}" not in printed
