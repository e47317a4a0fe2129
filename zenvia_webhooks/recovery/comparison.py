"""Which of the objects that Zenvia lists are stored here.

By the keys of objects, which stay when an event is erased: what was erased is here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import router, transaction
from django.db.models import Min, Q

from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.people import keys


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
    said of it; a quote too, but what was accepted or rejected only with that. What a person who was erased said before
    counts as here, though it never came.
    """
    digests = {keys.digest(account, EventKey.Kind.OBJECT, f"{of.resource}:{one.id}"): one for one in objects}
    found = _find(of, digests)
    missing = [one for digest, one in digests.items() if not _is_here(of, one, found.get(digest, []))]
    missing = list(_not_of_erased(account, missing))
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


def _not_of_erased(account: str, missing: Sequence[Listed]) -> Iterator[Listed]:
    """Yield what is of no lead that was erased; of one who came back since, what happened since."""
    leads = {one.lead_id for one in missing if one.lead_id}
    objects = {keys.digest(account, EventKey.Kind.OBJECT, f"lead:{lead}"): lead for lead in leads}
    using = router.db_for_write(EventKey)
    rows = EventKey.objects.using(using)
    with transaction.atomic(using=using):
        gone = rows.filter(kind=EventKey.Kind.OBJECT, digest__in=list(objects), event__status=Event.Status.ERASED)
        erased = {objects[bytes(digest)] for digest in gone.values_list("digest", flat=True)}
        present = {keys.digest(account, EventKey.Kind.LEAD, lead): lead for lead in erased}
        back = rows.filter(kind=EventKey.Kind.LEAD, digest__in=list(present)).exclude(event__status=Event.Status.ERASED)
        since = back.values_list("digest").annotate(Min("event__received_at")).order_by()
        came_back = {present[bytes(digest)]: moment for digest, moment in since}
    for one in missing:
        if one.lead_id not in erased or (one.lead_id in came_back and one.happened_at >= came_back[one.lead_id]):
            yield one
