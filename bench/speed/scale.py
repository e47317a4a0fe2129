"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The sizes of everything; each is an option of the command line."""

    #: Of what is repeated; what takes minutes is measured once.
    rounds: int = 5
    #: Of one load.
    seconds: int = 8
    #: Of one backlog.
    events: int = 2000
    #: Of the backlog for a slow receiver.
    slow: int = 160
    #: Webhooks, or a worker's events, after which memory is read first, and last.
    first: int = 1000
    many: int = 100_000
    #: Old events to purge.
    old: int = 1_000_000


QUICK = Scale(rounds=1, seconds=3, events=800, slow=80, first=500, many=3000, old=40_000)
HELP = {
    "rounds": "how often what is quick is repeated",
    "seconds": "of one load",
    "events": "of one backlog",
    "slow": "events for a receiver that takes half a second",
    "first": "webhooks or events before memory is read first",
    "many": "webhooks or events before memory is read last",
    "old": "events to purge",
}
