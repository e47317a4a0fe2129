"""A step of a test event's way, as a value: whoever shows it adds nothing."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    DONE = "done", _("done")
    #: It goes on by itself, in seconds.
    WAITING = "waiting", _("under way")
    #: The event goes on, but not as it should.
    WARNING = "warning", _("look at it")
    WRONG = "wrong", _("wrong")
    #: Not begun: an earlier step is not done.
    OPEN = "open", _("to come")


@dataclass(frozen=True, kw_only=True)
class Step:
    title: str
    state: State
    #: One line, for people.
    text: str = ""
    #: What to do, for people; empty if there is nothing to do.
    fix: str = ""
    #: The words of somebody else's code.
    detail: str = ""
    #: The event to look at.
    event: int | None = None
