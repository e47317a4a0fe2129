"""What the admin shows of people, and to whom; what it writes down about who looked."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.admin_pages import user_with
from tests.support.factories import make_event
from tests.support.people import CANARIES, planted
from zenvia_webhooks.models import Event

pytestmark = pytest.mark.django_db

LIST = "/admin/zenvia_webhooks/event/"


@pytest.fixture
def pages(subscription: Any) -> list[str]:
    """The addresses of every page of the admin that is about events."""
    events = planted(subscription)
    return [LIST, *(f"{LIST}{event.pk}/{page}/" for event in events for page in ("change", "history"))]


def told(client: Client, pages: list[str]) -> set[str]:
    return canaries_in("".join(client.get(page).content.decode() for page in pages))


def canaries_in(text: str) -> set[str]:
    return {name for name, canary in CANARIES.items() if canary in text}


@pytest.mark.parametrize("permission", ["view_event", "replay_event"])
def test_without_the_permission_nobody_is_told_of(client: Client, pages: list[str], permission: str) -> None:
    client.force_login(user_with(permission, "view_subscription"))
    assert told(client, [*pages, "/admin/", "/admin/zenvia_webhooks/", f"{LIST}replay/?ids=1"]) == set()
    page = client.get(LIST).content.decode()
    assert "C•••••• Q•••••• · +•••••••••••77" in page
    assert "lead.created" in page
    # How its receivers fared is not about people.
    assert "crm.receivers.broken" in client.get(pages[1]).content.decode()


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("written", ["(11) 98765-4377", CANARIES["email"].upper()])
def test_a_search_by_all_of_a_number_finds_the_person_and_shows_no_more(client: Client, written: str) -> None:
    client.force_login(user_with("view_event", "erase_person"))
    found: Any = client.get(LIST, {"q": written})
    assert len(found.context["cl"].result_list) == 5
    assert "C•••••• Q•••••• · +•••••••••••77" in found.content.decode()
    data = {"action": "erase_selected", "_selected_action": [event.pk for event in found.context["cl"].result_list]}
    asking = client.post(LIST, data).content.decode()
    assert "Events: 5." in asking
    assert canaries_in(found.content.decode() + asking) == set()
    # Parts of them are no way to a person.
    for part in (CANARIES["phone"][:-1], CANARIES["name"], CANARIES["email"].partition("@")[0]):
        assert "0 events" in client.get(LIST, {"q": part}).content.decode(), part


def test_with_the_permission_everything_is_shown(client: Client, pages: list[str]) -> None:
    client.force_login(user_with("view_event", "view_payload"))
    assert told(client, pages) == set(CANARIES)


def test_the_permission_alone_opens_no_page(client: Client, pages: list[str]) -> None:
    client.force_login(user_with("view_payload"))
    assert {client.get(page).status_code for page in pages} == {403}


def test_who_saw_a_payload_is_written_down_without_the_person(client: Client) -> None:
    event = make_event(data={"name": CANARIES["name"]})
    user = user_with("view_event", "view_payload")
    client.force_login(user)
    client.get(LIST)
    client.get(f"{LIST}{event.pk}/history/")
    assert not LogEntry.objects.exists()
    client.get(f"{LIST}{event.pk}/change/")
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.object_repr) == (user, str(event.pk), f"lead.created #{event.pk}")
    assert entry.change_message == "Payload viewed."


def test_a_page_that_shows_no_payload_is_not_written_down(client: Client) -> None:
    event = make_event()
    client.force_login(user_with("view_event"))
    client.get(f"{LIST}{event.pk}/change/")
    assert not LogEntry.objects.exists()


def test_a_list_reads_no_payload(admin_client: Client) -> None:
    make_event(data={"name": CANARIES["name"]})
    with CaptureQueriesContext(connection) as queries:
        assert CANARIES["name"] in admin_client.get(LIST).content.decode()
    read = " ".join(query["sql"] for query in queries)
    assert Event._meta.db_table in read
    for column in ("payload", "body"):
        assert connection.ops.quote_name(column) not in read
