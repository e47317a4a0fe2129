"""From bytes to a stored row; see test_intake_odd_bodies.py and test_intake_at_once.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils.timezone import now
from pytest_django import DjangoCaptureOnCommitCallbacks

from tests.support.factories import make_subscription
from tests.support.webhooks import envelope, payload, seconds_away
from zenvia_webhooks import wakeup
from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.models.clock import ClockReading
from zenvia_webhooks.webhook.intake import (
    NoAutocommitError,
    SubscriptionGoneError,
    fingerprint,
    read,
    readable_address,
    store,
    store_recovered,
)

LEAD = payload("lead_created")


def take(subscription: Subscription, body: bytes = LEAD) -> str:
    return store(subscription, body, headers={}, remote_addr="").status


# The row


def test_row_holds_what_came(subscription: Subscription) -> None:
    headers = {"content-type": "application/json", "user-agent": "Zenvia\0"}
    intake = store(subscription, LEAD, headers=headers, remote_addr="203.0.113.9")
    event = Event.objects.get(pk=intake.event_id)
    assert (intake.status, intake.is_json_object) == ("accepted", True)
    assert (event.account, event.subscription, event.contract) == ("default", subscription, "help_center")
    assert (event.topic, event.occurred_at) == ("lead.created", datetime(2024, 12, 9, 15, 30, tzinfo=UTC))
    assert (event.payload, event.body) == (json.loads(LEAD), LEAD)
    assert event.headers == {"content-type": "application/json", "user-agent": "Zenvia\ufffd"}
    assert event.remote_addr == "203.0.113.9"
    assert (event.status, event.claim, event.finished_at, event.error) == (Event.Status.PENDING, None, None, "")
    assert event.lead is not None
    assert event.lead.name == "João Silva"


def test_new_event_is_due_at_once_and_a_quarantined_one_never(subscription: Subscription) -> None:
    take(subscription)
    new = Event.objects.get()
    assert abs(seconds_away(new.next_attempt_at)) < 60
    assert abs(seconds_away(new.received_at)) < 60
    take(subscription, b"")
    quarantined = Event.objects.get(status=Event.Status.QUARANTINED)
    assert quarantined.next_attempt_at is None
    assert abs(seconds_away(quarantined.finished_at)) < 60


@pytest.mark.django_db
def test_recovered_event_is_due_before_what_arrives_and_a_quarantined_one_never() -> None:
    clock = ClockReading(moment=datetime.now(UTC))
    pks = [store_recovered("default", body, identity=str(body), clock=clock) for body in (envelope(), b"")]
    due, quarantined = (Event.objects.get(pk=pk) for pk in pks)
    assert seconds_away(due.next_attempt_at) == pytest.approx(-wakeup.BULK_SECONDS, abs=5)
    assert due.finished_at is None
    assert quarantined.next_attempt_at is None
    assert abs(seconds_away(quarantined.finished_at)) < 60


@pytest.mark.parametrize(
    ("remote_addr", "kept"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("unix:", None),
        ("203.0.113.9, 10.0.0.1", None),
    ],
)
def test_address_is_kept_where_it_is_one(remote_addr: str, kept: str | None) -> None:
    assert readable_address(remote_addr) == kept


def test_topic_is_read_by_the_accounts_own_names(subscription: Subscription, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"WIRE_TOPICS": {"quote.updated": "quote.status"}}}}
    take(subscription, envelope("quote.status"))
    assert Event.objects.get().topic == "quote.updated"


@pytest.mark.parametrize("accounts", [{}, {"default": {"TIMEOUT": "wrong"}}])
def test_account_that_left_the_settings_still_gets_its_events(
    subscription: Subscription, settings: Any, accounts: Any
) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": accounts}
    assert take(subscription) == "accepted"


# One notification, one event


def test_overlapping_subscriptions_of_one_account_merge(subscription: Subscription) -> None:
    other = make_subscription()
    assert (take(subscription), take(other)) == ("accepted", "duplicate")


def test_accounts_do_not_merge(subscription: Subscription) -> None:
    other = make_subscription(account="other")
    assert (take(subscription), take(other)) == ("accepted", "accepted")
    assert (take(subscription, b"?"), take(other, b"?")) == ("quarantined", "quarantined")
    assert Event.objects.count() == 4


def test_fingerprint_is_of_the_content(settings: Any) -> None:
    def of(body: bytes, account: str = "default") -> str:
        columns = read(account, body)
        return str(columns["fingerprint"].hex())

    as_received = of(LEAD)
    shuffled = json.dumps(dict(reversed(json.loads(LEAD).items())), indent=3, ensure_ascii=True).encode()
    assert of(shuffled) == as_received
    assert len({as_received, of(LEAD.replace(b"12345", b"12346")), of(LEAD, "other"), of(LEAD + b",")}) == 4
    # By the exact bytes, where they are not understood.
    assert of(b'{"a": 1}') != of(b'{"a":1}')
    # A JSON text that is made safe for the database is still told from what it is made into.
    assert of(envelope(name="\0")) != of(envelope(name="\ufffd"))


def test_fingerprint_gives_nothing_away_without_the_key(settings: Any) -> None:
    with_secret_key = fingerprint("default", "help_center", b"content")
    assert with_secret_key == fingerprint("default", "help_center", b"content")
    settings.ZENVIA_WEBHOOKS = {"DIGEST_KEY": "another"}
    with_digest_key = fingerprint("default", "help_center", b"content")
    assert with_digest_key != with_secret_key
    settings.SECRET_KEY = "rotated"
    assert fingerprint("default", "help_center", b"content") == with_digest_key
    settings.ZENVIA_WEBHOOKS = {}
    assert fingerprint("default", "help_center", b"content") != with_secret_key
    assert conf.digest_key == "rotated"


def test_duplicate_leaves_the_event_as_it_is(subscription: Subscription) -> None:
    take(subscription)
    Event.objects.update(status=Event.Status.FAILED, next_attempt_at=None)
    assert take(subscription) == "duplicate"
    event = Event.objects.get()
    assert (event.status, event.next_attempt_at, event.duplicates) == (Event.Status.FAILED, None, 1)


# The subscription


@pytest.mark.django_db(transaction=True)
def test_subscription_that_was_deleted_meanwhile_is_no_duplicate(subscription: Subscription) -> None:
    Subscription.objects.get(pk=subscription.pk).delete()
    with pytest.raises(SubscriptionGoneError):
        take(subscription)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("ago", "is_written"),
    [(None, True), (timedelta(seconds=30), False), (timedelta(seconds=61), True)],
)
def test_last_event_at_is_written_at_most_once_a_minute(
    subscription: Subscription, ago: timedelta | None, is_written: bool
) -> None:
    before = None if ago is None else now() - ago
    Subscription.objects.update(last_event_at=before)
    # Of two processes with an old copy of the row, the second finds it written.
    for copy in (Subscription.objects.get(), subscription):
        take(copy)
    subscription.refresh_from_db()
    assert (subscription.last_event_at != before) is is_written
    assert subscription.last_event_at is not None


# Commit


@pytest.mark.django_db(transaction=True)
def test_an_outer_transaction_is_refused_as_it_could_take_the_event_back(subscription: Subscription) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        take(subscription)


def test_hint_is_given_for_what_is_pending_and_after_commit(
    subscription: Subscription, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    """For a duplicate, too: who followed the event's own hint has passed over its row while that was counted."""

    def hints(body: bytes) -> int:
        with django_capture_on_commit_callbacks() as callbacks:
            take(subscription, body)
        return len(callbacks)

    assert (hints(LEAD), hints(LEAD), hints(b"quarantined"), hints(b"quarantined")) == (1, 1, 0, 0)
    Event.objects.update(status=Event.Status.DISPATCHED)
    assert hints(LEAD) == 0


def test_nothing_is_accepted_where_nothing_would_be_committed(
    transactional_db: None, subscription: Subscription
) -> None:
    connection.set_autocommit(False)
    try:
        with pytest.raises(NoAutocommitError, match="AUTOCOMMIT"):
            take(subscription)
    finally:
        connection.rollback()
        connection.set_autocommit(True)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_hint_is_not_given_for_what_is_not_committed(
    subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[int] = []
    monkeypatch.setattr(wakeup, "hint", lambda: hints.append(Event.objects.count()))

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT"):
            raise OperationalError("the connection broke")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        take(subscription)
    assert hints == []
    take(subscription)
    assert hints == [1]
