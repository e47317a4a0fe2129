"""Deleting what events say about a person.

What stays: that an event came, when, its fingerprint, and the key of its object. So neither the same notification, sent
again, nor a recovery brings the person back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import router, transaction
from django.db.models import QuerySet

from zenvia_webhooks.erasure.person import Person
from zenvia_webhooks.models import Delivery, Event, EventKey
from zenvia_webhooks.models.clock import DatabaseNow
from zenvia_webhooks.people import keys
from zenvia_webhooks.signals import person_erased

#: How often what has arrived meanwhile is looked for.
MOST_ROUNDS = 5
#: What says nothing about anybody, of an event and of a delivery.
BLANK: dict[str, Any] = {
    "payload": None,
    "body": b"",
    "headers": {},
    "remote_addr": None,
    "summary": "",
    "error": "",
}
BLANK_DELIVERY: dict[str, Any] = {"error": "", "traceback": "", "result": ""}


@dataclass(kw_only=True)
class Erased:
    """What was erased. Its texts are the person's: for the signal, in memory only."""

    #: Ids.
    events: list[int] = field(default_factory=list)
    #: Events that a worker has: erased as soon as it is done with them, within one lease and one sweep.
    marked: list[int] = field(default_factory=list)
    lead_ids: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    results: set[str] = field(default_factory=set)

    def tell(self) -> None:
        """Send `person_erased`, if anything was."""
        if self.events:
            person_erased.send_robust(
                sender=Event,
                lead_ids=frozenset(self.lead_ids),
                phones=frozenset(self.phones),
                emails=frozenset(self.emails),
                results=frozenset(self.results),
                count=len(self.events),
            )


def ignore(*_arguments: object) -> None:
    """Do nothing: for an erasure that nobody watches."""


def erase(person: Person, on_erased: Callable[[int], None] = ignore) -> Erased:
    """Erase a person's events, each in a transaction of its own, and what arrives meanwhile; then send the signal."""
    erased = Erased()
    try:
        for _round in range(MOST_ROUNDS):
            for pk in person.events:
                _erase_event(pk, erased)
                on_erased(pk)
            person = person.again()
            if not person.events:
                break
    finally:
        # Of what was erased before it broke off, too: nothing tells afterwards whose it was.
        erased.tell()
    return erased


def finish_marked(event_id: int, claim_id: uuid.UUID) -> bool:
    """Erase an event that was marked while it was under this claim; False if it was not, or is no longer under it."""
    erased = Erased()
    with transaction.atomic(using=router.db_for_write(Event)):
        event = _locked(event_id).filter(claim=claim_id, status=Event.Status.ERASED).first()
        if event is None:
            return False
        _blank(event, erased)
    erased.tell()
    return True


def _erase_event(event_id: int, erased: Erased) -> None:
    with transaction.atomic(using=router.db_for_write(Event)):
        event = _locked(event_id).exclude(status=Event.Status.ERASED).first()
        if event is None:
            return  # purged, or erased by somebody else
        if event.is_held_at(event.now):  # type: ignore[attr-defined]  # the annotation
            Event.objects.using(event._state.db).filter(pk=event_id).update(status=Event.Status.ERASED)
            erased.marked.append(event_id)
            return
        _blank(event, erased)


def _locked(event_id: int) -> QuerySet[Event]:
    rows = Event.objects.using(router.db_for_write(Event)).filter(pk=event_id).locked()
    return rows.defer("body", "headers").annotate(now=DatabaseNow())


def _blank(event: Event, erased: Erased) -> None:
    using, moment = event._state.db, event.now  # type: ignore[attr-defined]  # the annotation
    lead = event.lead
    deliveries = event.deliveries.using(using)
    erased.events.append(event.pk)
    erased.results.update(deliveries.exclude(result="").values_list("result", flat=True))
    if lead is not None:
        erased.lead_ids.update([lead.lead_id] if lead.lead_id else [])
        erased.phones.update(lead.phones)
        erased.emails.update(lead.emails)
    deliveries.open().update(status=Delivery.Status.DISMISSED, next_attempt_at=None, finished_at=moment)
    deliveries.update(**BLANK_DELIVERY)
    event.keys.using(using).exclude(kind=EventKey.Kind.OBJECT).delete()
    if lead is not None and lead.lead_id:
        # An event about a message, too, then says that its lead is erased: see `recovery.comparison`.
        digest = keys.digest(event.account, EventKey.Kind.OBJECT, f"lead:{lead.lead_id}")
        rows = EventKey.objects.using(using)
        rows.bulk_create([EventKey(event_id=event.pk, kind=EventKey.Kind.OBJECT, digest=digest)], ignore_conflicts=True)
    Event.objects.using(using).filter(pk=event.pk).update(
        **BLANK,
        status=Event.Status.ERASED,
        claim=None,
        next_attempt_at=None,
        finished_at=event.finished_at or moment,
    )
