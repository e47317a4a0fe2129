"""How long a run of the dispatcher goes on claiming, how many events it claims at a time, and how long they wait."""

from __future__ import annotations

from random import getrandbits

from zenvia_webhooks.conf import conf
from zenvia_webhooks.wakeup import BACKLOG_SECONDS

#: Seconds after which a run claims nothing more. A run is a task, which costs a worker some 10 ms, the closing of its
#: connection included; meanwhile, the other tasks of its queue wait for another process.
RUN_SECONDS = 2.0
#: Seconds of work that a claim should hold: so many may an event wait behind others while another process is idle.
CLAIM_SECONDS = 0.25
#: Seconds after which the events of a claim that are not begun yet are released, though a receiver still runs: it may
#: be slow, or hang, while other processes are idle.
PATIENCE = 2 * CLAIM_SECONDS
FIRST_SIZE = 10


class Pace:
    """How many events a process claims at a time: about `CLAIM_SECONDS` of work.

    The more at once, the fewer queries; but an idle process can't take what another has claimed.
    """

    def __init__(self) -> None:
        self._size = FIRST_SIZE
        #: Whether there is a backlog, as the last claim of the oldest showed; None before the first look.
        self.is_behind: bool | None = None
        #: Whether other events used up the last run's time, so that stalled ones had no turn.
        self.owes_stalled = False

    def size(self) -> int:
        return min(self._size, conf.batch_size)

    def newest_of(self, size: int) -> int:
        """Return how many of a claim's events are the newest due: of a backlog half; of an odd one, chance decides."""
        return (size + getrandbits(1)) // 2 if self.is_behind else 0

    def note_wait(self, seconds: float) -> None:
        """Note how long the oldest event has waited."""
        self.is_behind = seconds > BACKLOG_SECONDS

    def note(self, events: int, seconds: float, *, is_full: bool = True) -> None:
        """Adapt to how long so many events took, of a claim that was full or not."""
        if not events:
            if is_full:
                # There was no time for any: it was claiming that took so long.
                self._size = max(self._size // 2, 1)
            return
        fitting = int(events * CLAIM_SECONDS / max(seconds, 0.001))
        if fitting < self._size:
            self._size = max(fitting, 1)
        elif events >= self.size():
            # Only a full batch shows that more would fit.
            self._size = min(2 * self._size, fitting)
