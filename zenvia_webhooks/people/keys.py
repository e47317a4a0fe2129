"""The keys of events: written before an event's first receiver runs, so that a receiver can go by them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from django.db import IntegrityError, router, transaction
from django.utils.crypto import salted_hmac

from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.models.event_key import DIGEST_BYTES

logger = logging.getLogger(__name__)


def write(events: Iterable[Event]) -> None:
    """Write the keys of these events that they have not, in one INSERT; never raises.

    One without keys is handed out all the same: it is only not found by them.
    """
    rows = [key for event in events for key in _keys_of(event)]
    if not rows:
        return
    try:
        try:
            _insert(rows)
        except IntegrityError:
            # One of the events was deleted meanwhile: the others are to have theirs.
            for row in rows:
                _insert_if_there(row)
    except Exception:
        logger.exception("the keys of %s events could not be written", len({row.event_id for row in rows}))


def digest(account: str, kind: EventKey.Kind, value: str) -> bytes:
    """Return what stands for a value: keyed, so that a list of likely values does not give it away."""
    content = f"{account}\0{kind}\0{value}".encode()
    keyed = salted_hmac("zenvia_webhooks.key", content, secret=conf.digest_key, algorithm="sha256")
    return keyed.digest()[:DIGEST_BYTES]


def _keys_of(event: Event) -> Iterator[EventKey]:
    try:
        lead = event.lead
        values = {EventKey.Kind.OBJECT: event.object_id, EventKey.Kind.LEAD: lead and lead.lead_id}
        digests = {kind: digest(event.account, kind, value) for kind, value in values.items() if value}
    except Exception:
        logger.exception("event %s is handed out without keys", event.pk)
        return
    for kind, found in digests.items():
        yield EventKey(event_id=event.pk, kind=kind, digest=found)


def _insert(rows: list[EventKey]) -> None:
    using = router.db_for_write(EventKey)
    # A savepoint, should the caller be in a transaction; and an event that was released unbegun has its keys already.
    with transaction.atomic(using=using):
        EventKey.objects.using(using).bulk_create(rows, ignore_conflicts=True)


def _insert_if_there(row: EventKey) -> None:
    try:
        _insert([row])
    except IntegrityError:
        logger.info("event %s was deleted before its keys were written", row.event_id)
