"""The set-up page, and the part of it that the app's index shows until a first event has reached a receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.db import connections, router, transaction
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from zenvia_webhooks.admin.setup import sending
from zenvia_webhooks.admin.setup.areas import AREAS, lines_of
from zenvia_webhooks.admin.setup.lines import Button, Line, Point, SetUpState
from zenvia_webhooks.admin.setup.snippets import Project
from zenvia_webhooks.diagnosis import Area, Finding, Severity, diagnose, readings
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.people.masking import may_see
from zenvia_webhooks.test_event.sending import last
from zenvia_webhooks.test_event.step import State
from zenvia_webhooks.test_event.steps import progress_of

TEMPLATE = "admin/zenvia_webhooks/setup/set_up.html"
#: So many of the oldest and of the newest deliveries tell whether one has ever succeeded.
LOOKED_AT = 100


def may_look(request: HttpRequest) -> bool:
    return request.user.has_perm("zenvia_webhooks.view_subscription") or sending.may_send(request)


def outside_of_transactions(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Exempt a view from ATOMIC_REQUESTS: on SQLite, the site that calls itself would wait for its own lock."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def page(request: HttpRequest, site: str, context: dict[str, Any]) -> HttpResponse:
    """Try everything, as the doctor does: some seconds, if something does not answer."""
    context |= {"title": _("Set up"), **_shown(request, site, diagnose(AREAS))}
    return TemplateResponse(request, TEMPLATE, context)


def on_index(request: HttpRequest, site: str) -> dict[str, Any] | None:
    """Return what the app's index shows of it: what our tables say, at once; None once an event reached a receiver."""
    if not may_look(request) or _has_delivered():
        return None
    return _shown(request, site, readings(AREAS))


def address(site: str) -> str:
    return reverse(f"{site}:zenvia_webhooks_subscription_set_up")


def usable() -> Subscription | None:
    """Return the newest subscription through which a test event may be sent, of leads if there is one."""
    rows = Subscription.objects.using(router.db_for_write(Subscription)).exclude(status=Subscription.Status.INACTIVE)
    good = [row for row in rows.order_by("-created_at", "-pk")[:LOOKED_AT] if sending.may_have_one(row)]
    return min(good, key=lambda row: "lead.created" not in row.topics, default=None)


def _shown(request: HttpRequest, site: str, findings: Iterable[Finding]) -> dict[str, Any]:
    found = list(findings)
    lines = lines_of(found, _project(request))
    # Before `migrate`, there are no tables to ask for a subscription.
    if not any(one.area == Area.DATABASE and one.severity == Severity.BROKEN for one in found):
        lines = [*_with_buttons(request, site, lines), _test_event(request, site)]
    done = sum(line.state == State.DONE for line in lines)
    return {"lines": lines, "done": done, "address": address(site)}


def has_begun() -> bool:
    """Tell whether there is something for the dashboard to show."""
    if usable() is not None:
        return True
    # By an index: `exists()` drops the order, and PostgreSQL would read the table from its start.
    events = Event.objects.using(router.db_for_write(Event)).order_by("pk")
    return events.values_list("pk", flat=True).first() is not None


def _with_buttons(request: HttpRequest, site: str, lines: list[Line]) -> list[Line]:
    """Give the line of the subscription, which is the last, its button."""
    if not request.user.has_perm("zenvia_webhooks.add_subscription") or lines[-1].state == State.DONE:
        return lines
    if usable() is None:
        to = reverse(f"{site}:zenvia_webhooks_subscription_add")
        button = Button(label=_("Add subscription"), address=to)
    else:
        to = reverse(f"{site}:zenvia_webhooks_subscription_changelist")
        button = Button(label=_("Subscriptions"), address=to)
    return [*lines[:-1], replace(lines[-1], buttons=[button])]


def _test_event(request: HttpRequest, site: str) -> Line:
    title, row = _("Test event"), usable()
    if row is None:
        return Line(title=title, state=State.OPEN, points=[Point(text=_("It needs a subscription."))])
    may_send, run = sending.may_send(request), last(row)
    buttons = [Button(label=_("Send a test event"), address=sending.address(site, row))] if may_send else []
    if run is None and not _has_delivered():
        text = _("It goes through the callback URL to every receiver, and shows each step of the way.")
        return Line(title=title, state=SetUpState.TO_DO, points=[Point(text=text)], buttons=buttons)
    if run is None:
        point = Point(text=_("An event has reached a receiver."))
        return Line(title=title, state=State.DONE, points=[point], buttons=buttons)
    progress = progress_of(row, run, sees=may_see(request))
    return Line(title=title, state=progress.state, points=[Point(text=progress.text)], buttons=buttons)


def _has_delivered() -> bool:
    """Tell whether a receiver has ever succeeded, as far as a bounded look tells."""
    rows = Delivery.objects.using(router.db_for_write(Delivery)).values_list("status", flat=True)
    return any(Delivery.Status.SUCCEEDED in rows.order_by(order)[:LOOKED_AT] for order in ("pk", "-pk"))


def _project(request: HttpRequest) -> Project:
    return Project(origin=f"{request.scheme}://{request.get_host()}")
