"""One run: the lists of one account over one span, compared with what is stored, and recovered if that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from django.utils.timezone import now

from zenvia_webhooks import failpoints
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.listing import Listed, ObjectList
from zenvia_webhooks.exceptions import ZenviaError
from zenvia_webhooks.models import Event
from zenvia_webhooks.recovery.calls import Calls, NotNowError, OutOfTimeError
from zenvia_webhooks.recovery.comparison import Comparison, compare
from zenvia_webhooks.recovery.explanation import explain, words_of
from zenvia_webhooks.recovery.memory import Memory
from zenvia_webhooks.recovery.reading import Reading
from zenvia_webhooks.recovery.report import Count, Report
from zenvia_webhooks.recovery.spans import Span, in_milliseconds
from zenvia_webhooks.recovery.storing import Storing

#: What is younger is left to its webhook, and may not be listed yet.
LEFT_TO_WEBHOOKS = timedelta(minutes=10)
#: What is about to be purged may be gone before it is looked for.
RETENTION_MARGIN = timedelta(hours=1)

#: Called with each object that is missing, and the id of the event that it has become, if it has.
OnMissing = Callable[[ObjectList, Listed, int | None], None]
#: Called with what part of the run is done, from 0 to 1.
OnProgress = Callable[[float], None]


def ignore(*_arguments: object) -> None:
    """Do nothing: for a run that nobody watches."""


def bounded(since: datetime, until: datetime | None = None) -> Span | None:
    """Return the part of a span that can be compared; None where there is none.

    What is younger than ten minutes is left to its webhook, and what is older than `RETENTION_DAYS` may have been
    purged.
    """
    moment, days = now(), conf.retention_days
    latest = moment - LEFT_TO_WEBHOOKS
    if days is not None:
        since = max(since, moment - timedelta(days=days) + RETENTION_MARGIN)
    span = Span(in_milliseconds(since), in_milliseconds(min(until or latest, latest)))
    return span if span.since < span.until else None


class Run:
    """Compares one span; with a memory it also stores what is missing, and goes on where the run before it ended."""

    def __init__(
        self,
        calls: Calls,
        span: Span,
        *,
        memory: Memory | None = None,
        on_missing: OnMissing = ignore,
        on_progress: OnProgress = ignore,
    ) -> None:
        self._calls, self._span, self._memory = calls, span, memory
        self._on_missing, self._on_progress = on_missing, on_progress
        self._storing = Storing(calls)
        self.report = Report(account=calls.client.account.alias, span=span)
        #: Ids of what is missing with all that it has become, so that its other dates need not be looked at.
        self._quotes_missing: set[str] = set()

    def go(self) -> Report:
        """Return what was found. Raises nothing of Zenvia's: `Report.error` has it."""
        report, lists = self.report, self._calls.client.contract.LISTS
        for of in lists:
            report.counts[of.name] = Count(**(self._memory.counts(of.name) if self._memory else {}))
        for place, of in enumerate(lists):
            reached = self._memory.read_back_to(of.name) if self._memory else self._span.until
            try:
                for reached in self._compare(of, reached):  # noqa: B020  # how far it has come is what is wanted
                    self._on_progress((place + (self._span.until - reached) / self._span.length) / len(lists))
            except (NotNowError, ZenviaError) as error:
                report.error = explain(error, report.account, is_remembered=self._memory is not None)
                report.is_to_be_continued = isinstance(error, NotNowError)
                report.is_out_of_time = isinstance(error, OutOfTimeError)
                report.not_read += self._left(lists[place:], reached)
                break
        report.calls = self._calls.made
        if self._memory is not None:
            self._memory.end(report, "" if report.is_to_be_continued else words_of(report))
        return report

    def _compare(self, of: ObjectList, until: datetime) -> Iterator[datetime]:
        """Compare a list back from a moment; yield how far back it has come."""
        before: set[str] = set()
        is_behind_gap = False
        if until <= self._span.since:
            yield until
            return
        Event.objects.write_missing_keys()
        for part in Reading(self._calls, of).parts(Span(self._span.since, until)):
            failpoints.reach("recovery.after_part")
            # What shares its millisecond with the end of a page may be in two parts.
            fresh = [one for one in part.objects if one.id not in before]
            before = {one.id for one in part.objects}
            self._settle(of, fresh)
            if not part.is_whole:
                is_behind_gap = True
                self.report.not_read.append((of.name, part.span))
            if self._memory is not None:
                # Behind a gap nothing is remembered, so that a run that is cut off comes to it again.
                reached = None if is_behind_gap else part.span.since
                self._memory.note(of.name, reached, self.report.counts[of.name].as_json())
            failpoints.reach("recovery.after_note")
            yield part.span.since

    def _settle(self, of: ObjectList, objects: Sequence[Listed]) -> None:
        count = self.report.counts[of.name]
        for start in range(0, len(objects), 1000):
            some = [one for one in objects[start : start + 1000] if one.id not in self._quotes_missing]
            comparison = compare(self.report.account, of, some)
            if of.resource == "quote":
                self._quotes_missing.update(one.id for one in comparison.missing)
            for event_id in self._recovered(of, comparison):
                count.recovered += event_id is not None
            count.listed += len(some)
            count.here += comparison.here

    def _recovered(self, of: ObjectList, comparison: Comparison) -> Iterator[int | None]:
        if self._memory is None:
            for one in comparison.missing:
                self._on_missing(of, one, None)
            return
        stored = self._storing.store(of, comparison.missing, comparison.known, self._memory.clock())
        for one, event_id in zip(comparison.missing, stored, strict=True):
            self._on_missing(of, one, event_id)
            yield event_id

    def _left(self, lists: Sequence[ObjectList], reached: datetime) -> list[tuple[str, Span]]:
        """Return what was not come to: of the first of these lists from where it was, of the others all."""
        spans = [
            (of.name, Span(self._span.since, self._start(of) if place else reached)) for place, of in enumerate(lists)
        ]
        return [(name, span) for name, span in spans if span.since < span.until]

    def _start(self, of: ObjectList) -> datetime:
        return self._memory.read_back_to(of.name) if self._memory else self._span.until
