"""What the templates of this room show: lines with a state, and under each what was found and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.test_event.step import State, Step

#: State → the look of its badge, as of a status: see admin.css.
LOOKS = {
    "done": "succeeded",
    "waiting": "pending",
    "todo": "pending",
    "warning": "pending",
    "wrong": "failed",
    "open": "open",
}


class SetUpState(TextChoices):
    """Of a line of the set-up page; the others are those of `State`."""

    TO_DO = "todo", _("to do")


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """Something to paste."""

    #: Where it goes, such as "In mysite/settings.py:".
    where: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Point:
    text: str
    fix: str = ""
    detail: str = ""
    #: The page to look at, if it may be.
    address: str = ""
    snippets: Sequence[Snippet] = ()


@dataclass(frozen=True, kw_only=True)
class Button:
    label: str | Promise
    address: str


@dataclass(frozen=True, kw_only=True)
class Line:
    title: str | Promise
    state: State | SetUpState
    points: Sequence[Point] = ()
    buttons: Sequence[Button] = ()

    @property
    def look(self) -> str:
        return LOOKS[self.state]


def line_of(step: Step, address: str) -> Line:
    """Return a step of a test event as a line; `address` is where its event is, empty if it may not be looked at."""
    point = Point(text=step.text, fix=step.fix, detail=step.detail, address=address if step.event else "")
    return Line(title=step.title, state=step.state, points=[point] if step.text else [])
