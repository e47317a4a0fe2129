"""Which of the objects that Zenvia lists are stored here.

By the keys of objects, which stay when an event is erased: what was erased is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import router, transaction
from django.db.models import Q

from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.people import keys

#: Events without keys that are given theirs before a comparison, newest first, and in one batch.
MOST_KEYED, KEYED_AT_ONCE = 10_000, 200


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What became of some listed objects."""

    here: int
    missing: Sequence[Listed] = field(default_factory=list)
    #: Ids, among the missing, of which an earlier state is stored.
    known: frozenset[str] = frozenset()


def compare(account: str, of: ObjectList, objects: Sequence[Listed]) -> Comparison:
    """Compare some objects of a list, a thousand or so, with what is stored.

    A lead is here if its creation is: a later change fires other signals. An interaction is here with whatever was
    said of it; a quote too, but what was accepted or rejected only with that.
    """
    digests = {keys.digest(account, EventKey.Kind.OBJECT, f"{of.resource}:{one.id}"): one for one in objects}
    found = _find(of, digests)
    missing = [one for digest, one in digests.items() if not _is_here(of, one, found.get(digest, []))]
    known = frozenset(one.id for digest, one in digests.items() if of.resource == "quote" and found.get(digest))
    return Comparison(here=len(digests) - len(missing), missing=missing, known=known)


def _find(of: ObjectList, digests: Iterable[bytes]) -> Mapping[bytes, list[Event | None]]:
    """Return digest → its events, of which only quotes need be read: None stands for one that does as it is."""
    using = router.db_for_write(EventKey)
    rows = EventKey.objects.using(using).filter(kind=EventKey.Kind.OBJECT, digest__in=list(digests))
    found: dict[bytes, list[Event | None]] = defaultdict(list)
    # In a transaction: a read outside of one may go to a replica, which may not have what arrived just now.
    with transaction.atomic(using=using):
        if of.is_of_creations:
            if of.resource == "lead":
                rows = rows.filter(Q(event__topic="lead.created") | Q(event__status=Event.Status.ERASED))
            for digest in rows.values_list("digest", flat=True).distinct():
                found[bytes(digest)].append(None)
            return found
        for key in rows.select_related("event").defer("event__body", "event__headers"):
            found[key.digest].append(None if key.event.status == Event.Status.ERASED else key.event)
    return found


def _is_here(of: ObjectList, one: Listed, events: Sequence[Event | None]) -> bool:
    if of.is_of_creations:
        return bool(events)
    return any(event is None or (event.quote is not None and event.quote.status == one.status) for event in events)


def key_pending() -> None:
    """Write the keys of events that no worker has taken up yet, such as an outage's: else they would seem missing."""
    using = router.db_for_write(Event)
    pending = Event.objects.using(using).filter(
        next_attempt_at__isnull=False, status=Event.Status.PENDING, keys__isnull=True
    )
    with transaction.atomic(using=using):
        pks = list(pending.order_by("-pk").values_list("pk", flat=True)[:MOST_KEYED])
    for start in range(0, len(pks), KEYED_AT_ONCE):
        batch = pks[start : start + KEYED_AT_ONCE]
        keys.write(Event.objects.using(using).filter(pk__in=batch).defer("body", "headers"))
