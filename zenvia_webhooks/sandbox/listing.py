"""Which objects the Conversion API lists: window, cursors, filters, order, cap (ZENVIA.md 2), and what can be wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

from zenvia_webhooks.sandbox.object_ids import highest_id, in_milliseconds, is_object_id, lowest_id
from zenvia_webhooks.sandbox.store import Shelf

#: How far a list reaches back without dates, and how long a span with dates may be.
DEFAULT_WINDOW = timedelta(days=30)
LONGEST_WINDOW = timedelta(days=31)
#: Most objects in one answer; nothing says that there are more.
CAP = 5000
#: Names of the dates → the older ones, which work as well.
ALIASES = {"createdAfter": "start", "createdBefore": "end"}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How the lists behave. As they come, they behave as Zenvia's do; each of these is a fault to test against."""

    #: Most objects in one answer, in silence.
    cap: int = CAP
    #: False: `before` and `after` are ignored.
    cursors: bool = True
    #: "oldest first" gives the oldest of those that were asked for; "shuffled" the right ones in no order.
    order: Literal["newest first", "oldest first", "shuffled"] = "newest first"
    #: Each second answer leaves out every third object, as if it were not there.
    changes_mind: bool = False
    #: Each second answer that has objects holds only half of them.
    short_pages: bool = False
    #: Objects younger than this are not listed yet.
    lag: timedelta = field(default_factory=timedelta)


class BadQuery(ValueError):
    """A query that Zenvia refuses with 400; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a list was asked for."""

    #: The span of each date that was named, such as "created" or "accepted"; both ends included.
    windows: Mapping[str, tuple[datetime, datetime]]
    before: str | None
    after: str | None
    limit: int | None
    #: The other parameters, such as `status`; empty ones are left out.
    filters: Mapping[str, str]


def read_query(parameters: Mapping[str, str], dates: Iterable[str], now: datetime) -> Query:
    """Read the query string of a list with these dates ("created", "accepted", ...).

    Without any date it reaches back 30 days. Raises BadQuery.
    """
    windows = {name: window for name in dates if (window := _window(parameters, name, now))}
    cursors = {name: parameters.get(name) or None for name in ("before", "after")}
    for name, cursor in cursors.items():
        if cursor is not None and not is_object_id(cursor):
            raise BadQuery(f"Invalid {name}")
    limit = parameters.get("limit")
    if limit is not None and not (limit.isascii() and limit.isdecimal() and int(limit[:9]) > 0):
        raise BadQuery("Invalid limit")
    return Query(
        windows=windows or {"created": (now - DEFAULT_WINDOW, now)},
        **cursors,
        limit=None if limit is None else int(limit[:9]),
        filters={name: value for name, value in parameters.items() if value},
    )


def _window(parameters: Mapping[str, str], name: str, now: datetime) -> tuple[datetime, datetime] | None:
    after, before = (_date(parameters, f"{name}{end}") for end in ("After", "Before"))
    if after is None and before is None:
        return None
    # One date alone is measured against now.
    if abs((before or now) - (after or now)) > LONGEST_WINDOW:
        raise BadQuery(f"The range of {name} dates must be {LONGEST_WINDOW.days} days at most")
    start, end = after or now - DEFAULT_WINDOW, before or now
    if after is not None and end < start:
        raise BadQuery(f"{name}Before must not be earlier than {name}After")
    return start, end


def _date(parameters: Mapping[str, str], name: str) -> datetime | None:
    text = parameters.get(name) or parameters.get(ALIASES.get(name, ""))
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise BadQuery(f"Invalid {name}") from None
    parsed = in_milliseconds(parsed)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def select(
    shelf: Shelf[Any],
    query: Query,
    matches: Callable[[Any, Query], bool],
    listing: Listing,
    *,
    now: datetime,
    turn: int,
) -> list[Any]:
    """Return the objects of one answer; `turn` counts the answers, for the faults of each second one."""
    low, high = "", "g"
    if "created" in query.windows:
        start, end = query.windows["created"]
        low, high = lowest_id(start), highest_id(end)
    high = min(high, highest_id(now - listing.lag))
    if listing.cursors:
        high = min(high, query.before or high)
        low = max(low, query.after or low)
    oldest_first = listing.order == "oldest first"
    found: Iterator[Any] = (
        one
        for one in shelf.between(low, high, oldest_first=oldest_first)
        if (not listing.cursors or one.id not in (query.before, query.after)) and matches(one, query)
    )
    odd = turn % 2 == 1
    if odd and listing.changes_mind:
        found = (one for place, one in enumerate(found) if place % 3 != 2)
    page = list(islice(found, min(query.limit or listing.cap, listing.cap)))
    if odd and listing.short_pages:
        page = page[: (len(page) + 1) // 2]
    if listing.order == "shuffled":
        random.shuffle(page)
    return page
