"""What the API shows of people, and to whom; what is logged about who looked."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from tests.support.admin_pages import user_with
from tests.support.people import CANARIES, PLACE, planted
from zenvia_webhooks.models import Event, Subscription

pytestmark = pytest.mark.django_db

API = "/zenvia/api/"
#: The API has no place for these.
NEVER = {"header", "address", "bytes"}


@pytest.fixture
def events(subscription: Subscription) -> list[Event]:
    return planted(subscription)


def told(client: Client, events: list[Event]) -> set[str]:
    lists = ("events/", "events/?about=(11)+98765-4377", "deliveries/")
    paths = [f"{API}{path}" for path in (*lists, *(f"events/{event.pk}/" for event in events))]
    shown = "".join(str(client.get(path).json()) for path in paths)
    return {name for name, canary in CANARIES.items() if canary in shown}


def test_without_the_permission_nobody_is_told_of(client: Client, events: list[Event]) -> None:
    client.force_login(user_with("view_event", "change_event", "replay_event", "view_delivery"))
    assert told(client, events) == set()
    assert len(client.get(f"{API}events/", {"about": CANARIES["phone"]}).json()["results"]) == 5
    shown = client.get(f"{API}events/{events[1].pk}/").json()
    assert shown["summary"] == "C•••••• Q•••••• · +•••••••••••77"
    assert (shown["payload"], shown["interaction"]["text"]) == (None, "••••")
    assert shown["lead"]["phones"] == ["+•••••••••••77"]
    # What is of nobody stays: programs go on working.
    assert (shown["lead"]["status"], shown["interaction"]["direction"]) == ("unclaimed", "inbound")
    failed, succeeded = shown["deliveries"]
    assert (failed["error"], succeeded["error"], succeeded["result"]) == ("••••", "", "shop.gone")
    assert (failed["traceback"], succeeded["traceback"]) == (PLACE, "")


def test_with_the_permission_everything_is_shown_and_logged_without_the_person(
    client: Client, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    user = user_with("view_event", "view_delivery", "view_payload")
    client.force_login(user)
    caplog.set_level(logging.INFO, "zenvia_webhooks.audit")
    assert told(client, events) == set(CANARIES) - NEVER
    assert [record.getMessage() for record in caplog.records if record.name == "zenvia_webhooks.audit"] == [
        f"the payload of event {event.pk} is viewed through the API by user {user.pk}" for event in events
    ]
