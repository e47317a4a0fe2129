"""The stand-in Zenvia's objects, in the order of their ids, in memory and safe for threads."""

# ruff: noqa: S311 (nobody need be kept from guessing an invented person)

from __future__ import annotations

import itertools
import random
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from zenvia_webhooks.sandbox.object_ids import ObjectIds
from zenvia_webhooks.sandbox.people import MOST_PEOPLE
from zenvia_webhooks.sandbox.records import Agent, Interaction, Prospect, Quote

HIRED = datetime(2023, 11, 1, 9, 0, tzinfo=UTC)


class HasId(Protocol):
    id: str


T = TypeVar("T", bound=HasId)


class Shelf(Generic[T]):
    """The objects of one kind. Not safe for threads: its store's lock is."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._objects: dict[str, T] = {}

    def add(self, made: T) -> T:
        # Mostly the newest so far, where this costs nothing.
        insort(self._ids, made.id)
        self._objects[made.id] = made
        return made

    def get(self, object_id: str) -> T | None:
        return self._objects.get(object_id)

    @property
    def newest(self) -> T | None:
        return self._objects[self._ids[-1]] if self._ids else None

    def between(self, low: str, high: str, *, oldest_first: bool = False) -> Iterator[T]:
        """Yield the objects whose ids lie from `low` to `high`, both included, newest first."""
        start, end = bisect_left(self._ids, low), bisect_right(self._ids, high)
        places = range(start, end) if oldest_first else range(end - 1, start - 1, -1)
        return (self._objects[self._ids[place]] for place in places)

    def __len__(self) -> int:
        return len(self._ids)


class Store:
    """Everything of one Zenvia account; `first` is the number of the first person who asks, at random by default."""

    def __init__(self, first: int | None = None) -> None:
        #: Held while objects are read, changed or written out.
        self.lock = threading.RLock()
        self.ids = ObjectIds()
        self.prospects: Shelf[Prospect] = Shelf()
        self.interactions: Shelf[Interaction] = Shelf()
        self.quotes: Shelf[Quote] = Shelf()
        # Another run must not bring the same people again.
        first = random.randrange(MOST_PEOPLE) if first is None else first
        self._numbers = itertools.count(first)
        self.agents = tuple(Agent(self.ids.new(HIRED), first - number) for number in (1, 2, 3))

    def next_number(self) -> int:
        """Return the number of a person who was not there yet: see `invent_person`."""
        return next(self._numbers) % MOST_PEOPLE
