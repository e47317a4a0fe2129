"""How long a run of the dispatcher may go on, and how many events it takes at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from zenvia_webhooks.conf import conf

#: The parts of a lease, counted from the start of a run: after the first nothing more is started, at the second the
#: receiver that runs is interrupted, at the third its process is killed.
STARTING_PART, SOFT_PART, HARD_PART = 0.2, 0.7, 0.8
#: By how much of a lease our own clock is ahead of Celery's. Its clock may start a little before ours, and a receiver
#: that swallowed the interruption must be seen to be late; one that is awaited ends before the interruption.
MARGIN = 0.03
#: Seconds of work that a claim is meant to hold.
CLAIM_SECONDS = 1.0
#: Seconds after which what was claimed no longer waits for the receiver that is running: it may be slow, or hang, and
#: other processes be idle.
PATIENCE = 2 * CLAIM_SECONDS
FIRST_SIZE = 10


@dataclass(frozen=True, kw_only=True)
class RunClock:
    """What is left to one run of the dispatcher, whichever claims it makes."""

    lease_seconds: float = field(default_factory=lambda: conf.lease_seconds)
    #: By `time.monotonic()`.
    started: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def may_start(self) -> bool:
        """Whether another receiver may be started."""
        return self.elapsed < STARTING_PART * self.lease_seconds

    @property
    def seconds_left(self) -> float:
        """Seconds until the receiver that runs is late: not greater than 0 where it is."""
        return (SOFT_PART - MARGIN) * self.lease_seconds - self.elapsed


class Pace:
    """How many events a process claims at a time: about a second's work.

    The more at once, the fewer queries; but what one process has claimed no idle one can take.
    """

    def __init__(self) -> None:
        self._size, self._turn = FIRST_SIZE, 0
        #: Whether other events used up the last run's time, so that suspects had no turn.
        self.owes_suspects = False

    def size(self) -> int:
        return min(self._size, conf.batch_size)

    def newest_of(self, size: int) -> int:
        """Return how many of a claim are the newest due: half, the odd one in turn."""
        self._turn = 1 - self._turn
        return (size + 1 - self._turn) // 2

    def note(self, events: int, seconds: float) -> None:
        """Take note of how long so many events took."""
        if not events:
            return
        fitting = int(events * CLAIM_SECONDS / max(seconds, 0.001))
        if fitting < self._size:
            self._size = max(fitting, 1)
        elif events >= self.size():
            # A batch that was not full shows little.
            self._size = min(2 * self._size, fitting)
