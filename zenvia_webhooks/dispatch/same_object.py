"""Two events about the same thing, one from its webhook and one recovered: receivers have only one of them.

The recovered one's row says which (`same_as`), and whoever writes there first has decided it. Each event has its keys
before it looks for the other, so that of two workers with one each at the same moment, at least one sees the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db import router, transaction
from django.db.models import Q

from zenvia_webhooks.contracts import CONTRACTS
from zenvia_webhooks.models import Event, EventKey
from zenvia_webhooks.people import keys

#: What can be recovered comes in these envelopes.
RECOVERABLE = frozenset(name for name, contract in CONTRACTS.items() if contract.LISTS)


def decide(events: Iterable[Event]) -> dict[int, int]:
    """Return id → id of the event that receivers have in its place, of those of these pending events that have one.

    One query for all, none if nothing of the kind can be among them.
    """
    digests = {event: digest for event in events if (digest := _digest(event))}
    if not digests:
        return {}
    recovered = [digest for event, digest in digests.items() if _is_recovered(event)]
    others = _events(set(digests.values()), recovered)
    replaced = {}
    for event, digest in digests.items():
        same = sorted(other.pk for other in others[digest] if _is_same(event, other))
        winner = _settle(event, same)
        if winner != event.pk:
            replaced[event.pk] = winner
    return replaced


def _digest(event: Event) -> bytes | None:
    if event.contract not in RECOVERABLE or not (event.topic.endswith(".created") or event.topic.startswith("quote.")):
        return None
    named = event.object_id
    return keys.digest(event.account, EventKey.Kind.OBJECT, named) if named else None


def _events(digests: Iterable[bytes], of_recovered: Iterable[bytes]) -> dict[bytes, list[Event]]:
    """Return digest → its recovered events, and of those that a recovered one has, the others as well."""
    using = router.db_for_write(EventKey)
    wanted = Q(digest__in=list(digests), event__origin=Event.Origin.RECOVERED) | Q(digest__in=list(of_recovered))
    rows = EventKey.objects.using(using).filter(wanted, kind=EventKey.Kind.OBJECT)
    found: dict[bytes, list[Event]] = defaultdict(list)
    # In a transaction: a read outside of one may go to a replica, which may not have what was written just now.
    with transaction.atomic(using=using):
        for key in rows.select_related("event").defer("event__body", "event__headers"):
            found[key.digest].append(key.event)
    return found


def _is_recovered(event: Event) -> bool:
    return event.origin == Event.Origin.RECOVERED


def _is_same(event: Event, other: Event) -> bool:
    """Tell whether two events about the same object say the same: that it was created; of a quote, its status."""
    if _is_recovered(event) == _is_recovered(other):
        return False
    if event.quote is not None:
        # One that was accepted meanwhile is listed as that, and its webhooks say both, one by one.
        return other.quote is not None and event.quote.status == other.quote.status
    return bool(other.topic == event.topic)


def _settle(event: Event, same: list[int]) -> int:
    """Return who is handed out: what the recovered one's row says, or what it says now."""
    if not same and not _is_recovered(event):
        return event.pk
    recovered = event.pk if _is_recovered(event) else same[0]
    # One whose webhook has come leaves it to that: it may be running already.
    proposed = same[0] if _is_recovered(event) and same else event.pk
    rows = Event.objects.using(router.db_for_write(Event)).filter(pk=recovered)
    with transaction.atomic(using=rows.db):
        rows.filter(same_as=None).update(same_as=proposed)
        return rows.values_list("same_as", flat=True).first() or event.pk
