"""How long each claim keeps an event, by looking at the table again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.faults.site import Site

CLAIMED = "SELECT id, claim FROM zenvia_webhooks_event WHERE claim IS NOT NULL"
#: Seconds between two looks.
INTERVAL = 0.2


@dataclass
class Holds:
    """Event and claim → when the two were first and last seen together."""

    seen: dict[tuple[int, str], tuple[float, float]] = field(default_factory=dict)
    #: What went wrong while looking.
    error: Exception | None = None

    @property
    def longest(self) -> float:
        """Return the seconds that the longest hold lasted."""
        return max((last - first for first, last in self.seen.values()), default=0)

    @property
    def of_longest(self) -> str:
        """Say which event that was, and when it began and ended in seconds since 1970."""
        if not self.seen:
            return "no hold"
        (pk, claim), (first, last) = max(self.seen.items(), key=lambda item: item[1][1] - item[1][0])
        ago = time.time() - time.monotonic()
        return f"event {pk} under {claim}, {first + ago:.1f} to {last + ago:.1f}"

    def look(self, rows: list[Any]) -> None:
        moment = time.monotonic()
        for pk, claim in rows:
            first, _last = self.seen.get((pk, str(claim)), (moment, moment))
            self.seen[pk, str(claim)] = (first, moment)


@contextmanager
def watched(site: Site) -> Iterator[Holds]:
    """Watch a site's claims over a connection of its own."""
    holds, done = Holds(), threading.Event()

    def watch() -> None:
        connection = site.database.connect(site.url)
        try:
            while not done.wait(INTERVAL):
                cursor = connection.cursor()
                cursor.execute(CLAIMED)
                holds.look(cursor.fetchall())
        except Exception as error:  # noqa: BLE001  # each driver has errors of its own; raised below
            holds.error = error
        finally:
            connection.close()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield holds
    finally:
        done.set()
        thread.join()
    if holds.error is not None:
        raise holds.error
