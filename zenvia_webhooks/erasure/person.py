"""What is stored about a person: found and counted, nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db import router
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from zenvia_webhooks.models import Delivery, Event, EventKey
from zenvia_webhooks.models.about import accounts
from zenvia_webhooks.people import keys

#: What a person is found by. An object's key alone finds nobody.
PERSONAL = (EventKey.Kind.LEAD, EventKey.Kind.EMAIL, EventKey.Kind.PHONE)
#: As many as a query takes on every database.
AT_ONCE = 500


T = TypeVar("T")


class AmbiguousError(Exception):
    """What was asked for may be several people; the message says how to ask."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """The events about a person, as they were when they were looked for."""

    #: Digests, by any of which an event is about them; those of leads last.
    digests: Sequence[bytes]
    #: Ids: first those that only a lead's id leads to, so that what is cut off finds the others again.
    events: Sequence[int]
    #: How many leads the events name.
    leads: int = 0
    #: `app_label.model:primary key` of what receivers returned.
    results: Sequence[str] = field(default_factory=list)
    #: Open deliveries, which will be dismissed.
    is_open: int = 0

    def again(self) -> Person:
        """Look again, for what has arrived meanwhile."""
        Event.objects.write_missing_keys()
        return _person(self.digests, [])


def by_text(text: str) -> Person:
    """Find a person by a phone number, an e-mail address or a lead's id, and then by the leads that the events name.

    Raises AmbiguousError if numbers of several countries, or leads of several accounts, go by the text.
    """
    Event.objects.write_missing_keys()
    there = _keys().exclude(event__status=Event.Status.ERASED)
    found = [one for one in keys.asked(text, accounts()) if there.filter(kind=one.kind, digest=one.digest).exists()]
    numbers = [one.value for one in found if one.kind == keys.PHONE]
    if len(numbers) > 1:
        raise AmbiguousError(
            _("These are different numbers, and there are events about each: %(numbers)s. Name the country.")
            % {"numbers": ", ".join(numbers)}
        )
    aliases = [one.account for one in found if one.kind == keys.LEAD]
    if len(aliases) > 1:
        raise AmbiguousError(
            _("Several accounts have a lead of this id: %(accounts)s. Give a phone number or an e-mail address.")
            % {"accounts": ", ".join(aliases)}
        )
    return _person([one.digest for one in found], [])


def by_events(events: QuerySet[Event]) -> Person:
    """Find the person, or people, of these events by all their keys; the events themselves belong to it."""
    Event.objects.write_missing_keys()
    pks = list(events.values_list("pk", flat=True))
    without_keys = events.filter(keys__isnull=True).exclude(status=Event.Status.ERASED)
    Event.objects.write_keys(list(without_keys.values_list("pk", flat=True)))
    mine = _keys().filter(event__in=pks, kind__in=PERSONAL)
    return _person([bytes(one) for one in mine.values_list("digest", flat=True).distinct()], pks)


def _person(digests: Iterable[bytes], also: Iterable[int]) -> Person:
    seeds = list(digests)
    direct = _events_of(seeds) | set(also)
    leads = _leads_of(direct)
    through_leads = _events_of(leads) - direct
    events = [*sorted(through_leads), *sorted(direct)]
    rows = [row for some in _batches(events) for row in _deliveries(some)]
    return Person(
        digests=list(dict.fromkeys([*seeds, *leads])),
        events=events,
        leads=len(leads),
        results=sorted({result for _status, result in rows if result}),
        is_open=sum(status == Delivery.Status.RETRYING for status, _result in rows),
    )


def _events_of(digests: Sequence[bytes]) -> set[int]:
    """Return the events, but for those that are erased, that have one of these keys."""
    found: set[int] = set()
    for some in _batches(digests):
        mine = _keys().filter(kind__in=PERSONAL, digest__in=some).exclude(event__status=Event.Status.ERASED)
        found.update(mine.values_list("event", flat=True))
    return found


def _leads_of(events: Iterable[int]) -> list[bytes]:
    found: set[bytes] = set()
    for some in _batches(sorted(events)):
        rows = _keys().filter(event__in=some, kind=EventKey.Kind.LEAD)
        found.update(bytes(one) for one in rows.values_list("digest", flat=True))
    return sorted(found)


def _deliveries(events: Sequence[int]) -> QuerySet[Delivery, tuple[str, str]]:
    rows = Delivery.objects.using(router.db_for_write(Delivery)).filter(event__in=events)
    return rows.values_list("status", "result")


def _keys() -> QuerySet[EventKey]:
    return EventKey.objects.using(router.db_for_write(EventKey))


def _batches(all_of_them: Sequence[T]) -> Iterable[Sequence[T]]:
    return (all_of_them[start : start + AT_ONCE] for start in range(0, len(all_of_them), AT_ONCE))
