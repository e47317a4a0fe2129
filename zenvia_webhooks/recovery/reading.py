"""Reading a list whole, whatever the server does: pages by cursor, and ever smaller spans where that can't be trusted.

Nothing tells how many objects there are, so each page is held against the next, which overlaps it: a cursor that is
ignored, another order, and an answer that leaves something out all show there. What is shown by halves of a span and
not by the span itself had been cut off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.exceptions import ZenviaAPIError
from zenvia_webhooks.recovery.calls import Calls
from zenvia_webhooks.recovery.spans import MILLISECOND, Span

#: So many objects of a page are asked for once more with the next.
OVERLAP = 5


@dataclass(frozen=True)
class Part:
    """A part of a span, and what is in it, newest first."""

    span: Span
    objects: Sequence[Listed]
    #: False where some of it could not be read: more objects in a millisecond than fit into a page.
    is_whole: bool = True


class OddPageError(Exception):
    """A page that does not fit to the one before."""


class Reading:
    """The reading of one list."""

    def __init__(self, calls: Calls, of: ObjectList) -> None:
        self._calls, self._of = calls, of
        #: The objects of the longest answer: so many the server does give.
        self._longest = 0

    def parts(self, span: Span) -> Iterator[Part]:
        """Yield what is in a span, newest part first; the parts make up the span.

        Raises NotNowError and ZenviaError, as the calls do.
        """
        for chunk in span.chunks():
            if self._of.is_of_creations:
                yield from self._parts(chunk)
            else:
                # Its pages come in the order of creation, and say nothing about an end of the span.
                parts = list(self._parts(chunk))
                objects = {one.id: one for part in parts for one in part.objects}
                yield Part(chunk, list(objects.values()), all(part.is_whole for part in parts))

    def _parts(self, span: Span) -> Iterator[Part]:
        until = span.until
        try:
            for part in self._by_cursor(span):
                yield part
                until = part.span.since
        except OddPageError:
            left = Span(span.since, until)
            yield from self._by_halves(left, self._inside(left))

    def _by_cursor(self, span: Span) -> Iterator[Part]:
        until, page = span.until, self._page(span)
        _require_order(page)
        while page:
            new = self._after(span, page)
            if not new:
                break
            # Others of the last one's millisecond may be on the next page.
            since = page[-1].created_at + MILLISECOND if self._of.is_of_creations else until
            yield Part(Span(max(since, span.since), until), self._of_span(page, span))
            until, page = max(since, span.since), new
        yield Part(Span(span.since, until), self._of_span(page, span))

    def _after(self, span: Span, page: list[Listed]) -> list[Listed]:
        """Return what comes after a page; raises OddPageError where the answer does not fit to it, nor does another."""
        overlap = min(OVERLAP, len(page) - 1)
        # Where nothing seems to come after it, what comes after the last one must be nothing as well.
        return self._behind(span, page, overlap) or (overlap and self._behind(span, page, 0)) or []

    def _behind(self, span: Span, page: list[Listed], overlap: int) -> list[Listed]:
        cursor, due = page[-1 - overlap], [one.id for one in page[len(page) - overlap :]]
        known = {one.id for one in page}
        for _attempt in (1, 2):
            answer = self._page(span, before=cursor.id)
            new = answer[overlap:]
            if [one.id for one in answer[:overlap]] == due and not any(one.id in known for one in new):
                _require_order([page[-1], *new])
                return new
        raise OddPageError

    def _page(self, span: Span, before: str | None = None) -> list[Listed]:
        # Whether the ends themselves are in it is not published.
        try:
            page = self._calls.page(self._of, span.since - MILLISECOND, span.until, before)
        except ZenviaAPIError as error:
            if before is not None and error.status == 400:
                raise OddPageError from error
            raise
        self._longest = max(self._longest, len(page))
        return page

    def _inside(self, span: Span) -> dict[str, Listed]:
        return {one.id: one for one in self._of_span(self._page(span), span)}

    def _of_span(self, page: Sequence[Listed], span: Span) -> list[Listed]:
        return [one for one in page if one.happened_at in span]

    def _tells_apart(self, shown: dict[str, Listed]) -> bool:
        """Tell whether none of them can have been cut off: no span is smaller than a millisecond."""
        most = max(Counter(one.happened_at for one in shown.values()).values(), default=0)
        return most <= 1 or most < self._longest

    def _by_halves(self, span: Span, shown: dict[str, Listed]) -> Iterator[Part]:
        """Yield parts that show the same twice as a whole and once in pieces; `shown` is what the span has shown."""
        open_spans = [(span, shown)]
        while open_spans:
            span, shown = open_spans.pop()
            pieces = span.split(one.happened_at for one in shown.values()) if shown else []
            found = [(piece, self._inside(piece)) for piece in pieces]
            # And once more as a whole: a server that leaves something out now and then may have done so each time.
            again = [(span, self._inside(span))] if pieces else []
            if all(
                set(shown) == {key for _span, inside in looks for key in inside} for looks in (found, again) if looks
            ):
                yield Part(span, list(shown.values()), self._tells_apart(shown))
                continue
            # What has been seen once is not forgotten.
            shown |= {key: one for _span, inside in again for key, one in inside.items()}
            merged = [
                (piece, {key: one for key, one in shown.items() if one.happened_at in piece} | inside)
                for piece, inside in found
            ]
            open_spans += reversed(merged)


def _require_order(page: Sequence[Listed]) -> None:
    if any(newer.created_at < older.created_at for newer, older in pairwise(page)):
        raise OddPageError
