"""The statements by hand: what they write, what they leave, and whom they tell."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models.signals import post_save, pre_save

from tests.support.factories import envelope
from zenvia_webhooks.models import Delivery, Event, EventKey, Subscription
from zenvia_webhooks.models.event import MAX_TOPIC_LENGTH
from zenvia_webhooks.models.statements import begin_claim, end_claim, insert, insert_missing, insert_new, reader
from zenvia_webhooks.webhook.intake import read, store

#: Bytes that a statement's text could break on.
ODD = b"%s\\'\"\0\xff{" * 2

pytestmark = pytest.mark.django_db(transaction=True)


def store_lead(subscription: Subscription) -> str:
    return store(subscription, envelope(name="João 😀\\"), headers={"user-agent": "a"}, remote_addr="::1").status


def test_a_repetition_is_no_failed_statement_and_writes_its_counter_alone(subscription: Subscription) -> None:
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith("SELECT"):
            statements.append(sql.split()[0])
        try:
            return execute(sql, params, many, context)
        except DatabaseError:
            statements.append("failed")
            raise

    with connection.execute_wrapper(note):
        answers = [store_lead(subscription) for _ in range(3)]
    assert answers == ["accepted", "duplicate", "duplicate"]
    on_repetition = ["UPDATE"] if connection.vendor == "mysql" else ["INSERT", "UPDATE"]
    assert [name for name in statements if name in ("INSERT", "UPDATE", "failed")] == [
        *("INSERT", "UPDATE"),  # the second of the subscription's `last_event_at`
        *2 * on_repetition,
    ]
    assert Event.objects.get().duplicates == 2


def test_a_hosts_receivers_get_what_was_stored_and_hear_of_no_repetition(subscription: Subscription) -> None:
    seen: list[str] = []

    def before(instance: Event, **kwargs: Any) -> None:
        assert isinstance(instance.received_at, datetime)
        seen.append("pre_save")
        instance.error = "written by the host"

    def after(instance: Event, *, created: bool, **kwargs: Any) -> None:
        assert (created, kwargs["raw"], kwargs["using"], kwargs["update_fields"]) == (True, False, "default", None)
        stored = Event.objects.get(pk=instance.pk)
        names = [field.attname for field in Event._meta.concrete_fields]
        assert {name: getattr(instance, name) for name in names} == {name: getattr(stored, name) for name in names}
        assert (stored.error, stored.lead and stored.lead.name) == ("written by the host", "João 😀\\")
        assert not instance._state.adding
        seen.append("post_save")

    pre_save.connect(before, sender=Event)
    post_save.connect(after, sender=Event)
    try:
        store_lead(subscription)
        store_lead(subscription)
    finally:
        pre_save.disconnect(before, sender=Event)
        post_save.disconnect(after, sender=Event)
    assert seen == ["pre_save", "post_save", "pre_save"]


def test_what_is_too_long_is_refused_and_not_cut_off(subscription: Subscription) -> None:
    columns = {"account": "default", "received_at": datetime.fromisoformat("2026-01-01T00:00:00Z"), "body": b""}
    event = Event(**(read("default", envelope()) | columns | {"account": "a" * (MAX_TOPIC_LENGTH + 1)}))
    if connection.vendor == "sqlite":
        return  # it has no lengths
    with pytest.raises(DatabaseError) as raised:
        insert_new(event, unique="fingerprint", using="default")
    assert not isinstance(raised.value, IntegrityError)
    assert not Event.objects.exists()


def test_a_delivery_is_written_as_save_would_and_told_to_a_host(subscription: Subscription) -> None:
    store_lead(subscription)
    seen: list[tuple[str, bool]] = []

    def after(instance: Delivery, *, created: bool, **kwargs: Any) -> None:
        seen.append((Delivery.objects.get(pk=instance.pk).receiver, created))

    post_save.connect(after, sender=Delivery)
    moment = datetime.fromisoformat("2026-01-01T00:00:00.123456Z")
    columns = {"status": Delivery.Status.SUCCEEDED, "result": "shop.customer:1", "finished_at": moment}
    row = Delivery(event=Event.objects.get(), receiver="shop.receivers.ñandú", **columns)
    try:
        with transaction.atomic():
            insert(row, using="default")
    finally:
        post_save.disconnect(after, sender=Delivery)
    assert seen == [("shop.receivers.ñandú", True)]
    stored = Delivery.objects.get()
    names = [field.attname for field in Delivery._meta.concrete_fields]
    assert {name: getattr(row, name) for name in names} == {name: getattr(stored, name) for name in names}
    row.attempts = 2
    row.save()  # an UPDATE
    assert Delivery.objects.get().attempts == 2


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize("status", [Event.Status.PENDING, Event.Status.ERASED])
def test_a_claim_ends_only_where_it_is_and_no_erased_event_changes(
    subscription: Subscription, is_ours: bool, status: Event.Status
) -> None:
    for _ in range(2):
        store(subscription, envelope(leadId=str(uuid.uuid4())), headers={}, remote_addr="::1")
    claim, moment = uuid.uuid4(), datetime.fromisoformat("2026-01-01T00:00:00.123456Z")
    Event.objects.update(status=status, claim=claim if is_ours else uuid.uuid4())
    before = {event.pk: event for event in Event.objects.all()}
    pk = min(before)
    columns = {"status": Event.Status.DISPATCHED, "next_attempt_at": None, "finished_at": moment}

    ended = end_claim(Event, pk, claim, columns, unless=Event.Status.ERASED, using="default")

    assert ended == (is_ours and status == Event.Status.PENDING)
    if ended:
        changed = before.pop(pk)
        event = Event.objects.get(pk=pk)
        assert (event.claim, event.status, event.next_attempt_at, event.finished_at) == (
            None,
            "dispatched",
            None,
            moment,
        )
        assert (event.payload, event.body, event.received_at) == (changed.payload, changed.body, changed.received_at)
    for pk, event in before.items():
        left = Event.objects.get(pk=pk)
        assert (left.claim, left.status, left.next_attempt_at) == (event.claim, event.status, event.next_attempt_at)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_row_that_goes_with_the_end_of_a_claim_is_written_only_if_it_ends(
    subscription: Subscription, is_ours: bool
) -> None:
    store_lead(subscription)
    event, claim, seen = Event.objects.get(), uuid.uuid4(), []
    Event.objects.update(claim=claim if is_ours else uuid.uuid4())

    def before(instance: Delivery, **kwargs: Any) -> None:
        instance.error = "written by the host"

    def after(instance: Delivery, *, created: bool, **kwargs: Any) -> None:
        seen.append((Delivery.objects.get(pk=instance.pk).receiver, created))

    pre_save.connect(before, sender=Delivery)
    post_save.connect(after, sender=Delivery)
    moment = datetime.fromisoformat("2026-01-01T00:00:00.123456Z")
    columns = {"status": Delivery.Status.SUCCEEDED, "attempts": 1, "result": "a.b:'%s", "finished_at": moment}
    row = Delivery(event=event, receiver="shop.receivers.ñandú", **columns)
    try:
        with transaction.atomic():
            new = {"status": Event.Status.DISPATCHED}
            ended = end_claim(Event, event.pk, claim, new, unless=Event.Status.ERASED, using="default", then=row)
    finally:
        pre_save.disconnect(before, sender=Delivery)
        post_save.disconnect(after, sender=Delivery)
    assert ended is is_ours
    assert seen == ([("shop.receivers.ñandú", True)] if is_ours else [])
    assert Event.objects.get().status == (Event.Status.DISPATCHED if is_ours else Event.Status.PENDING)
    for stored in Delivery.objects.all():
        assert stored.error == "written by the host"
        names = [field.attname for field in Delivery._meta.concrete_fields]
        assert {name: getattr(row, name) for name in names} == {name: getattr(stored, name) for name in names}
    assert Delivery.objects.exists() is is_ours


def test_what_is_read_by_hand_is_what_the_orm_reads(subscription: Subscription) -> None:
    store_lead(subscription)
    Event.objects.update(claim=uuid.uuid4(), occurred_at=datetime.fromisoformat("2026-01-01T00:00:00.123456Z"))
    expected = Event.objects.get()
    names = [field.attname for field in Event._meta.concrete_fields if field.name != "error"]
    quoted = ", ".join(connection.ops.quote_name(name) for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quoted} FROM {Event._meta.db_table}")
        [values] = cursor.fetchall()
    event = reader(Event, names, "default")(values)
    assert {name: getattr(event, name) for name in names} == {name: getattr(expected, name) for name in names}
    assert (event.get_deferred_fields(), event._state.adding, event._state.db) == ({"error"}, False, "default")


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_what_is_there_already_is_left_and_the_rest_inserted(
    subscription: Subscription, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    store_lead(subscription)
    monkeypatch.setattr(type(connection.ops), "bulk_batch_size", lambda *_arguments: at_once)
    event = Event.objects.get()
    rows = [(event.pk, EventKey.Kind.EMAIL, bytes([number]) * 16) for number in range(3)]
    rows.append((event.pk, EventKey.Kind.PHONE, ODD))
    EventKey.objects.create(event=event, kind=EventKey.Kind.EMAIL, digest=rows[1][-1])
    with transaction.atomic():
        insert_missing(EventKey, ("event_id", "kind", "digest"), rows, using="default")
    assert sorted(EventKey.objects.values_list("kind", "digest")) == [
        *(("email", bytes([number]) * 16) for number in range(3)),
        ("phone", ODD),
    ]


def test_a_claim_is_written_on_these_alone(subscription: Subscription) -> None:
    for _ in range(3):
        store(subscription, envelope(leadId=str(uuid.uuid4())), headers={}, remote_addr="::1")
    first, second, third = Event.objects.order_by("pk")
    claim, until = uuid.uuid4(), datetime.fromisoformat("2026-01-01T00:00:00.123456Z")
    begin_claim(Event, [first.pk, third.pk], claim, until, using="default")
    assert list(Event.objects.order_by("pk").values_list("claim", "next_attempt_at")) == [
        (claim, until),
        (None, second.next_attempt_at),
        (claim, until),
    ]
