"""What a run has found, for people and for the next run."""

from __future__ import annotations

from dataclasses import dataclass, field

from zenvia_webhooks.recovery.spans import Span


@dataclass(kw_only=True)
class Count:
    """The objects of one list."""

    #: At Zenvia.
    listed: int = 0
    #: Stored already.
    here: int = 0
    #: Of the missing ones, how many were stored now.
    recovered: int = 0

    @property
    def missing(self) -> int:
        """How many were not here when they were looked for."""
        return self.listed - self.here

    def as_json(self) -> dict[str, int]:
        return {"listed": self.listed, "here": self.here, "recovered": self.recovered}


@dataclass(kw_only=True)
class Report:
    """How one span of one account compares."""

    account: str
    span: Span
    #: Name of a list → its objects.
    counts: dict[str, Count] = field(default_factory=dict)
    #: (Name of a list, span) of what could not be read whole, or was not come to.
    not_read: list[tuple[str, Span]] = field(default_factory=list)
    #: Why the run ended before its end; empty if it did not.
    error: str = ""
    #: Whether it ended as it had had its calls or its time: the next run need only go on.
    is_to_be_continued: bool = False
    #: Whether that was its time.
    is_out_of_time: bool = False
    #: Calls to Zenvia.
    calls: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything of the span was compared, and what was missing recovered if that was wanted."""
        return not self.error and not self.not_read

    @property
    def missing(self) -> int:
        return sum(count.missing for count in self.counts.values())

    @property
    def recovered(self) -> int:
        return sum(count.recovered for count in self.counts.values())
