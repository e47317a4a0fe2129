"""The pages that ask before events are replayed, and show how far that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.models import Delivery, Event
from zenvia_webhooks.models.delivery import NOT_SUCCEEDED
from zenvia_webhooks.replay import job
from zenvia_webhooks.replay.selection import Selection
from zenvia_webhooks.signals import receivers_of

TEMPLATES = "admin/zenvia_webhooks/event"
#: The page that asks looks at so many events at most.
LOOKED_AT = 1000
#: Events that a replay may name one by one: their ids stand in an address.
MOST_IDS = 500

Status = Event.Status
#: What a replay can do nothing about now.
LEFT_ALONE = (Status.PENDING, Status.ERASED)


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a replay of a selection would meet, as far as it was looked at."""

    #: Of all that match: at most `LOOKED_AT`, and whether those are all.
    total: int
    is_all: bool
    statuses: Counter[str]
    #: Receiver → for how many it has not succeeded; among them who is connected and never had it.
    missing: Counter[str]
    #: Receivers that have succeeded for some, or could be run.
    others: list[str]

    @property
    def quarantined(self) -> int:
        return self.statuses[Status.QUARANTINED]

    @property
    def left_alone(self) -> int:
        return sum(self.statuses[status] for status in LEFT_ALONE)

    @property
    def replayable(self) -> int:
        return self.total - self.quarantined - self.left_alone

    @property
    def names(self) -> list[str]:
        return sorted({*self.missing, *self.others})


def preview_of(selection: Selection) -> Preview:
    """Look at the newest of what a selection holds. Costs the same, however many are stored."""
    matching = selection.newest().order_by("-pk")
    rows = list(matching.values_list("pk", "status", "topic")[: LOOKED_AT + 1])
    is_all, rows = len(rows) <= LOOKED_AT, rows[:LOOKED_AT]
    replayable = {pk: topic for pk, status, topic in rows if status not in (*LEFT_ALONE, Status.QUARANTINED)}
    deliveries = Delivery.objects.using(router.db_for_write(Delivery)).filter(event__in=list(replayable))
    missing: Counter[str] = Counter()
    seen = set()
    for event, receiver, status in deliveries.values_list("event", "receiver", "status"):
        seen.add((event, receiver))
        missing[receiver] += status in NOT_SUCCEEDED
    connected = _connected(replayable)
    for pk, topic in replayable.items():
        for name in connected[topic]:
            missing[name] += (pk, name) not in seen
    return Preview(
        total=len(rows),
        is_all=is_all,
        statuses=Counter(status for _pk, status, _topic in rows),
        missing=+missing,
        others=sorted(name for name, number in missing.items() if not number),
    )


def _connected(topics: dict[int, str]) -> dict[str, list[str]]:
    """Return topic → receivers connected in this process, by the newest event of each."""
    newest = {topic: pk for pk, topic in reversed(topics.items())}
    events = Event.objects.using(router.db_for_write(Event)).filter(pk__in=newest.values()).defer("body")
    return {topic: [] for topic in newest} | {event.topic: list(receivers_of(event, Event)) for event in events}


class ReplayForm(forms.Form):
    """Which receivers run."""

    MISSING, ONE, AGAIN = "missing", "one", "again"
    MODES = (
        (MISSING, _("Of each event, those that have not succeeded")),
        (ONE, _("One receiver, where it has not succeeded")),
        (AGAIN, _("One receiver, everywhere: where it has succeeded, it runs again and does its work once more")),
    )

    def __init__(self, data: Any, preview: Preview, receiver: str) -> None:
        super().__init__(data, initial={"mode": self.ONE if receiver else self.MISSING, "receiver": receiver})
        names = sorted({*preview.names, *([receiver] if receiver else [])})
        offered = {self.MISSING} if not names else {self.MISSING, self.ONE, self.AGAIN}
        if not preview.missing and not preview.quarantined:
            offered = {self.AGAIN}  # nothing else would do anything
        modes = [mode for mode in self.MODES if mode[0] in offered]
        self.fields["mode"] = forms.ChoiceField(label=_("Which receivers run"), widget=forms.RadioSelect, choices=modes)
        if names:
            choices = [("", "---------"), *((name, name) for name in names)]
            self.fields["receiver"] = forms.ChoiceField(label=_("Receiver"), required=False, choices=choices)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("mode") in (self.ONE, self.AGAIN) and not cleaned.get("receiver"):
            self.add_error("receiver", gettext("Choose the receiver."))
        return cleaned

    def order(self, selection: Selection) -> job.Order:
        mode = self.cleaned_data["mode"]
        receiver = "" if mode == self.MISSING else self.cleaned_data["receiver"]
        return job.Order(selection=selection, receiver=receiver, again=mode == self.AGAIN)


def ask(model_admin: ModelAdmin[Any], request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Say what a replay would do; do it when it is sent."""
    selection = Selection.of_list(request.GET.dict())
    preview, row = preview_of(selection), job.find()
    gone = _gone(preview.missing)
    # One that would only fail again can be chosen, but is no proposal.
    form = ReplayForm(request.POST or None, preview, "" if selection.receiver in gone else selection.receiver)
    if request.method == "POST" and form.is_valid():
        return _start(model_admin, request, form.order(selection))
    context |= {
        "title": _("Read again?") if preview.total and preview.quarantined == preview.total else _("Replay?"),
        "form": form,
        "preview": preview,
        "missing": [(name, number, name in gone) for name, number in preview.missing.most_common()],
        "number": job.last_number(),
        "running": row if row and row.finished_at is None else None,
        "back": _back(model_admin, selection),
    }
    return TemplateResponse(request, f"{TEMPLATES}/replay.html", context)


def _gone(names: Iterable[str]) -> set[str]:
    """Return the receivers that no worker has connected, by what the last one noted: they would only fail again."""
    worker = heartbeat.last(heartbeat.WORKER)
    connected = worker.receivers if worker else []
    # It names so many at most.
    return set() if not 0 < len(connected) <= heartbeat.MAX_NAMED else {*names} - {*connected}


def _start(model_admin: ModelAdmin[Any], request: HttpRequest, order: job.Order) -> HttpResponse:
    number = request.POST.get("number", "")
    if job.start(order, after=int(number) if number.isdecimal() and len(number) < 19 else -1):
        _log(model_admin, request, order)
    else:
        text = gettext("Nothing more was begun: a replay is under way, or was begun since that page was opened.")
        model_admin.message_user(request, text, messages.WARNING)
    return HttpResponseRedirect(reverse(f"{model_admin.admin_site.name}:zenvia_webhooks_event_replay_progress"))


def _log(model_admin: ModelAdmin[Any], request: HttpRequest, order: job.Order) -> None:
    what = order.receiver or gettext("receivers that have not succeeded")
    text = gettext("Replayed: %(receivers)s.") % {"receivers": what}
    events = list(order.selection.events().only("pk", "topic", "status")) if order.selection.ids else []
    for event in events:
        model_admin.log_change(request, event, text)
    if not events:
        LogEntry.objects.create(
            user=cast("User", request.user),
            content_type=get_content_type_for_model(Event),
            object_repr=gettext("Events: %(filter)s") % {"filter": urlencode(order.selection.as_parameters())},
            action_flag=CHANGE,
            change_message=text,
        )


def progress(model_admin: ModelAdmin[Any], request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show how far the last replay is."""
    row = job.find()
    if row is None or not row.state:
        return HttpResponseRedirect(_back(model_admin, Selection()))
    state = job.State(**row.state)
    order = state.wanted()
    silent = row.finished_at is None and now() - datetime.fromisoformat(state.seen_at) > job.SILENCE
    context |= {
        "title": _("Replay"),
        "row": row,
        "total": max(row.total or 0, row.done),
        "counts": {name: state.counts.get(name, 0) for name in ("replayed", "read", "left")},
        "order": order,
        "is_silent": silent,
        "back": _back(model_admin, order.selection),
    }
    return TemplateResponse(request, f"{TEMPLATES}/replay_progress.html", context)


def stop(model_admin: ModelAdmin[Any], request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    job.stop()
    return HttpResponseRedirect(reverse(f"{model_admin.admin_site.name}:zenvia_webhooks_event_replay_progress"))


def address_of(model_admin: ModelAdmin[Any], selection: Selection) -> str:
    """Return where the page is that asks about a selection."""
    path = reverse(f"{model_admin.admin_site.name}:zenvia_webhooks_event_replay")
    return f"{path}?{urlencode(selection.as_parameters())}"


def _back(model_admin: ModelAdmin[Any], selection: Selection) -> str:
    site = model_admin.admin_site.name
    if len(selection.ids) == 1:
        return reverse(f"{site}:zenvia_webhooks_event_change", args=selection.ids)
    path = reverse(f"{site}:zenvia_webhooks_event_changelist")
    shown = {} if selection.ids else selection.as_parameters()
    return f"{path}?{urlencode(shown)}" if shown else path


def require(request: HttpRequest) -> None:
    """Raises PermissionDenied for whoever may not replay."""
    if not may_replay(request):
        raise PermissionDenied


def may_replay(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("zenvia_webhooks.replay_event"))
