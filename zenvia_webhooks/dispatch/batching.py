"""How long a run of the dispatcher goes on claiming, how many events it claims at a time, and how long they wait."""

from __future__ import annotations

from zenvia_webhooks.conf import conf
from zenvia_webhooks.wakeup import SWEEP_INTERVAL

#: Seconds after which a run claims nothing more. A run is a task, which costs a worker some 10 ms, the closing of its
#: connection included; meanwhile, the other tasks of its queue wait for another process.
RUN_SECONDS = 2.0
#: Seconds of work that a claim should hold: so many may an event wait behind others while another process is idle.
CLAIM_SECONDS = 0.25
#: Seconds after which the events of a claim that are not begun yet are released, though a receiver still runs: it may
#: be slow, or hang, while other processes are idle.
PATIENCE = 2 * CLAIM_SECONDS
#: Seconds that events wait in their order. Once one has waited for longer, newest and oldest are taken in turn, so
#: that today's lead does not wait behind a backlog.
BACKLOG_SECONDS = SWEEP_INTERVAL
FIRST_SIZE = 10


class Pace:
    """How many events a process claims at a time: about `CLAIM_SECONDS` of work.

    The more at once, the fewer queries; but an idle process can't take what another has claimed.
    """

    def __init__(self) -> None:
        self._size, self._turn = FIRST_SIZE, 0
        #: Whether there is a backlog, as the last claim of the oldest showed.
        self.is_behind = False
        #: Whether other events used up the last run's time, so that stalled ones had no turn.
        self.owes_stalled = False

    def size(self) -> int:
        return min(self._size, conf.batch_size)

    def newest_of(self, size: int) -> int:
        """Return how many of a claim's events are the newest due: of a backlog half, an odd one every other time."""
        if not self.is_behind:
            return 0
        self._turn = 1 - self._turn
        return (size + 1 - self._turn) // 2

    def note_wait(self, seconds: float) -> None:
        """Note how long the oldest event of a claim had waited."""
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
