"""Storing what is missing, in the envelope that its webhook would have had."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import router, transaction
from django.db.models import Max

from zenvia_webhooks import failpoints, safe_json
from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.models.clock import ClockReading
from zenvia_webhooks.people import keys
from zenvia_webhooks.recovery.calls import Calls
from zenvia_webhooks.webhook import intake

#: How many leads are remembered that were fetched one by one.
MOST_REMEMBERED = 1000
#: How many events are read at once for the lead that they hold.
AT_ONCE = 100


class Storing:
    """Stores missing objects as events that are due, for one account."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self._client = calls, calls.client
        #: Lead id → the lead, None where Zenvia has it no more.
        self._fetched: dict[str, Mapping[str, Any] | None] = {}

    def store(
        self, of: ObjectList, missing: Sequence[Listed], known: frozenset[str], clock: ClockReading
    ) -> Iterator[int]:
        """Store each, and yield the event's id as soon as it is committed.

        Raises as calls do, where a lead that wrote must be asked for.
        """
        account = self._client.account.alias
        for start in range(0, len(missing), AT_ONCE):
            some = missing[start : start + AT_ONCE]
            leads = {} if of.resource == "lead" else _stored_leads(account, {one.lead_id for one in some})
            stored = []
            for one in some:
                wire_topic = self._client.wire_topic(f"{of.resource}.created")
                lead = None if of.resource == "lead" else leads.get(one.lead_id or "") or self._lead(one.lead_id)
                envelope = of.envelope(one, lead, wire_topic=wire_topic, is_new=one.id not in known)
                # Made safe first: a number that is none, as json.loads lets through, would be no JSON again.
                body = json.dumps(safe_json.make_safe(envelope)).encode()
                stored.append(intake.store_recovered(account, body, identity=identity(of, one), clock=clock))
                failpoints.reach("recovery.after_store")
                yield stored[-1]
            # By these, a message of one of these leads finds who wrote it.
            Event.objects.write_keys(stored)

    def _lead(self, lead_id: str | None) -> Mapping[str, Any] | None:
        if lead_id is None:
            return None
        if lead_id not in self._fetched:
            if len(self._fetched) >= MOST_REMEMBERED:
                del self._fetched[next(iter(self._fetched))]
            self._fetched[lead_id] = self._calls.lead(lead_id)
        return self._fetched[lead_id]


def identity(of: ObjectList, one: Listed) -> str:
    """Return what two recoveries of the same share: of a quote, each status is something that happened."""
    return f"{of.resource}:{one.id}" + (f":{one.status}" if of.resource == "quote" else "")


def _stored_leads(account: str, lead_ids: set[str | None]) -> dict[str, Mapping[str, Any]]:
    """Return lead id → the lead as the newest event about it has it."""
    digests = {keys.digest(account, EventKey.Kind.LEAD, lead_id): lead_id for lead_id in lead_ids if lead_id}
    using = router.db_for_write(EventKey)
    with transaction.atomic(using=using):
        rows = EventKey.objects.using(using).filter(kind=EventKey.Kind.LEAD, digest__in=list(digests))
        newest = dict(rows.values_list("digest").annotate(Max("event_id")).order_by())
        events = Event.objects.using(using).defer("body", "headers").in_bulk(list(newest.values()))
    found: dict[str, Mapping[str, Any]] = {}
    for digest, pk in newest.items():
        payload = events[pk].payload if pk in events else None
        prospect = payload.get("prospect") if isinstance(payload, dict) else None
        lead_id = digests[bytes(digest)]
        if isinstance(prospect, dict) and prospect.get("id") == lead_id:
            found[lead_id] = prospect
    return found
