"""What a run remembers of the ones before it: the row of its account and runner."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import router, transaction
from django.utils.timezone import now

from zenvia_webhooks.models import Recovery
from zenvia_webhooks.models.clock import ClockReading, DatabaseNow
from zenvia_webhooks.recovery.report import Report
from zenvia_webhooks.recovery.spans import Span

#: What could not be read is tried again for so long.
TRIED_AGAIN_FOR = timedelta(days=1)


class Memory:
    """One span of one account, as far as it has been read and recovered."""

    def __init__(self, account: str, runner: Recovery.Runner, span: Span) -> None:
        """Go on with the span if the one that was begun last has the same end, else begin it."""
        row = find(account, runner) or Recovery(account=account, runner=runner)
        unfinished = span_to_resume(row)
        if unfinished is None or unfinished.until != span.until:
            row.until, row.started_at, row.finished_at = span.until, now(), None
            row.read_back_to, row.counts = {}, {}
        # The beginning moves where it is so old that events are purged.
        row.since, row.error = span.since, ""
        self._row = row
        self._save()

    def read_back_to(self, name: str) -> datetime:
        """Return how far back a list has been read, the end of the span where it has not."""
        text = self._row.read_back_to.get(name)
        return datetime.fromisoformat(text) if text else self._row.until

    def counts(self, name: str) -> dict[str, int]:
        """Return the numbers of a list so far, as `Count` takes them."""
        return dict(self._row.counts.get(name, {}))

    def note(self, name: str, read_back_to: datetime | None, counts: dict[str, int]) -> None:
        """Note that a list has been read back to a moment; None where it has not come further."""
        if read_back_to is not None:
            self._row.read_back_to[name] = read_back_to.isoformat()
            # Together, so that what a run that was cut off has counted is not counted twice.
            self._row.counts[name] = counts
        self._save()

    def end(self, report: Report, why: str) -> None:
        """Note how the run ended; a span that could not be read whole is over as well, though never called whole."""
        row = self._row
        row.error = why
        if not report.error:
            row.finished_at = now()
            gaps = [span.since for _name, span in report.not_read]
            row.whole_until = max(min(gaps), row.finished_at - TRIED_AGAIN_FOR) if gaps else row.until
        self._save()

    def clock(self) -> ClockReading:
        """Return a reading of the database's clock."""
        rows = Recovery.objects.using(router.db_for_write(Recovery)).filter(pk=self._row.pk)
        with transaction.atomic(using=rows.db):
            return ClockReading(moment=rows.annotate(now=DatabaseNow()).values_list("now", flat=True).get())

    def _save(self) -> None:
        self._row.seen_at = now()
        self._row.save(using=router.db_for_write(Recovery))


def find(account: str, runner: Recovery.Runner) -> Recovery | None:
    """Return the row of an account and runner; None where there never was a run."""
    using = router.db_for_write(Recovery)
    with transaction.atomic(using=using):
        return Recovery.objects.using(using).filter(account=account, runner=runner).first()


def span_to_resume(row: Recovery | None) -> Span | None:
    """Return the span of a run that ended before its end."""
    if row is None or row._state.adding or row.finished_at is not None:
        return None
    return Span(row.since, row.until)
