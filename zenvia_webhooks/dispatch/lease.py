"""How long a run of the dispatcher may go on: every time limit is a part of `LEASE_SECONDS`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from zenvia_webhooks.conf import conf

#: The parts of a lease, counted from the start of a run: after the first nothing more is started, at the second the
#: receiver that runs is interrupted, at the third its process is killed.
STARTING_PART, SOFT_PART, HARD_PART = 0.2, 0.7, 0.8
#: Our own limit comes earlier than Celery's interruption by this part of a lease: Celery's clock may start a little
#: before ours, and a receiver that swallowed the interruption must count as late. One that is awaited ends before it.
MARGIN = 0.03


@dataclass(frozen=True, kw_only=True)
class RunClock:
    """How much time is left to one run of the dispatcher, all its claims together."""

    lease_seconds: float = field(default_factory=lambda: conf.lease_seconds)
    #: By `time.monotonic()`, looked up at each call: tools that stop a test's clock replace it in the module.
    started: float = field(default_factory=lambda: time.monotonic())

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def starting_seconds(self) -> float:
        """Seconds of the run in which receivers may be started."""
        return STARTING_PART * self.lease_seconds

    @property
    def may_start(self) -> bool:
        """Whether another receiver may be started."""
        return self.elapsed < self.starting_seconds

    @property
    def seconds_left(self) -> float:
        """Seconds until the receiver that runs is late; 0 or less if it is."""
        return (SOFT_PART - MARGIN) * self.lease_seconds - self.elapsed
