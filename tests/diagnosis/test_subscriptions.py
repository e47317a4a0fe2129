"""What is told about subscriptions that are in order, and do not bring what the site waits for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import receivers
from zenvia_webhooks.diagnosis import Area, diagnose
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.signals import event_received, interaction_resolved

pytestmark = pytest.mark.django_db


def told(settings: Any, contract: str, *topics: str, status: str = "active") -> list[str]:
    account = {"API_KEY": "key-of-the-tests", "CONTRACT": contract}
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": {"default": account}}
    Subscription.objects.create(topics=list(topics), status=status)
    found = [finding for finding in diagnose([Area.SUBSCRIPTIONS]) if finding.id == "no-archives"]
    assert all("lead.created (prospects)" in finding.text and finding.fix for finding in found)
    return [finding.severity for finding in found]


@pytest.mark.parametrize("topics", [["interaction.created"], ["interaction.resolved"], ["quote.updated"]])
def test_a_site_that_waits_for_what_is_resolved_is_told_where_archives_come_from(
    settings: Any, topics: list[str]
) -> None:
    interaction_resolved.connect(receivers.note)
    assert told(settings, "conversion", *topics) == ["warning"]


def test_so_is_one_that_asked_for_it_by_name(settings: Any) -> None:
    assert told(settings, "conversion", "interaction.resolved") == ["warning"]


def test_leads_of_another_subscription_are_enough(settings: Any) -> None:
    interaction_resolved.connect(receivers.note)
    Subscription.objects.create(topics=["lead.updated"], status="active")
    assert told(settings, "conversion", "interaction.resolved") == []


def test_one_that_is_off_brings_nothing(settings: Any) -> None:
    interaction_resolved.connect(receivers.note)
    Subscription.objects.create(topics=["lead.created"], status="inactive")
    assert told(settings, "conversion", "interaction.created") == ["warning"]


def test_nobody_else_is_told(settings: Any) -> None:
    event_received.connect(receivers.note)
    assert told(settings, "conversion", "interaction.created") == []
    interaction_resolved.connect(receivers.note)
    assert told(settings, "help_center", "interaction.resolved") == []
