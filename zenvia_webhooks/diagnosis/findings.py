"""What a diagnosis finds, as values: whoever shows them adds nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from django.db.models import TextChoices
from django.utils.timesince import timesince
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class Severity(TextChoices):
    OK = "ok", gettext_lazy("ok")
    #: Not looked at, as something that it needs is not there.
    SKIPPED = "skipped", gettext_lazy("skipped")
    #: Something to look at; events come in and go out.
    WARNING = "warning", gettext_lazy("warning")
    #: Events don't come in, or don't go out.
    BROKEN = "broken", gettext_lazy("broken")


class Area(TextChoices):
    """What is looked at, in this order."""

    SETTINGS = "settings", gettext_lazy("settings")
    DATABASE = "database", gettext_lazy("database")
    BROKER = "broker", gettext_lazy("broker")
    WORKER = "worker", gettext_lazy("worker")
    BEAT = "beat", gettext_lazy("beat")
    RECEIVERS = "receivers", gettext_lazy("receivers")
    KEY = "key", gettext_lazy("key")
    CALLBACK = "callback", gettext_lazy("callback")
    COPY = "copy", gettext_lazy("copy")
    SUBSCRIPTIONS = "subscriptions", gettext_lazy("subscriptions")
    #: Its list of subscriptions, beside ours.
    ZENVIA = "zenvia", gettext_lazy("zenvia")
    #: The receivers that fail, and with what.
    DELIVERIES = "deliveries", gettext_lazy("deliveries")
    EVENTS = "events", gettext_lazy("events")
    #: What Zenvia says that happened, beside our events.
    RECOVERY = "recovery", gettext_lazy("recovery")


@dataclass(frozen=True, kw_only=True)
class Link:
    """What a finding is about, for a page to lead there: the row of that key, else the list with these filters."""

    model: Literal["event", "subscription"]
    pk: int | None = None
    #: Of the events, or of the subscriptions.
    status: str = ""
    #: A receiver that has not succeeded with these events.
    receiver: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at, and how it is. Never holds a key or a token."""

    #: The same kind of finding has the same one, such as "no-worker"; a system check's is that check's own.
    id: str
    area: Area
    severity: Severity
    #: One line, for people.
    text: str
    #: What to do, for people; empty if there is nothing to do.
    fix: str = ""
    #: More, in the words of somebody else's code, which may hold what is personal: for who may see events, never sent.
    detail: str = ""
    #: What tells it from others of the same kind, and whether it is news: such as a receiver's name, a row's key.
    about: str = ""
    link: Link | None = None

    @property
    def is_problem(self) -> bool:
        return self.severity in (Severity.WARNING, Severity.BROKEN)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether all is well, and what is not."""

    #: Worst first.
    problems: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        return self.problems[0].severity if self.problems else Severity.OK

    @property
    def text(self) -> str:
        """One line for people; `problems[0].fix` says what to do."""
        return self.problems[0].text if self.problems else _("Nothing is wrong.")


def ok(area: Area, text: str) -> Finding:
    return Finding(id=f"{area}-ok", area=area, severity=Severity.OK, text=text)


def skipped(area: Area, text: str) -> Finding:
    return Finding(id=f"{area}-skipped", area=area, severity=Severity.SKIPPED, text=text)


def warning(area: Area, kind: str, text: str, fix: str, **more: Any) -> Finding:
    return Finding(id=kind, area=area, severity=Severity.WARNING, text=text, fix=fix, **more)


def broken(area: Area, kind: str, text: str, fix: str, **more: Any) -> Finding:
    return Finding(id=kind, area=area, severity=Severity.BROKEN, text=text, fix=fix, **more)


def duration(seconds: float) -> str:
    """Return a length of time for people: "40 s", "3 minutes"."""
    if seconds < 60:
        return _("%(seconds)d s") % {"seconds": max(seconds, 0)}
    moment = now()
    return timesince(moment - timedelta(seconds=seconds), moment, depth=1).replace("\xa0", " ")


def count(number: int, *, is_all: bool) -> str:
    """Return a number of rows for people, where not all need have been counted."""
    return str(number) if is_all else _("%(number)d or more") % {"number": number}
