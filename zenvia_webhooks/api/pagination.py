"""Pages by key: each goes on behind the last row of the one before, whatever has come or gone meanwhile.

Not DRF's CursorPagination: among rows of the same time it counts, and miscounts once one of them is gone or new.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError

from zenvia_webhooks.api.parameters import MAX_ID, MICROSECOND
from zenvia_webhooks.models.clock import from_now

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The order "oldest" leaves out what is younger, in seconds. An event has its time from its insert and can be seen from
#: its commit on: a page that is read between the two would go past it, and nobody would come back for it.
SETTLING_SECONDS = 10


class Order(Protocol):
    """A total order over keys that never change, so that a row is on one side of a cursor for good."""

    def sort(self, rows: QuerySet[Any]) -> QuerySet[Any]: ...

    def behind(self, rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
        """Return the rows that come after the one that a cursor was made of. Raises ValidationError."""
        ...

    def cursor(self, row: Any) -> str: ...


class HighestId:
    """Highest id first."""

    def sort(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.order_by("-pk")

    def behind(self, rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
        return rows.filter(pk__lt=_numbers(r"(\d{1,19})", cursor)[0])

    def cursor(self, row: Any) -> str:
        return str(row.pk)


class NewestFirst:
    """Events by `received_at`, and by id among those of the same microsecond: an index is in just this order."""

    def sort(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.order_by("-received_at", "-pk")

    def behind(self, rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
        moment, pk = _moment_and_id(cursor)
        # The first condition is the range that the index is read from; see MICROSECOND for both.
        earlier = Q(received_at__lte=moment - MICROSECOND)
        return rows.filter(Q(received_at__lt=moment + MICROSECOND) & (earlier | Q(pk__lt=pk)))

    def cursor(self, row: Any) -> str:
        return f"{(row.received_at - EPOCH) // MICROSECOND}-{row.pk}"


class OldestFirst(NewestFirst):
    """The other way round, as far as it is settled."""

    def sort(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.filter(received_at__lte=from_now(-SETTLING_SECONDS)).order_by("received_at", "pk")

    def behind(self, rows: QuerySet[Any], cursor: str) -> QuerySet[Any]:
        moment, pk = _moment_and_id(cursor)
        later = Q(received_at__gte=moment + MICROSECOND)
        return rows.filter(Q(received_at__gt=moment - MICROSECOND) & (later | Q(pk__gt=pk)))


def page_of(
    rows: QuerySet[Any], order: Order, *, page_size: int, cursor: str | None
) -> tuple[Sequence[Model], str | None]:
    """Return a page, and the cursor of the next one; None where there is none (yet). Raises ValidationError."""
    left = rows if cursor is None else order.behind(rows, cursor)
    found = list(order.sort(left)[: page_size + 1])
    page = found[:page_size]
    return page, order.cursor(page[-1]) if len(found) > page_size else None


def _moment_and_id(cursor: str) -> tuple[datetime, int]:
    # 16 digits of microseconds are good until the year 2286.
    microseconds, pk = _numbers(r"(\d{1,16})-(\d{1,19})", cursor)
    return EPOCH + microseconds * MICROSECOND, pk


def _numbers(form: str, cursor: str) -> list[int]:
    match = re.fullmatch(form, cursor, re.ASCII)
    numbers = [int(digits) for digits in match.groups()] if match else []
    if not numbers or max(numbers) > MAX_ID:
        raise ValidationError({"cursor": ["No cursor of this list: take the link `next` as it is."]})
    return numbers
