"""The lines of the set-up page that are made of what a diagnosis found, in the order in which one sets up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks.admin.setup.lines import Line, Point, SetUpState
from zenvia_webhooks.admin.setup.snippets import Project, snippets_for
from zenvia_webhooks.diagnosis import Area, Finding, Severity
from zenvia_webhooks.test_event.step import State


class Group(NamedTuple):
    title: str | Promise
    areas: Sequence[Area]


GROUPS = (
    Group(gettext_lazy("Settings and database"), (Area.SETTINGS, Area.DATABASE)),
    Group(gettext_lazy("Key and contract"), (Area.KEY,)),
    Group(gettext_lazy("Callback URL"), (Area.CALLBACK,)),
    Group(gettext_lazy("Broker"), (Area.BROKER,)),
    Group(gettext_lazy("Worker"), (Area.WORKER,)),
    Group(gettext_lazy("Beat"), (Area.BEAT,)),
    Group(gettext_lazy("Receivers"), (Area.RECEIVERS,)),
    Group(gettext_lazy("Subscription"), (Area.COPY, Area.SUBSCRIPTIONS, Area.ZENVIA)),
)
AREAS = tuple(area for group in GROUPS for area in group.areas)
#: What is not there yet, rather than wrong.
TO_DO = {
    *(f"zenvia_webhooks.{name}" for name in ("W001", "W002", "W003", "W004", "W007")),
    *("unapplied-migration", "no-worker", "no-beat", "no-receivers", "no-subscription"),
}
#: What stands under another title than that of its area.
MOVED = {"zenvia_webhooks.W001": Area.KEY, "zenvia_webhooks.W002": Area.KEY}
STATES = {
    Severity.BROKEN: State.WRONG,
    Severity.WARNING: State.WARNING,
    Severity.SKIPPED: State.OPEN,
    Severity.OK: State.DONE,
}
#: The worst decides.
ORDER = (State.WRONG, SetUpState.TO_DO, State.WARNING, State.OPEN, State.DONE)


def lines_of(findings: Iterable[Finding], project: Project) -> list[Line]:
    """Return a line for each group; that of which nothing was looked at is still to come."""
    found = list(findings)
    return [_line(group, found, project) for group in GROUPS]


def _line(group: Group, findings: list[Finding], project: Project) -> Line:
    mine = [one for one in findings if MOVED.get(one.id, one.area) in group.areas]
    problems = [one for one in mine if one.is_problem]
    if not mine:
        return Line(title=group.title, state=State.OPEN, points=[Point(text=_("Not tried yet."))])
    # What was skipped for the sake of a problem says nothing more.
    shown = problems or [one for one in mine if one.severity == Severity.SKIPPED] or mine
    points = [Point(text=one.text, fix=one.fix, snippets=snippets_for(one.id, project)) for one in shown]
    states = {_state(one) for one in shown}
    worst = next((state for state in ORDER if state in states), State.DONE)
    return Line(title=group.title, state=worst, points=points)


def _state(finding: Finding) -> State | SetUpState:
    return SetUpState.TO_DO if finding.id in TO_DO else STATES[finding.severity]
