"""What rows say about themselves; see test_replay.py for `Event.replay`."""

from __future__ import annotations

import uuid
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils.timezone import now

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.factories import make_event, make_subscription
from tests.support.webhooks import arrived
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.models.delivery import result_of
from zenvia_webhooks.models.event import FINGERPRINT_BYTES
from zenvia_webhooks.models.subscription import SubscriptionQuerySet, new_token

PERSON = {"leadId": "12345", "name": "João Silva", "email": "joao.silva@email.com", "phone": "+5511999999999"}


def event(topic: str, data: object) -> Event:
    return Event(contract="help_center", topic=topic, payload={"topic": topic, "data": data})


# Event


def test_event_gives_what_it_is_about() -> None:
    lead = event("lead.created", PERSON)
    assert lead.data == PERSON
    assert lead.lead is not None
    assert (lead.lead.lead_id, lead.lead.name) == ("12345", "João Silva")
    assert (lead.quote, lead.interaction) == (None, None)
    assert event("quote.updated", {"quoteId": "q"}).quote == Quote(quote_id="q")
    assert event("interaction.resolved", {"via": "web"}).interaction == Interaction(via="web")


@pytest.mark.parametrize("payload", [None, [], "text", {}, {"data": None}, {"data": [1]}])
def test_event_of_odd_payload_gives_empty_values(payload: Any) -> None:
    odd = Event(contract="help_center", topic="lead.created", payload=payload)
    assert odd.data == {}
    assert odd.lead in (None, Lead())


def test_quarantined_event_is_about_nothing() -> None:
    quarantined = Event(payload={"topic": "lead.created", "data": PERSON}, status=Event.Status.QUARANTINED)
    assert (quarantined.data, quarantined.lead, quarantined.quote, quarantined.interaction) == ({}, None, None, None)


@pytest.mark.django_db
def test_no_row_shows_personal_data_or_secrets() -> None:
    stored = arrived(**PERSON)
    assert stored.subscription is not None
    delivery = Delivery.objects.create(event=stored, receiver="crm.save")
    shown = f"{stored!r} {stored} {delivery!r} {delivery} {stored.subscription!r} {stored.subscription}"
    assert f"lead.created #{stored.pk}" in shown
    assert not [value for value in [*PERSON.values(), stored.subscription.token] if value in shown]
    assert str(Event(pk=5, status=Event.Status.QUARANTINED)) == "quarantined #5"


def test_idempotency_key_is_stable_and_its_receivers_own() -> None:
    one, other = Event(fingerprint=b"1" * 16), Event(fingerprint=b"2" * 16)
    key = one.idempotency_key(receivers.note)
    assert key == one.idempotency_key("tests.support.receivers.note")
    assert uuid.UUID(key).version == 5
    assert len({key, one.idempotency_key(receivers.flaky), other.idempotency_key(receivers.note)}) == 3
    # Outside systems remember keys: a release that changes them makes everything happen again.
    assert one.idempotency_key("tests.receivers.note") == "e70582e6-939c-5cb2-b23d-a89fcb23ddfd"


@pytest.mark.django_db
def test_body_is_bytes_on_every_database() -> None:
    every_byte = bytes(range(256))
    stored = make_event(body=every_byte)
    for found in (Event.objects.get(pk=stored.pk).body, Event.objects.values_list("body", flat=True).get()):
        assert type(found) is bytes
        assert found == every_byte


@pytest.mark.django_db
def test_index_of_what_is_due_holds_the_open_rows_alone_where_the_database_can() -> None:
    arrived()
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Event._meta.db_table)["zenvia_event_due"]
        assert (found["columns"], found["index"]) == (["next_attempt_at"], True)
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'zenvia_event_due'")
        elif connection.vendor == "postgresql":
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'zenvia_event_due'")
        else:
            return
        assert "IS NOT NULL" in cursor.fetchone()[0]


@pytest.mark.django_db
def test_a_database_without_partial_indexes_has_nothing_to_warn_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.features, "supports_partial_indexes", False)
    ours = apps.get_app_config("zenvia_webhooks").get_models()
    assert [said for model in ours for said in model.check(databases=["default"])] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("zenvia_event_due", ["next_attempt_at"]),
        ("zenvia_event_rare", ["status", "id"]),
        ("zenvia_event_rare_topic", ["topic", "status", "id"]),
        ("zenvia_event_claimed", ["claim"]),
        ("zenvia_delivery_failing", ["failing_receiver", "event_id"]),
    ],
)
def test_a_database_without_partial_indexes_finds_the_few_rows_among_all(
    monkeypatch: pytest.MonkeyPatch, name: str, columns: list[str]
) -> None:
    monkeypatch.setattr(connection.features, "supports_partial_indexes", False)
    [(model, index)] = [(model, one) for model in (Event, Delivery) for one in model._meta.indexes if one.name == name]
    sql = str(index.create_sql(model, connection.schema_editor()))
    assert sql.endswith("({})".format(", ".join(map(connection.ops.quote_name, columns))))


# Delivery


@pytest.mark.django_db
def test_who_has_not_succeeded_is_failing_until_it_has_or_is_dismissed() -> None:
    delivery = Delivery.objects.create(event=make_event(), receiver="a.b")
    told = {}
    for status in Delivery.Status.values:
        Delivery.objects.update(status=status)
        told[status] = Delivery.objects.values_list("failing_receiver", flat=True).get(pk=delivery.pk)
    failing = {"retrying": "a.b", "failed": "a.b", "gone": "a.b"}
    assert told == {**failing, "succeeded": None, "dismissed": None}


@pytest.mark.django_db(transaction=True)  # MariaDB's ANALYZE ends one
@pytest.mark.parametrize("order", ["pk", "-pk"])
def test_what_fails_for_a_receiver_is_found_in_order_where_all_fails(order: str) -> None:
    event = make_event()
    copies = [copy(event) for _ in range(2000)]
    for number, one in enumerate(copies):
        one.pk, one.fingerprint = None, number.to_bytes(FINGERPRINT_BYTES, "big")
    Event.objects.bulk_create(copies)
    rows = [Delivery(event_id=pk, receiver="a.b", status="failed") for pk in Event.objects.values_list("pk", flat=True)]
    Delivery.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        for model in (Event, Delivery):
            cursor.execute(f"ANALYZE {'TABLE ' * (connection.vendor == 'mysql')}{model._meta.db_table}")
    plan = Event.objects.bounded(gt=rows[5].event_id).failing_for("a.b").order_by(order)[:20].explain()
    assert "zenvia_delivery_failing" in plan
    assert not [word for word in ("filesort", "TEMP B-TREE", "Sort") if word in plan]


@pytest.mark.django_db
def test_delivery_remembers_a_model_instance_and_nothing_else() -> None:
    customer = Customer.objects.create(name="Ana")
    assert result_of(customer) == f"shop.customer:{customer.pk}"
    assert [result_of(value) for value in (None, 5, "shop.customer:1", Customer(name="not saved"))] == [""] * 4


@pytest.mark.django_db
def test_delivery_finds_what_it_remembers() -> None:
    customer = Customer.objects.create(name="Ana")
    delivery = Delivery(result=result_of(customer))
    assert delivery.result_object == customer
    customer.delete()
    assert delivery.result_object is None


@pytest.mark.django_db
@pytest.mark.parametrize("result", ["", "shop.customer:x", "shop.gone:1", "gone.model:1", "nonsense"])
def test_delivery_finds_nothing_where_nothing_is(result: str) -> None:
    assert Delivery(result=result).result_object is None


# Subscription


def test_token_is_256_bits_in_lowercase_hex() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(bytes.fromhex(token)) == 32 and token == token.lower() for token in tokens)


@pytest.mark.parametrize("status", list(Subscription.Status))
def test_token_is_good_in_every_status_but_inactive(status: Subscription.Status) -> None:
    subscription = Subscription(status=status)
    assert subscription.accepts(subscription.token) is (status != Subscription.Status.INACTIVE)


@pytest.mark.parametrize(
    ("expires_in", "expected"), [(None, True), (timedelta(hours=1), True), (timedelta(seconds=-1), False)]
)
def test_previous_token_is_good_until_it_expires(expires_in: timedelta | None, expected: bool) -> None:
    subscription = Subscription(
        previous_token=new_token(),
        previous_token_expires_at=None if expires_in is None else now() + expires_in,
    )
    assert subscription.previous_token is not None
    assert subscription.accepts(subscription.previous_token) is expected
    assert subscription.accepts(subscription.token)


@pytest.mark.parametrize("token", ["", "0" * 64, "ã", "None"])
def test_other_tokens_are_not_good(token: str) -> None:
    assert not Subscription().accepts(token)


def test_callback_url_is_public_and_holds_the_token(settings: Any) -> None:
    subscription = Subscription()
    assert subscription.callback_url == f"https://crm.example.com/zenvia/webhook/{subscription.token}/"
    settings.ZENVIA_WEBHOOKS = {}
    with pytest.raises(ZenviaConfigurationError, match="CALLBACK_BASE_URL"):
        _ = subscription.callback_url


def test_manual_is_active_without_an_id_of_zenvias() -> None:
    active = Subscription.Status.ACTIVE
    assert Subscription(status=active).is_manual
    assert not Subscription(status=active, remote_id="1").is_manual
    assert not Subscription().is_manual


@pytest.mark.django_db
def test_subscriptions_in_use_are_found_by_account_and_topic() -> None:
    def add(account: str, topic: str, status: str = Subscription.Status.PENDING) -> Subscription:
        return make_subscription(account=account, topics=[topic], status=status)

    mine = add("default", "lead.created")
    add("default", "quote.updated")
    add("default", "lead.created", Subscription.Status.INACTIVE)
    add("other", "lead.created")
    found = SubscriptionQuerySet(Subscription).in_use("default", ["lead.created", "interaction.resolved"])
    assert found == [mine]
