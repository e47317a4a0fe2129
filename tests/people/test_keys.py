"""The keys of events: what they are made of, when they are written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.crypto import salted_hmac
from django.utils.timezone import now

from tests.support import receivers
from tests.support.factories import make_event
from tests.support.webhooks import arrived, conversion_envelope, let_time_pass, payload, post
from zenvia_webhooks import retention
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, EventKey, Subscription, statements
from zenvia_webhooks.people import keys
from zenvia_webhooks.signals import event_received, lead_created

pytestmark = pytest.mark.django_db

Kind = EventKey.Kind
#: The lead of most samples.
ANA = "69af014baa00aa11aa22aa01"

seen: list[tuple[int, int, bool]] = []


def look(sender: Any, event: Event, **kwargs: Any) -> None:
    """Note how many keys the event has, how many there are, and whether it is superseded."""
    seen.append((event.keys.count(), EventKey.objects.count(), event.is_superseded))


def keys_of(event: Event) -> set[tuple[str, bytes]]:
    return {(key.kind, bytes(key.digest)) for key in event.keys.all()}


# What they are


def test_a_digest_is_keyed_and_of_account_kind_and_value(settings: Any) -> None:
    first = keys.digest("default", Kind.LEAD, "1")
    # What is stored is found by it for years.
    content, secret = b"default\0lead\x001", settings.SECRET_KEY
    assert first == salted_hmac("zenvia_webhooks.key", content, secret=secret, algorithm="sha256").digest()[:16]
    others = {
        keys.digest("other", Kind.LEAD, "1"),
        keys.digest("default", Kind.OBJECT, "1"),
        keys.digest("default", Kind.LEAD, "2"),
    }
    settings.ZENVIA_WEBHOOKS = {"DIGEST_KEY": "another"}
    others.add(keys.digest("default", Kind.LEAD, "1"))
    assert len(others - {first}) == 4


@pytest.mark.parametrize(
    ("name", "object_id", "lead_id", "phones", "emails"),
    [
        ("assumed-prospect-created", "lead:69b03936aa00aa11aa22aa02", "69b03936aa00aa11aa22aa02", [], []),
        ("interaction-inbound-text", "interaction:69b01793ee00ee11ee22ee01", ANA, ["+5511900000001"], []),
        ("assumed-quote-updated", "quote:69b15940ab00ab11ab22ab01", ANA, ["+5511900000001"], []),
        ("assumed-agent-updated", "agent:64789650cc00cc11cc22cc01", None, [], []),
        ("messaging-conversation-closed", "conversation:69b01793ac00ac11ac22ac01", None, ["+5511900000001"], []),
        ("lead_created", "lead:12345", "12345", ["+5511999999999"], ["joao.silva@email.com"]),
    ],
)
def test_an_event_has_the_keys_of_its_object_and_its_lead(
    client: Client,
    subscription: Subscription,
    name: str,
    object_id: str,
    lead_id: str | None,
    phones: list[str],
    emails: list[str],
) -> None:
    post(client, subscription, payload(name))
    dispatch_due()
    expected = {("object", keys.digest("default", Kind.OBJECT, object_id))}
    if lead_id is not None:
        expected.add(("lead", keys.digest("default", Kind.LEAD, lead_id)))
    expected |= {("phone", keys.digest("", Kind.PHONE, phone)) for phone in phones}
    expected |= {("email", keys.digest("", Kind.EMAIL, email)) for email in emails}
    assert keys_of(Event.objects.get()) == expected


def test_a_key_shows_nothing_of_its_value() -> None:
    event = arrived(leadId="the-id")
    EventKey.objects.write([event])
    key = event.keys.get(kind="lead")
    assert str(key) == f"lead of #{event.pk}"
    assert b"the-id" not in key.digest
    assert type(key.digest) is bytes


def test_what_is_quarantined_has_none(client: Client, subscription: Subscription) -> None:
    post(client, subscription, b'{"leadId": "12345"}')
    dispatch_due()
    EventKey.objects.write(Event.objects.all())
    assert not EventKey.objects.exists()


def test_however_many_numbers_are_sent_some_are_keyed() -> None:
    numbers = [f"+55119{number:08}" for number in range(10_000)]
    event = make_event()
    body = conversion_envelope("prospects", prospect={"id": "1", "phones": numbers, "emails": numbers})
    Event.objects.filter(pk=event.pk).update(contract="conversion", payload=body)
    EventKey.objects.write(Event.objects.all())
    assert event.keys.filter(kind=Kind.PHONE).count() == keys.MOST_OF_A_KIND


# When they are written


def test_they_are_there_before_the_first_receiver_runs_for_all_that_was_claimed() -> None:
    seen.clear()
    event_received.connect(look)
    for _ in range(3):
        arrived()
    dispatch_due()
    assert seen == [(2, 6, False)] * 3


def test_a_claim_costs_one_insert_however_many_events_and_receivers_there_are() -> None:
    for number, function in enumerate((receivers.note, look)):
        event_received.connect(function, dispatch_uid=str(number))
    for _ in range(10):
        arrived()
    with CaptureQueriesContext(connection) as queries:
        assert dispatch_due() == 10
    inserts = [query["sql"] for query in queries if "INSERT" in query["sql"] and "eventkey" in query["sql"]]
    assert len(inserts) == 1
    assert EventKey.objects.count() == 20


def test_a_retry_and_a_replay_write_none(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_created.connect(receivers.flaky)
    receivers.failures_left = 1
    event = arrived()
    dispatch_due()
    EventKey.objects.all().delete()
    let_time_pass()
    dispatch_due()
    event.refresh_from_db()
    assert event.status == Event.Status.DISPATCHED
    event.replay()
    dispatch_due()
    assert not EventKey.objects.exists()


def test_writing_them_again_changes_nothing() -> None:
    event = arrived()
    EventKey.objects.write([event])
    before = list(event.keys.values_list("pk", "digest"))
    with CaptureQueriesContext(connection) as queries:
        EventKey.objects.write([event])
    assert len([query for query in queries if query["sql"].startswith("INSERT")]) == 1
    assert list(event.keys.values_list("pk", "digest")) == before


@pytest.mark.parametrize("error", [OperationalError("away"), RuntimeError("a bug")])
def test_an_event_without_keys_is_handed_out_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*arguments: Any, using: str) -> None:
        raise error

    monkeypatch.setattr(statements, "insert_missing", fail)
    lead_created.connect(receivers.create_customer)
    event = arrived()
    assert dispatch_due() == 1
    event.refresh_from_db()
    assert (event.status, event.is_superseded) == (Event.Status.DISPATCHED, False)
    assert "the keys of 1 events could not be written" in caplog.text


def test_they_are_written_in_one_order_whoever_writes_them() -> None:
    """A claim takes the newest and the oldest in turn, a search the oldest first: each waited for the other's."""
    events = [arrived(leadId=str(number)) for number in range(3)]
    EventKey.objects.write([events[2], events[0], events[1]])
    written = list(EventKey.objects.order_by("pk").values_list("event", flat=True))
    assert written == sorted(written)
    assert set(written) == {event.pk for event in events}


def test_nor_does_a_refusal_of_the_database_cost_the_event(caplog: pytest.LogCaptureFixture) -> None:
    """They are written in the claim's transaction."""
    event = arrived()
    lead_created.connect(receivers.create_customer)
    table = EventKey._meta.db_table

    def misdirect(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        return execute(sql.replace(table, "nowhere") if sql.startswith("INSERT") else sql, params, many, context)

    with connection.execute_wrapper(misdirect):
        assert dispatch_due() == 1
    event.refresh_from_db()
    assert (event.status, event.keys.count()) == (Event.Status.DISPATCHED, 0)
    assert "the keys of 1 events could not be written" in caplog.text


def test_a_wrong_digest_key_costs_the_keys_and_not_the_event(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    lead_created.connect(receivers.create_customer)
    event = arrived()
    settings.ZENVIA_WEBHOOKS = {"DIGEST_KEY": 5}
    dispatch_due()
    event.refresh_from_db()
    assert event.status == Event.Status.DISPATCHED
    assert f"event {event.pk} is handed out without keys" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_an_event_that_was_deleted_meanwhile_takes_no_keys_from_the_others() -> None:
    gone, there = arrived(), arrived()
    Event.objects.filter(pk=gone.pk).delete()
    EventKey.objects.write([gone, there])
    assert set(EventKey.objects.values_list("event", flat=True)) == {there.pk}


@pytest.mark.django_db(transaction=True)
def test_they_are_committed_before_a_receiver_runs() -> None:
    """What a receiver that fails takes back is its own."""
    lead_created.connect(finds_keys_and_fails)
    event = arrived()
    dispatch_due()
    assert found_keys == [2]
    assert (event.deliveries.get().status, event.keys.count()) == ("retrying", 2)


found_keys: list[int] = []


def finds_keys_and_fails(sender: Any, event: Event, **kwargs: Any) -> None:
    found_keys.append(event.keys.count())
    raise RuntimeError("too early")


# What they cost


def test_they_go_with_their_event_in_one_delete() -> None:
    for _ in range(20):
        arrived()
    while dispatch_due():
        pass
    Event.objects.update(received_at=now() - timedelta(days=100))
    assert EventKey.objects.count() == 40
    with CaptureQueriesContext(connection) as queries:
        assert [batch.number for batch in retention.purge(90)] == [20]
    assert not EventKey.objects.exists()
    about_keys = [query["sql"] for query in queries if "eventkey" in query["sql"]]
    assert len(about_keys) == 1
    assert about_keys[0].startswith("DELETE")


def test_indexes_serve_both_ways() -> None:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, EventKey._meta.db_table)
    indexed = [one["columns"] for one in found.values() if one["index"] or one["unique"]]
    assert ["digest", "kind", "event_id"] in indexed
    assert ["event_id"] in indexed
