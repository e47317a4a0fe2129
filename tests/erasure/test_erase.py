"""Erasing a person: what is found, what goes, what stays, and that nothing brings the person back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.factories import make_event, make_subscription
from tests.support.people import all_that_is_stored
from tests.support.webhooks import arrived, let_time_pass, post
from zenvia_webhooks.dispatch.claims import Claim, claim_due, release
from zenvia_webhooks.dispatch.dispatcher import dispatch, dispatch_due
from zenvia_webhooks.erasure.erase import Erased, erase
from zenvia_webhooks.erasure.person import AmbiguousError, by_events, by_text
from zenvia_webhooks.models import Event, EventKey, Subscription
from zenvia_webhooks.signals import event_received, lead_created, person_erased

pytestmark = pytest.mark.django_db

CANARY = "canary"
ANA = {"leadId": "ana-canary", "name": "Ana Canary", "email": "ana@canary.example", "phone": "+5511987654321"}
NUMBER = "11 98765-4321"


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """Return what `person_erased` said, each time."""
    said: list[dict[str, Any]] = []

    def listen(sender: Any, **kwargs: Any) -> None:
        kwargs.pop("signal")
        said.append({"sender": sender, **kwargs})

    person_erased.connect(listen, weak=False)
    yield said
    person_erased.disconnect(listen)


def broken(sender: Any, event: Event, **kwargs: Any) -> None:
    raise RuntimeError(f"{event.payload}")


def fresh(event: Event) -> Event:
    return Event.objects.get(pk=event.pk)


def erase_by(text: str) -> Erased:
    return erase(by_text(text))


def test_nothing_of_the_person_is_left_in_our_tables(client: Client, subscription: Subscription) -> None:
    lead_created.connect(receivers.create_customer)
    event_received.connect(broken)
    headers = {"HTTP_USER_AGENT": CANARY, "REMOTE_ADDR": "198.51.100.7"}
    post(client, subscription, json.dumps({"topic": "lead.created", "data": ANA}).encode(), **headers)
    event, quote = Event.objects.get(), arrived("quote.updated", leadId=ANA["leadId"], quoteId="q1", text=CANARY)
    dispatch_due()
    assert CANARY in all_that_is_stored().lower()
    assert "in broken" in event.deliveries.get(error__gt="").traceback
    assert "198.51.100.7" in all_that_is_stored()
    before = {name: getattr(event, name) for name in ("fingerprint", "received_at", "occurred_at", "account", "topic")}
    assert sorted(erase_by(NUMBER).events) == [event.pk, quote.pk]
    assert CANARY not in all_that_is_stored().lower()
    assert "198.51.100.7" not in all_that_is_stored()
    event = fresh(event)
    assert {name: getattr(event, name) for name in before} == before
    assert (event.status, event.next_attempt_at, event.claim) == (Event.Status.ERASED, None, None)
    assert set(event.keys.values_list("kind", flat=True)) == {EventKey.Kind.OBJECT}
    assert set(event.deliveries.values_list("status", "error", "traceback", "result")) == {
        ("succeeded", "", "", ""),
        ("dismissed", "", "", ""),
    }
    assert event.replay() == []
    let_time_pass()
    assert dispatch_due() == 0
    assert not by_text(NUMBER).events


def test_the_site_is_told_whom_to_erase(told: list[dict[str, Any]]) -> None:
    lead_created.connect(receivers.create_customer)
    arrived(**ANA)
    dispatch_due()
    result = f"shop.customer:{Customer.objects.get().pk}"
    person = by_text(NUMBER)
    assert (list(person.results), person.leads, person.is_open, told) == ([result], 1, 0, [])
    erase(person)
    assert told == [
        {
            "sender": Event,
            "lead_ids": {ANA["leadId"]},
            "phones": {ANA["phone"]},
            "emails": {ANA["email"]},
            "results": {result},
            "count": 1,
        }
    ]
    erase(person)
    assert len(told) == 1


def test_what_another_said_stays() -> None:
    arrived(**ANA)
    other = arrived(leadId="eva", phone="+5511987654322")
    erase_by(NUMBER)
    assert fresh(other).status == Event.Status.PENDING


def test_leads_that_share_a_number_are_found_and_counted() -> None:
    both = {arrived(**ANA), arrived(leadId="second", phone=ANA["phone"])}
    later = arrived("quote.updated", leadId="second")
    person = by_text(NUMBER)
    assert person.leads == 2
    # What only its lead leads to comes first: an erasure that broke off is found again by the number.
    assert list(person.events) == [later.pk, *sorted(event.pk for event in both)]


def test_a_number_of_two_countries_must_name_its_country() -> None:
    text = "11 2345-6789"
    brazilian = arrived(phone="+551123456789")
    assert list(by_text(text).events) == [brazilian.pk]
    arrived(phone="+541123456789")
    with pytest.raises(AmbiguousError, match=r"\+541123456789, \+551123456789"):
        by_text(text)
    assert list(by_text(f"+55 {text}").events) == [brazilian.pk]


def test_a_leads_id_of_two_accounts_is_refused() -> None:
    for account in ("a", "b"):
        make_event(data={"leadId": "7"}, subscription=make_subscription(account=account))
    with pytest.raises(AmbiguousError, match="a, b"):
        by_text("7")


def test_a_repetition_is_a_duplicate_and_tells_nothing(client: Client, subscription: Subscription) -> None:
    body = json.dumps({"topic": "lead.created", "data": ANA}).encode()
    post(client, subscription, body)
    erase_by(NUMBER)
    answer: Any = post(client, subscription, body)
    assert answer.json()["status"] == "duplicate"
    assert CANARY not in all_that_is_stored().lower()


def test_what_arrives_meanwhile_is_erased_too() -> None:
    arrived(**ANA)
    late: list[Event] = []

    def arrive(_event: int) -> None:
        if not late:
            late.append(arrived("quote.updated", leadId=ANA["leadId"]))

    erase(by_text(NUMBER), arrive)
    assert fresh(late[0]).status == Event.Status.ERASED


def test_an_event_of_no_person_is_erased_alone(client: Client, subscription: Subscription) -> None:
    post(client, subscription, CANARY.encode())
    other = arrived(**ANA)
    erase(by_events(Event.objects.filter(status=Event.Status.QUARANTINED)))
    assert CANARY not in repr(list(Event.objects.exclude(pk=other.pk).values()))
    assert fresh(other).status == Event.Status.PENDING


def test_an_events_person_is_found_by_all_its_keys() -> None:
    event, same_number = arrived(**ANA), arrived(leadId="second", phone=ANA["phone"])
    assert sorted(by_events(Event.objects.filter(pk=event.pk)).events) == [event.pk, same_number.pk]


# In a worker's hands


def held() -> tuple[Event, Claim]:
    """Return an event whose person was erased while a worker had it, and its claim."""
    if not Event.objects.exists():
        arrived(**ANA)
    claim = claim_due(1)
    erased = erase_by(NUMBER)
    assert (erased.events, erased.marked) == ([], [claim.events[0].pk])
    event = fresh(claim.events[0])
    assert (event.status, event.claim, event.payload is None) == (Event.Status.ERASED, claim.id, False)
    return event, claim


def is_gone(event: Event) -> bool:
    event = fresh(event)
    return (event.status, event.claim, event.next_attempt_at, CANARY in all_that_is_stored().lower()) == (
        Event.Status.ERASED,
        None,
        None,
        False,
    )


@pytest.mark.parametrize("is_last", [True, False])
def test_its_holder_erases_it_when_it_is_done(told: list[dict[str, Any]], is_last: bool) -> None:
    lead_created.connect(receivers.create_customer)
    if not is_last:
        event_received.connect(broken)
    event, claim = held()
    assert told == []
    dispatch(claim.events[0], claim)
    assert is_gone(event)
    assert [(one["lead_ids"], one["count"], len(one["results"])) for one in told] == [({ANA["leadId"]}, 1, 1)]


def test_who_releases_it_erases_it(told: list[dict[str, Any]]) -> None:
    event, claim = held()
    release(claim, claim.events)
    assert is_gone(event)
    assert len(told) == 1


def test_whoever_takes_it_up_stalled_erases_it_and_runs_nothing(told: list[dict[str, Any]]) -> None:
    lead_created.connect(receivers.broken)
    arrived(**ANA)
    dispatch_due()
    receivers.calls.clear()
    let_time_pass()
    event, _claim = held()
    let_time_pass()
    dispatch_due()
    assert is_gone(event)
    assert (receivers.calls, len(told)) == ([], 1)


def test_a_late_holder_of_a_stalled_event_writes_nothing() -> None:
    lead_created.connect(receivers.create_customer)
    arrived(**ANA)
    claim = claim_due(1)
    let_time_pass()
    erase_by(NUMBER)
    event = claim.events[0]
    assert is_gone(event)
    release(claim, [event])
    assert is_gone(event)


def test_each_erasure_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    for _ in range(10):
        arrived(**{**ANA, "leadId": ANA["leadId"], "text": str(Event.objects.count())})
    dispatch_due()
    person = by_text(NUMBER)
    with django_assert_max_num_queries(10 * 11 + 15, connection=connection):
        erase(person)
