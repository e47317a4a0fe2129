"""How many events a process claims at a time, and how long they wait behind the one that runs."""

from __future__ import annotations

from zenvia_webhooks.conf import conf

#: Seconds of work that a claim is meant to hold.
CLAIM_SECONDS = 1.0
#: Seconds after which what was claimed no longer waits for the receiver that is running: it may be slow, or hang, and
#: other processes be idle.
PATIENCE = 2 * CLAIM_SECONDS
FIRST_SIZE = 10


class Pace:
    """How many events a process claims at a time: about a second's work.

    The more at once, the fewer queries; but what one process has claimed no idle one can take.
    """

    def __init__(self) -> None:
        self._size, self._turn = FIRST_SIZE, 0
        #: Whether other events used up the last run's time, so that stalled ones had no turn.
        self.owes_stalled = False

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
