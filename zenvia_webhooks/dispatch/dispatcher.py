"""Handing events to receivers: claim what is due, deliver, record.

A new event, a retry and a replay all come here in one way: as a row that is due.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from zenvia_webhooks import failpoints, wakeup
from zenvia_webhooks.conf import conf
from zenvia_webhooks.dispatch import outcomes, same_object
from zenvia_webhooks.dispatch.attempts import Attempt, record_death, run_attempt
from zenvia_webhooks.dispatch.batching import PATIENCE, RUN_SECONDS, Pace
from zenvia_webhooks.dispatch.claims import Claim, ClaimLostError, claim_due, claim_stalled, longest_wait, release
from zenvia_webhooks.dispatch.held import Held
from zenvia_webhooks.dispatch.lease import RunClock
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.signals import receivers_of

logger = logging.getLogger(__name__)

#: Of this process.
pace = Pace()


def dispatch_due(
    *, limit: int | None = None, seconds: float = RUN_SECONDS, may_hint: bool = True, clock: RunClock | None = None
) -> int:
    """Hand some due events to their receivers; return how many were begun.

    At most `limit`; after so many `seconds`, nothing more is claimed but stalled events, for as long again. If more is
    due, a hint is sent, unless there is nobody to take it. `clock` is that of a run which has begun already.
    Raises ZenviaConfigurationError, before it claims anything.
    """
    # Read now: a setting that can't be read later on would count as a receiver's failed attempt.
    _ = conf.atomic_receivers, conf.retry_delays
    clock, hints = clock or RunClock(), _Hints(may_hint)
    if (begun := _work_off_owed(clock, hints)) is not None:
        return begun
    # With a short lease, half of the time in which something may be started: the rest is for what is stalled.
    seconds = min(seconds, RUN_SECONDS, clock.starting_seconds / 2)
    begun, is_more, ends = 0, True, time.monotonic() + seconds
    while is_more and begun != limit:
        of_claim, is_more = _work_off_claim(clock, hints, None if limit is None else limit - begun)
        begun += of_claim
        if time.monotonic() >= ends or not clock.may_start:
            break
    pace.owes_stalled = not clock.may_start
    with hints.sent_on_error():
        of_stalled, are_left = _work_off_stalled(clock, hints, None if limit is None else limit - begun, seconds)
    if are_left:
        hints.send_another()
    else:
        hints.renew()
    return begun + of_stalled


def _work_off_claim(clock: RunClock, hints: _Hints, limit: int | None) -> tuple[int, bool]:
    """Claim some and dispatch them; return how many were begun, and whether this run may look for more."""
    size = pace.size() if limit is None else min(pace.size(), limit)
    # If this fails, no hint is sent: while the database is away, one hint would follow the other.
    if pace.is_behind is None:
        pace.note_wait(longest_wait())
    newest = pace.newest_of(size)
    claim = claim_due(size, newest=newest, clock=clock)
    if newest < size:
        pace.note_wait(claim.waited)
    if claim.is_full:
        # Before the work, so that an idle process shares it.
        hints.send()
    began = time.monotonic()
    with hints.sent_on_error():
        begun, is_unfinished = _work_off(claim, hints)
    pace.note(begun, time.monotonic() - began, is_full=claim.is_full)
    if is_unfinished or claim.is_cut:
        # Whoever took the hint that was sent before the work saw nothing of what has been released since, nor of what
        # was locked meanwhile.
        hints.send_another()
        return begun, False
    return begun, claim.is_full


def _work_off_owed(clock: RunClock, hints: _Hints) -> int | None:
    """Dispatch the stalled event that had no turn in the last run; None if there is none."""
    if not pace.owes_stalled:
        return None
    # Before it runs, as it may kill the process: then the other events have their turn in the next run.
    pace.owes_stalled = False
    owed = claim_stalled(clock)
    if not owed.events:
        return None
    try:
        return _work_off(owed, hints)[0]
    finally:
        hints.send()


def _work_off_stalled(clock: RunClock, hints: _Hints, limit: int | None, seconds: float) -> tuple[int, bool]:
    """Dispatch stalled events for so many seconds; return how many were begun, and whether some may be left.

    After the others are written or released, and one at a time: one that kills this process takes no other with it.
    """
    begun, ends = 0, time.monotonic() + seconds
    while clock.may_start and begun != limit:
        stalled = claim_stalled(clock)
        if not stalled.events:
            break
        of_this, is_unfinished = _work_off(stalled, hints)
        begun += of_this
        if is_unfinished or time.monotonic() >= ends:
            return begun, True
    return begun, False


class _Hints:
    """The hints of one run: at most one that still counts, unless another is wanted."""

    def __init__(self, may_hint: bool) -> None:
        self._may_hint = may_hint
        self._counts_until = 0.0

    def send(self) -> None:
        if time.monotonic() >= self._counts_until:
            self.send_another()

    def renew(self) -> None:
        """Send one anew if this run has sent one and that counts no more."""
        if self._counts_until:
            self.send()

    @contextmanager
    def sent_on_error(self) -> Iterator[None]:
        """Send another if the block raises: what it had claimed may be due again."""
        try:
            yield
        except Exception:
            self.send_another()
            raise

    def send_another(self) -> None:
        """Send one though the last still counts: whoever took that saw nothing of what is due now."""
        if self._may_hint:
            self._counts_until = time.monotonic() + wakeup.HINT_EXPIRES
            wakeup.hint()


def _work_off(claim: Claim, hints: _Hints) -> tuple[int, bool]:
    """Dispatch a claim's events as long as there is time, and release the others.

    Return how many were begun, and whether some are still due.
    """
    is_unfinished = False
    # Twice what it should take: for a little more than was thought, the last few need not be released.
    ends = time.monotonic() + PATIENCE
    with Held(claim, hints.send_another) as held:
        # Of those that no receiver has had yet; the others have theirs.
        replaced = same_object.decide(event for event in claim.events if event.status == Event.Status.PENDING)
        while claim.clock.may_start and not is_unfinished:
            if held.begun and time.monotonic() >= ends:
                break
            event = held.take()
            if event is None:
                break
            try:
                if event.pk in replaced:
                    outcomes.finish_as_same(event, claim, replaced[event.pk])
                elif event.status == Event.Status.ERASED:
                    outcomes.finish_as_erased(event, claim)
                else:
                    is_unfinished = not dispatch(event, claim)
            except ClaimLostError as lost:
                logger.warning("%s; its outcome is left to the present holder", lost)
    return held.begun, is_unfinished or held.begun < len(claim.events)


def dispatch(event: Event, claim: Claim) -> bool:
    """Hand a claimed event to every receiver that is due, then write its status; tell whether there was time for all.

    Raises ClaimLostError if another worker has taken it over meanwhile.
    """
    #: Receiver → its delivery.
    rows = {delivery.row.receiver: delivery.row for delivery in claim.deliveries.get(event.pk, [])}
    connected = receivers_of(event, Event)

    def attempt_of(name: str, *, others: list[Delivery] | None = None) -> Attempt:
        receiver, row = connected.get(name), rows.get(name)
        return Attempt(event=event, claim=claim, name=name, receiver=receiver, row=row, others=others)

    for name, row in rows.items() if claim.is_stalled else ():
        if outcomes.is_without_outcome(row):
            rows[name] = record_death(attempt_of(name))
    due, has_ended = _due(event, claim, rows, connected), False
    for name in due:
        if not claim.clock.may_start:
            # A pending one that some receivers have had is stalled: its next holder has to read their deliveries.
            release(claim, [event], are_begun=event.status == Event.Status.PENDING and bool(rows))
            return False
        others = [row for other, row in rows.items() if other != name] if name == due[-1] else None
        outcome = run_attempt(attempt_of(name, others=others))
        rows[name], has_ended = outcome.written, outcome.has_ended_claim
        failpoints.reach("dispatcher.between_receivers")
    if not has_ended:
        outcomes.finish_event(event, claim, list(rows.values()))
    failpoints.reach("dispatcher.after_finish")
    return True


def _due(event: Event, claim: Claim, rows: dict[str, Delivery], connected: Iterable[str]) -> list[str]:
    """Return the receivers whose attempt is due, in their order."""
    unattempted = [name for name in connected if name not in rows] if event.status == Event.Status.PENDING else []
    due = [delivery.row.receiver for delivery in claim.deliveries.get(event.pk, []) if delivery.is_due]
    open_ones = [name for name in due if rows[name].status == Delivery.Status.RETRYING]
    if not claim.is_stalled:
        return unattempted + open_ones
    # Of a stalled event, the first without an outcome is the one that was running: it comes last.
    return unattempted[::-1] + sorted(open_ones, key=lambda name: rows[name].attempts)
