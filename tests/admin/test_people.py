"""People in the admin's events: the search box, and the action that erases."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.admin_pages import confirm, user_with
from tests.support.webhooks import arrived
from zenvia_webhooks.admin import people
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

LIST = "/admin/zenvia_webhooks/event/"
ANA = {"leadId": "ana", "name": "Ana Canary", "email": "ana@canary.example", "phone": "+5511987654321"}


def listed(client: Client, query: str) -> set[int]:
    return {event.pk for event in client.get(LIST, {"q": query}).context["cl"].result_list}


def choose(client: Client, *events: Event) -> Any:
    data = {"action": "erase_selected", "_selected_action": [event.pk for event in events]}
    return client.post(LIST, data, follow=True)


def test_the_search_box_finds_a_person(admin_client: Client) -> None:
    event, other = arrived(**ANA), arrived(phone="+5511987654322")
    for query in ("(11) 98765-4321", "ANA@canary.example", "ana", " +55 11 8765 4321 "):
        assert listed(admin_client, query) == {event.pk}, query
    assert listed(admin_client, "") == {event.pk, other.pk}
    assert listed(admin_client, "canary") == set()


def test_a_text_with_several_meanings_finds_the_newest_of_all(
    admin_client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {}, "second": {}}}
    events = [arrived(leadId="ana", status=str(number)) for number in range(6)]
    Event.objects.filter(pk__in=[event.pk for event in events[::2]]).update(account="second")
    pks = [event.pk for event in events]
    assert listed(admin_client, "ana") == set(pks)
    # As many as a page may show, and all where older ones are asked for.
    monkeypatch.setattr(people, "MOST_COUNTED", 3)
    assert listed(admin_client, "ana") == set(pks[3:])
    assert {event.pk for event in Event.objects.about("ana", newest=5)} == set(pks[1:])
    assert {event.pk for event in Event.objects.about("ana", newest=7)} == set(pks)
    shown = admin_client.get(LIST, {"q": "ana", "status": "pending"}).context["cl"].result_list
    assert {event.pk for event in shown} == set(pks)


def test_the_action_shows_first_then_erases_and_logs_nothing_of_the_person(admin_client: Client) -> None:
    lead_created.connect(receivers.create_customer)
    event = arrived(**ANA)
    dispatch_due()
    quote, other = arrived("quote.updated", leadId="ana"), arrived(leadId="eva")
    asking = choose(admin_client, event)
    page = asking.content.decode()
    assert "Events: 2. Leads that they name: 1." in page
    assert "shop.customer:" in page
    assert "Canary" not in page
    assert Event.objects.filter(status=Event.Status.ERASED).count() == 0
    response = confirm(admin_client, asking)
    said = [str(message) for message in response.context["messages"]]
    assert said[0] == "2 events were erased."
    assert said[1].endswith(f"deletes them: shop.customer:{Customer.objects.get().pk}")
    erased = set(Event.objects.filter(status=Event.Status.ERASED).values_list("pk", flat=True))
    assert erased == {event.pk, quote.pk}
    logged = list(LogEntry.objects.values_list("object_id", "object_repr", "change_message"))
    assert set(logged) == {
        (str(event.pk), f"lead.created #{event.pk}", "Erased."),
        (str(quote.pk), f"quote.updated #{quote.pk}", "Erased."),
    }
    page = admin_client.get(f"{LIST}{event.pk}/change/").content.decode()
    assert "Canary" not in page
    assert "What it said was erased." in page
    assert other.pk not in erased


def test_without_the_permission_to_see_it_is_not_said_which_rows_are_the_sites_own(client: Client) -> None:
    lead_created.connect(receivers.create_customer)
    event = arrived(**ANA)
    dispatch_due()
    client.force_login(user_with("view_event", "erase_person"))
    asking = choose(client, event)
    said = str(list(confirm(client, asking).context["messages"])[-1])
    for shown in (asking.content.decode(), said):
        assert "shop.customer" in shown
        assert "shop.customer:" not in shown


def test_all_of_a_filtered_list_is_not_all_of_the_table(admin_client: Client) -> None:
    event, other = arrived(**ANA), arrived(leadId="eva")
    data = {"action": "erase_selected", "_selected_action": [event.pk], "select_across": "1"}
    asking: Any = admin_client.post(f"{LIST}?q=ana", data)
    assert asking.context["selected"] == [event.pk]
    assert b"select_across" not in asking.content
    confirm(admin_client, asking)
    assert Event.objects.get(pk=event.pk).status == Event.Status.ERASED
    assert Event.objects.get(pk=other.pk).status == Event.Status.PENDING


def test_what_a_worker_has_is_named(admin_client: Client) -> None:
    event = arrived(**ANA)
    claim_due(1)
    response = confirm(admin_client, choose(admin_client, event))
    assert f"done with them: #{event.pk}." in str(list(response.context["messages"])[-1])


def test_too_many_are_left_to_the_command(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zenvia_webhooks.admin.people.MOST_ERASED", 1)
    events = [arrived(**ANA), arrived("quote.updated", leadId="ana")]
    assert "zenvia_erase_person" in str(list(choose(admin_client, *events).context["messages"])[-1])


def test_it_needs_its_own_permission(client: Client) -> None:
    event = arrived(**ANA)
    user = user_with("view_event", "change_event", "delete_event", "replay_event", "view_payload")
    client.force_login(user)
    assert b"Erase the person" not in client.get(f"{LIST}{event.pk}/change/").content
    data = {"action": "erase_selected", "_selected_action": [event.pk], "erase": "yes"}
    client.post(LIST, data)
    assert Event.objects.get(pk=event.pk).status == Event.Status.PENDING
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_event", "erase_person"]))
    assert b"Erase the person" in client.get(f"{LIST}{event.pk}/change/").content
    client.post(LIST, data)
    assert Event.objects.get(pk=event.pk).status == Event.Status.ERASED
