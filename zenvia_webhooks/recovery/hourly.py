"""What `recover_events` does: from the last time that everything was compared, for accounts with RECOVER."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils.timezone import now

from zenvia_webhooks.conf import conf
from zenvia_webhooks.models import Recovery
from zenvia_webhooks.recovery.calls import MOST_CALLS, Calls
from zenvia_webhooks.recovery.command import WORTH_A_LOOK, client_of
from zenvia_webhooks.recovery.memory import Memory, find, span_to_resume
from zenvia_webhooks.recovery.progress import TaskProgress
from zenvia_webhooks.recovery.report import Report
from zenvia_webhooks.recovery.run import Run, bounded
from zenvia_webhooks.recovery.spans import Span

logger = logging.getLogger(__name__)

RUNNER = Recovery.Runner.TASK
#: How far a first run looks back.
FIRST_LOOK = timedelta(days=1)
#: So much of what was compared is compared again: something may be listed late.
OVERLAP = timedelta(hours=1)
#: A run that has given no sign of life for so long is over.
SILENCE = timedelta(minutes=3)


def accounts() -> list[str]:
    """Return the accounts with RECOVER. Raises ZenviaConfigurationError."""
    return [alias for alias, account in conf.accounts.items() if account.recover]


def is_running(account: str) -> bool:
    """Tell whether another process is at it."""
    row = find(account, RUNNER)
    return row is not None and row.finished_at is None and not row.error and now() - row.seen_at < SILENCE


def recover(account: str, *, calls_made: int = 0, ends: float | None = None) -> list[Report]:
    """Compare and recover what has come to pass since the last time; return a report of each span.

    First a span that was cut off, then what is newer. `calls_made` of the calls of a run are spent already; after
    `ends`, by `time.monotonic()`, none is made. Raises NoListsError and ZenviaConfigurationError.
    """
    calls = Calls(client_of(account), most=MOST_CALLS - calls_made, ends=ends)
    reports: list[Report] = []
    while span := _next_span(account, is_first=not reports):
        progress = TaskProgress(account)
        report = Run(calls, span, memory=Memory(account, RUNNER, span), on_progress=progress).go()
        reports.append(report)
        progress.end(report)
        _log(report)
        if report.error or len(reports) > 1:
            break
    return reports


def _next_span(account: str, *, is_first: bool) -> Span | None:
    row = find(account, RUNNER)
    unfinished = span_to_resume(row)
    if unfinished is not None and is_first and (left := bounded(unfinished.since, unfinished.until)) is not None:
        return left
    if row is None or row.whole_until is None:
        return bounded(now() - FIRST_LOOK)
    span = bounded(row.whole_until - OVERLAP)
    # Behind a span that has just been gone on with, only what is newer.
    is_news = is_first or (span is not None and span.until - row.until >= WORTH_A_LOOK)
    return span if is_news else None


def _log(report: Report) -> None:
    if report.recovered:
        logger.warning("account %s: %s events were recovered, %s", report.account, report.recovered, report.span)
    if report.error and not report.is_to_be_continued:
        logger.warning("account %s: the recovery of %s ended early: %s", report.account, report.span, report.error)
    elif not report.error and not report.is_whole:
        logger.warning("account %s: the recovery of %s is not whole", report.account, report.span)
