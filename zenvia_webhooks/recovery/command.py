"""What `zenvia_recover` does: one span, once, with somebody watching."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.models import Recovery
from zenvia_webhooks.recovery.calls import Calls
from zenvia_webhooks.recovery.explanation import NoListsError
from zenvia_webhooks.recovery.memory import Memory, find, span_to_resume
from zenvia_webhooks.recovery.report import Report
from zenvia_webhooks.recovery.run import OnMissing, OnProgress, Run, bounded, ignore
from zenvia_webhooks.recovery.spans import Span, in_milliseconds

RUNNER = Recovery.Runner.COMMAND
#: What has come to pass since a run that was cut off is left to the next one if it is shorter.
WORTH_A_LOOK = timedelta(minutes=1)


def client_of(account: str) -> ZenviaClient:
    """Return the client of an account. Raises NoListsError, and ZenviaConfigurationError as the client does."""
    client = ZenviaClient(account)
    if not client.contract.LISTS:
        raise NoListsError(client.account.contract)
    return client


def recover(
    client: ZenviaClient,
    since: datetime,
    until: datetime | None,
    *,
    apply: bool,
    on_missing: OnMissing = ignore,
    on_progress: OnProgress = ignore,
) -> Iterator[Report]:
    """Compare from `since` on, and yield a report of each span; with `apply`, store what is missing.

    A run with the same `since` (and `until`) as one that ended before its end goes on there. One span, but for what has
    come to pass since. Nothing where it is all too young or too old: see `bounded`.
    """
    account, calls = client.account.alias, Calls(client)
    for span in _spans(account, since, until) if apply else _all(bounded(since, until)):
        memory = Memory(account, RUNNER, span) if apply else None
        report = Run(calls, span, memory=memory, on_missing=on_missing, on_progress=on_progress).go()
        yield report
        if report.error:
            return


def _all(*spans: Span | None) -> list[Span]:
    return [span for span in spans if span is not None]


def _spans(account: str, since: datetime, until: datetime | None) -> list[Span]:
    wanted, unfinished = bounded(since, until), span_to_resume(find(account, RUNNER))
    if wanted is None or unfinished is None:
        return _all(wanted)
    is_cut = wanted.since > in_milliseconds(since)  # as what is older is purged
    same_since = unfinished.since == wanted.since or (is_cut and unfinished.since < wanted.since)
    # Without an end, or with one that is too young, the end moves.
    moves = until is None or wanted.until < in_milliseconds(until)
    if not same_since or unfinished.until > wanted.until or not (moves or unfinished.until == wanted.until):
        return [wanted]
    if unfinished.until <= wanted.since:
        return [wanted]
    newer = Span(unfinished.until, wanted.until)
    return _all(Span(wanted.since, unfinished.until), newer if newer.length >= WORTH_A_LOOK else None)
