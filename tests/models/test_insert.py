"""The one INSERT by hand: what it does where the row is there already, and whom it tells."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.db.models.signals import post_save, pre_save

from tests.support.factories import envelope
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.models.event import MAX_TOPIC_LENGTH
from zenvia_webhooks.models.insert import insert_new
from zenvia_webhooks.webhook.intake import read, store

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
