"""Spans of time, in whole milliseconds as Zenvia's clock has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

MILLISECOND = timedelta(milliseconds=1)
#: Zenvia refuses more than 31 days.
LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class Span:
    """From `since` on, up to `until`, which is no longer in it."""

    since: datetime
    until: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.since <= moment < self.until

    def __str__(self) -> str:
        return f"{_text(self.since)} to {_text(self.until)}"

    @property
    def length(self) -> timedelta:
        return self.until - self.since

    def chunks(self) -> Iterator[Span]:
        """Yield the parts that can be asked for, newest first."""
        until = self.until
        while until > self.since:
            since = max(self.since, until - LONGEST)
            yield Span(since, until)
            until = since

    def split(self, moments: Iterable[datetime]) -> list[Span]:
        """Return parts, newest first, with these moments on both sides of a cut if they differ.

        Of moments that are all the same, that millisecond is a part of its own. None where the span is no longer
        than that.
        """
        sorted_moments = sorted(moments)
        oldest, middle = sorted_moments[0], sorted_moments[len(sorted_moments) // 2]
        if oldest == middle:
            # Whatever else is there comes after that moment.
            middle = oldest + MILLISECOND
        cuts = [middle] if oldest != sorted_moments[-1] else [oldest, oldest + MILLISECOND]
        edges = [self.since, *(cut for cut in cuts if self.since < cut < self.until), self.until]
        if len(edges) == 2:
            return []
        parts = [Span(since, until) for since, until in pairwise(edges)]
        return parts[::-1]


def in_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _text(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
