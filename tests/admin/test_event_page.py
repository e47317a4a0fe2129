"""An event's page: who and what, its story, what Zenvia sent, and what can be done."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.support import receivers
from tests.support.admin_pages import said, user_with
from tests.support.factories import make_event
from tests.support.webhooks import payload, post
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.signals import lead_created

LIST = "/admin/zenvia_webhooks/event/"
NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"

pytestmark = pytest.mark.django_db


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


@pytest.fixture
def event(settings: Any) -> Event:
    """A lead that one receiver took and another failed for."""
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": [600]}
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    event = make_event(data={"leadId": "7", "name": "Ana Paz", "phone": "+5511999990001"}, duplicates=2)
    dispatch_due()
    return event


def test_the_story_is_told_in_the_order_of_time(admin_client: Client, event: Event) -> None:
    text = text_of(admin_client.get(f"{LIST}{event.pk}/change/"))
    story = [
        *("It happened, as Zenvia says.", "Zenvia sent it, and it was stored.", "Zenvia sent it 2 times more."),
        *(f"{NOTE} delivered", f"{BROKEN} trying again", "next attempt in", "RuntimeError: it never works"),
        *("Where it broke: tests/support/receivers.py:", ', in broken raise RuntimeError("it never works")'),
    ]
    places = [text.index(part) for part in story]
    assert places == sorted(places)
    assert text.index("Ana Paz") < places[0]


def test_other_events_of_the_same_person_are_linked(admin_client: Client, event: Event) -> None:
    of_another = make_event(data={"leadId": "8"})
    later = make_event("quote.updated", {"leadId": "7", "status": "accepted"})
    dispatch_due()
    page = admin_client.get(f"{LIST}{event.pk}/change/").content.decode()
    assert f'href="{LIST}{later.pk}/change/"' in page
    assert f'href="{LIST}{of_another.pk}/change/"' not in page


def test_a_message_can_be_read(admin_client: Client, subscription: Subscription) -> None:
    post(admin_client, subscription, payload("assumed-interaction-inbound-image"))
    text = text_of(admin_client.get(f"{LIST}{Event.objects.get().pk}/change/"))
    assert "Direction from the lead" in text
    assert "Attachment" in text


def test_the_payload_is_a_tree_and_escaped(admin_client: Client) -> None:
    event = make_event(data={"leadId": "7", "note": {"a<b>": ["<script>", 1.5, None, {}]}})
    page = admin_client.get(f"{LIST}{event.pk}/change/").content.decode()
    assert "<details open><summary><b>data</b>" in page
    assert "<b>a&lt;b&gt;</b>" in page
    assert "<b>0</b> <code>&lt;script&gt;</code>" in page
    assert "<b>1</b> <code>1.5</code>" in page
    assert "<b>2</b> <code>null</code>" in page
    assert "<script>" not in page.partition("zenvia-tree")[2].partition("</fieldset>")[0]


def test_whoever_may_not_see_people_sees_none(client: Client, event: Event) -> None:
    client.force_login(user_with("view_event"))
    page = client.get(f"{LIST}{event.pk}/change/").content.decode()
    for personal in ("Ana Paz", "999990001", "it never works"):
        assert personal not in page
    assert "Dismiss" not in page
    assert BROKEN in page
    assert "Where it broke: <code>tests/support/receivers.py:" in page
    assert ", in broken</pre>" in page


def test_a_delivery_can_be_dismissed(admin_client: Client, event: Event) -> None:
    row = event.deliveries.get(receiver=BROKEN)
    address = f"{LIST}{event.pk}/dismiss/{row.pk}/"
    assert f'formaction="{address}"' in admin_client.get(f"{LIST}{event.pk}/change/").content.decode()
    assert admin_client.get(address).status_code == 405
    response = admin_client.post(address, follow=True)
    # The admin writes the first letter of a message in upper case, which must not be a receiver's.
    assert said(response)[0] == ("success", f"Dismissed: {BROKEN}. Only a replay that names it runs it again.")
    assert f'formaction="{address}"' not in response.content.decode()
    assert "Nothing is left to do." in text_of(response)
    assert "Every receiver has succeeded." not in text_of(response)
    row.refresh_from_db()
    event.refresh_from_db()
    assert (row.status, event.status) == (Delivery.Status.DISMISSED, Event.Status.DISPATCHED)
    assert any("Dismissed" in entry.change_message for entry in LogEntry.objects.all())
    assert said(admin_client.post(address, follow=True))[0][0] == "success"


def test_dismissing_needs_the_permission_and_a_delivery_of_that_event(client: Client, event: Event) -> None:
    other = make_event()
    row = event.deliveries.get(receiver=BROKEN)
    client.force_login(user_with("view_event"))
    assert client.post(f"{LIST}{event.pk}/dismiss/{row.pk}/").status_code == 403
    client.force_login(user_with("view_event", "replay_event", name="other"))
    assert client.post(f"{LIST}{other.pk}/dismiss/{row.pk}/").status_code == 404
    assert client.post(f"{LIST}{event.pk}/dismiss/{row.pk}/").status_code == 302
