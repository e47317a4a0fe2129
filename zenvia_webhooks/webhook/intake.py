"""From the bytes of a webhook to a stored row."""

from __future__ import annotations

import ipaddress
import logging
import random
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.db import Error, IntegrityError, connections, models, router, transaction
from django.utils.crypto import salted_hmac
from django.utils.timezone import now
from django.utils.translation import gettext_noop

from zenvia_webhooks import contracts, failpoints, safe_json, wakeup
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.summary import summary
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.models.clock import ClockReading, DatabaseNow
from zenvia_webhooks.models.event import FINGERPRINT_BYTES, MAX_TOPIC_LENGTH
from zenvia_webhooks.models.statements import insert_new
from zenvia_webhooks.redaction import clean

logger = logging.getLogger(__name__)

#: How far `Subscription.last_event_at` may lag behind.
LAST_EVENT_LAG = timedelta(minutes=1)
#: Seconds that a duplicate's counting may take.
COUNT_SECONDS = 0.5
#: What an event takes beside its body and headers: its row, indexes and keys. On PostgreSQL, 500 were measured.
ROW_BYTES = 500
#: Stored, and logged, in English; the admin shows them in the reader's language.
NO_OBJECT = gettext_noop("No JSON object")
NO_NOTIFICATION = gettext_noop("A JSON object, but no notification that we know.")


class SubscriptionGoneError(Exception):
    """The subscription was deleted while its webhook was being stored."""


class NoAutocommitError(Error):
    """Nothing would be committed that we answer for; the system check E005 says so beforehand."""

    def __init__(self) -> None:
        super().__init__("AUTOCOMMIT is False in DATABASES: nothing would be committed")


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What became of a webhook."""

    event_id: int
    #: "accepted", "duplicate" or "quarantined".
    status: str
    #: Bytes that it takes in the database, about; 0 for a duplicate.
    stored_bytes: int
    #: Whether the body is a JSON object.
    is_json_object: bool


def store(
    subscription: Subscription,
    body: bytes,
    *,
    headers: Mapping[str, str],
    remote_addr: str,
    clock: ClockReading | None = None,
    origin: Event.Origin = Event.Origin.WEBHOOK,
) -> Intake:
    """Store a webhook's body as an event, or count it as a duplicate; when this returns, it is committed.

    All `headers` are stored. `clock` saves a query if it was read with the subscription. A test event is no sign of
    life of Zenvia's, so that `last_event_at` stays as it is.
    Raises SubscriptionGoneError, and django.db.Error if the database failed.
    """
    moment = (clock or _read_clock(subscription)).now()
    columns = read(subscription.account, body)
    quarantined = columns["status"] == Event.Status.QUARANTINED
    columns |= {
        "account": subscription.account,
        "subscription_id": subscription.pk,
        "body": body,
        "headers": safe_json.make_safe(headers),
        "remote_addr": readable_address(remote_addr),
        "origin": origin,
        "received_at": moment,
        "finished_at" if quarantined else "next_attempt_at": moment,
    }
    event_id, is_new = _store(columns)
    if is_new and quarantined:
        logger.warning("event %s is quarantined: %s", event_id, columns["error"])
    if origin != Event.Origin.TEST:
        _touch(subscription)
    return Intake(
        event_id=event_id,
        status="quarantined" if quarantined else "accepted" if is_new else "duplicate",
        stored_bytes=_size(columns) if is_new else 0,
        is_json_object=columns["payload"] is not None,
    )


def store_recovered(account: str, body: bytes, *, identity: str, clock: ClockReading) -> int:
    """Store what a webhook would have brought, as an event that is due, once for each `identity`; return its id.

    When this returns, it is committed. Raises django.db.Error if the database failed.
    """
    moment = clock.now()
    columns = read(account, body)
    quarantined = columns["status"] == Event.Status.QUARANTINED
    event_id, is_new = _store(
        columns
        | {
            "account": account,
            "body": body,
            "origin": Event.Origin.RECOVERED,
            # Not by the content: between two recoveries of the same object Zenvia may have changed it.
            "fingerprint": fingerprint(account, "recovered", identity.encode()),
            "received_at": moment,
            "finished_at": moment if quarantined else None,
            "next_attempt_at": None if quarantined else moment - timedelta(seconds=wakeup.BULK_SECONDS),
        }
    )
    if is_new and quarantined:
        logger.warning("event %s was recovered and is quarantined: %s", event_id, columns["error"])
    return event_id


def read(account: str, body: bytes) -> dict[str, Any]:
    """Return the columns of `Event` that a body alone decides."""
    try:
        envelope = safe_json.parse_object(body)
        payload = safe_json.make_safe(envelope)
        contract = contracts.recognise(payload)
        content = safe_json.canonical(contract.identity(envelope)) if contract else body
    except ValueError as error:
        return _quarantined(account, body, payload=None, error=f"{NO_OBJECT}: {error}")
    if contract is None:
        return _quarantined(account, body, payload=payload, error=NO_NOTIFICATION)
    notification = contract.read_notification(payload, _wire_topics(account), _resolved_statuses())
    if len(notification.topic) > MAX_TOPIC_LENGTH:
        why = f"Its topic is longer than {MAX_TOPIC_LENGTH} characters."
        return _quarantined(account, body, payload=payload, error=why)
    return {
        "payload": payload,
        "contract": contract.NAME,
        "topic": clean(notification.topic),
        "summary": summary(contract.lead(notification.topic, payload)),
        "occurred_at": notification.occurred_at,
        "status": Event.Status.PENDING,
        "fingerprint": fingerprint(account, contract.NAME, content),
    }


def _wire_topics(account: str) -> Mapping[str, str]:
    try:
        return conf.wire_topics(account)
    except ZenviaConfigurationError:
        # An account that is broken in the settings still gets its events, as one that was taken out of them does.
        return {}


def _resolved_statuses() -> tuple[str, ...]:
    try:
        return conf.resolved_statuses
    except ZenviaConfigurationError:
        return ()


def _quarantined(account: str, body: bytes, *, payload: dict[str, Any] | None, error: str) -> dict[str, Any]:
    return {
        "payload": payload,
        "error": error,
        "status": Event.Status.QUARANTINED,
        "fingerprint": fingerprint(account, "quarantined", body),
    }


def fingerprint(account: str, kind: str, content: bytes) -> bytes:
    """Return what two deliveries of the same notification share.

    By account, not subscription: overlapping subscriptions must merge. Keyed: it gives nothing away about the content.
    """
    prefix = f"{account}\0{kind}\0".encode()
    keyed = salted_hmac("zenvia_webhooks.fingerprint", prefix + content, secret=conf.digest_key, algorithm="sha256")
    return keyed.digest()[:FINGERPRINT_BYTES]


@lru_cache(maxsize=128)
def readable_address(remote_addr: str) -> str | None:
    """Return an IP address in the form that every database takes; None for none, as behind a unix socket."""
    try:
        return str(ipaddress.ip_address(remote_addr.partition("%")[0]))
    except ValueError:
        return None


def _size(columns: Mapping[str, Any]) -> int:
    # Not the body alone: some bytes of a body with two headers of 8 KB each would fill a disk unseen.
    headers = sum(len(name) + len(value) for name, value in columns["headers"].items())
    return ROW_BYTES + len(columns["body"]) + headers


def _read_clock(subscription: Subscription) -> ClockReading:
    rows = Subscription.objects.using(router.db_for_write(Subscription)).filter(pk=subscription.pk)
    for moment in rows.annotate(now=DatabaseNow()).values_list("now", flat=True):
        return ClockReading(moment=moment)
    raise SubscriptionGoneError


def _store(columns: dict[str, Any]) -> tuple[int, bool]:
    # Insert first and look afterwards: a look beforehand lets duplicates through that arrive at the same moment.
    using = router.db_for_write(Event)
    connection = connections[using]
    if not connection.get_autocommit() and not connection.in_atomic_block:
        raise NoAutocommitError
    event = Event(**columns)
    # One statement commits by itself. In an outer transaction, which could still take back what we are about to answer
    # 200 for, `durable` raises; in a test's, it makes a savepoint.
    outer = transaction.atomic(using=using, durable=True) if connection.in_atomic_block else nullcontext()
    failpoints.reach("intake.before_insert")
    refused = None
    try:
        with outer:
            is_new = insert_new(event, unique="fingerprint", using=using)
    except IntegrityError as error:
        is_new, refused = False, error
    if is_new:
        failpoints.reach("intake.after_insert")
        if event.status == Event.Status.PENDING:
            wakeup.after_commit(using=using)
        return event.pk, True
    # In a transaction, as a pooler may send a read outside of one to a replica that does not have the event yet.
    with transaction.atomic(using=using):
        known = Event.objects.using(using).filter(fingerprint=event.fingerprint)
        event_id = known.values_list("pk", flat=True).first()
    if event_id is None:
        raise SubscriptionGoneError from refused
    _count_duplicate(event_id, using)
    return event_id, False


def _count_duplicate(event_id: int, using: str) -> None:
    # The answer must not wait for the count: a receiver that wrote to the event, or on MariaDB to what refers to it,
    # keeps its row locked until its end.
    rows, features = Event.objects.using(using).filter(pk=event_id), connections[using].features
    free = rows.locked(skip_locked=features.has_select_for_update_skip_locked)
    ends = time.monotonic() + COUNT_SECONDS
    try:
        while time.monotonic() < ends:
            with transaction.atomic(using=using):
                if (found := free.values_list("status").first()) is not None:
                    rows.update(duplicates=models.F("duplicates") + 1)
                    if found[0] == Event.Status.PENDING:
                        # A worker that followed the event's own hint has passed over its row, locked by us.
                        wakeup.after_commit(using=using)
                    return
            time.sleep(random.uniform(0.005, 0.02))  # noqa: S311  # no secret
    except Error:
        logger.warning("a duplicate of event %s could not be counted", event_id, exc_info=True)
    else:
        logger.warning("a duplicate of event %s was not counted: its row is locked", event_id)


def _touch(subscription: Subscription) -> None:
    # In a transaction of its own: on MariaDB, this lock and the insert's on the same subscription make a deadlock.
    last, moment = subscription.last_event_at, now()
    if last is not None and moment - last < LAST_EVENT_LAG:
        return
    # The copy may be remembered for others: one of them writes, and one that fails is not followed by all.
    subscription.last_event_at = moment
    stale = models.Q(last_event_at=None) | models.Q(last_event_at__lt=moment - LAST_EVENT_LAG)
    try:
        Subscription.objects.filter(stale, pk=subscription.pk).update(last_event_at=moment)
    except Error:
        # The event is committed; that is what the answer says.
        logger.warning("last_event_at of subscription %s could not be written", subscription.pk, exc_info=True)
