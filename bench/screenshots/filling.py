"""A week of a made-up site: what came, how it was delivered, and what is wrong with it."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.utils.timezone import localtime, now

from bench.screenshots.pages import ERP
from tests.support.factories import make_subscription
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.erasure.erase import erase
from zenvia_webhooks.erasure.person import by_events
from zenvia_webhooks.models import Delivery, Event, Recovery, Subscription, TaskRun
from zenvia_webhooks.replay import job
from zenvia_webhooks.replay.selection import Selection
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.schedule import REPLAY_TASK
from zenvia_webhooks.webhook.intake import store

#: How long a receiver takes at most, in milliseconds.
SLOWEST = 1800
ELSEWHERE = "https://atendimento.example.org/hooks/zenvia"
AGENCY = "https://agencia.example.org/zenvia"
COPIED = "https://homologacao.example.net/zenvia/webhook/"

#: The receiver that gives some people up, the end of their numbers, and one that is connected no more.
GREETING, NOT_REACHED, GONE = "sales.receivers.send_greeting", "00007", "sales.receivers.assign_seller"
#: For so long has a receiver failed for all.
OUTAGE = timedelta(minutes=50)
REFUSED = "Zenvia answered 409: a subscription for this topic exists already."

Status = Event.Status


def fill(zenvia: Sandbox, chance: random.Random) -> dict[str, int | str]:
    """Fill an empty site; return `Site.shown`."""
    rows = _subscriptions(zenvia)
    _events(zenvia, rows["conversion"], chance)
    strange = _strange(rows["conversion"])
    _as_if_delivered_then(chance)
    _recovered()
    Subscription.objects.update(last_event_at=now() - timedelta(minutes=3))
    return {**{name: row.pk for name, row in rows.items()}, **strange, **_shown()}


def _subscriptions(zenvia: Sandbox) -> dict[str, Subscription]:
    """Register some, beside what others have at Zenvia."""
    zenvia.add(["quote.updated"], ELSEWHERE)
    zenvia.add(["prospects"], AGENCY, "conversion")
    topics = ["lead.created", "quote.updated", "interaction.created"]
    conversion = make_subscription(account="showroom", contract="conversion", topics=topics, remote_id="")
    wire = ["prospects", "quotes", "interactions"]
    conversion.remote_id = zenvia.add(wire, conversion.registered_url, "conversion").id
    conversion.last_synced_at = now() - timedelta(minutes=4)
    conversion.save()
    return {"conversion": conversion, "active": make_subscription(at=zenvia)}


def _events(zenvia: Sandbox, subscription: Subscription, chance: random.Random) -> None:
    """Have a week happen, busier by day than by night, and what happened arrive."""
    talking: list[str] = []
    for one in sorted([*_told(), *_week(chance)], key=lambda one: one.at):
        asks = one.topic == "lead.created"
        if not asks and not talking:
            continue
        of = None if asks else talking[-chance.randint(1, min(len(talking), one.among))]
        envelope = zenvia.history.happen(one.topic, one.kind, at=one.at, prospect_id=of, **one.fields)
        if asks:
            talking.append(envelope["prospect"]["id"])
        elif one.topic == "lead.archived":
            talking.remove(str(of))
        _arrive(subscription, envelope, one.at)


class Told(NamedTuple):
    """Something that happens."""

    at: datetime
    topic: str
    kind: str
    #: It is about one of so many who asked last.
    among: int = 6
    fields: Mapping[str, Any] = MappingProxyType({})


def _told() -> Iterator[Told]:
    """Yield what every picture needs, however few events there are."""
    moment = now()
    for hours in (160, 149, 141, 122, 99, 77, 43, 23, 9):
        yield Told(moment - timedelta(hours=hours), "lead.created", "phone")
    yield Told(moment - timedelta(hours=76), "quote.created", "pending")
    yield Told(moment - timedelta(hours=75), "quote.updated", "accepted")
    for hours, phone in ((70, "+55119001"), (44, "+54911002"), (27, "+5255003")):
        fields = {"phones": [f"{phone}{NOT_REACHED}"]}
        yield Told(moment - timedelta(hours=hours), "lead.created", "phone", fields=fields)
    yield Told(moment - timedelta(minutes=31), "lead.created", "phone")
    yield Told(moment - timedelta(minutes=29), "interaction.created", "inbound", among=1)
    yield Told(moment - timedelta(minutes=26), "quote.created", "pending", among=1)
    yield Told(moment - timedelta(minutes=4), "interaction.created", "inbound")


#: (topic, kind) → how often, of the sandbox.
KINDS = {
    ("lead.created", "phone"): 40,
    ("interaction.created", "inbound"): 26,
    ("interaction.created", "outbound"): 14,
    ("interaction.created", "note"): 1,
    ("interaction.resolved", "resolved"): 6,
    ("quote.created", "pending"): 8,
    ("quote.updated", "accepted"): 5,
    ("lead.archived", "archived"): 4,
}


def _week(chance: random.Random) -> Iterator[Told]:
    moments = [now() - timedelta(hours=chance.uniform(1, 7 * 24)) for _number in range(int(os.environ["SITE_EVENTS"]))]
    by_day = [one for one in moments if 8 <= localtime(one).hour < 21 or chance.random() < 0.25]
    lately = [now() - timedelta(minutes=chance.uniform(2, 45)) for _number in range(7)]
    for moment in (*by_day, *lately):
        yield Told(moment, *chance.choices(list(KINDS), list(KINDS.values()))[0])


def _arrive(subscription: Subscription, envelope: Mapping[str, Any] | bytes, moment: datetime) -> int:
    """Store what came at a moment of the past; return the event's id."""
    body = envelope if isinstance(envelope, bytes) else json.dumps(envelope, ensure_ascii=False).encode()
    headers = {"content-type": "application/json", "user-agent": "node-fetch/1.0"}
    taken = store(subscription, body, headers=headers, remote_addr="203.0.113.20")
    Event.objects.filter(pk=taken.event_id).update(received_at=moment + timedelta(seconds=1))
    dispatcher.dispatch_due(limit=1, may_hint=False)
    return taken.event_id


def _strange(subscription: Subscription) -> dict[str, int]:
    """Have come what is not understood, what comes again, and what is of a release that is gone."""
    moment = now() - timedelta(minutes=52)
    cut_off = b'{"topic": "lead.created", "eventTime": "2026-03-09T12:30:00Z", "data": {"name": "Concei'
    _arrive(subscription, cut_off, moment)
    unknown = {"notification": {"kind": "campaign.finished", "id": "c-2041"}, "sentAt": "2026-03-09T12:31:07Z"}
    quarantined = _arrive(subscription, unknown, moment + timedelta(minutes=7))
    return {"quarantined": quarantined}


def _as_if_delivered_then(chance: random.Random) -> None:
    """Have each event been delivered soon after it came, and what fails be as far with its attempts."""
    for event in Event.objects.prefetch_related("deliveries").order_by("pk"):
        took = timedelta(milliseconds=chance.randint(90, 900))
        for row in event.deliveries.all():
            milliseconds = (
                int(chance.expovariate(1 / 60)) + 8 if chance.random() < 0.97 else chance.randint(500, SLOWEST)
            )
            took += timedelta(milliseconds=milliseconds)
            row.duration_ms = milliseconds
            if row.finished_at:
                row.finished_at = event.received_at + took
            else:
                age = now() - event.received_at
                row.attempts = 3 + (age > timedelta(minutes=13))
                row.next_attempt_at = event.next_attempt_at = now() + timedelta(minutes=chance.randint(2, 25))
            row.save()
        if event.finished_at:
            event.finished_at = event.received_at + took
        event.save()


def _delivered_leads() -> QuerySet[Event]:
    return Event.objects.filter(topic="lead.created", status=Status.DISPATCHED).order_by("-pk")


def _recovered() -> None:
    """Have some of them come late, through what Zenvia lists."""
    recovered, twice = list(_delivered_leads()[1:3]), list(_delivered_leads()[3:5])
    Event.objects.filter(pk__in=[one.pk for one in recovered]).update(origin=Event.Origin.RECOVERED, subscription=None)
    Event.objects.filter(pk__in=[one.pk for one in twice]).update(duplicates=1)
    moment = now()
    Recovery.objects.create(
        account="showroom",
        runner=Recovery.Runner.TASK,
        since=moment - timedelta(hours=26),
        until=moment - timedelta(minutes=6),
        counts={"prospects": {"listed": 96, "here": 94, "recovered": 2}},
        whole_until=moment - timedelta(minutes=6),
        started_at=moment - timedelta(minutes=5),
        seen_at=moment - timedelta(minutes=4),
        finished_at=moment - timedelta(minutes=4),
    )


def _shown() -> dict[str, int | str]:
    """Return the events that have a page of their own in the pictures."""
    failing = Delivery.objects.filter(receiver=ERP, status=Delivery.Status.RETRYING, event__topic="lead.created")
    # Of somebody who wrote as well.
    shown = max((row.event for row in failing), key=lambda event: (_others(event), event.pk))
    given_up = list(Delivery.objects.filter(receiver=GREETING, status=Delivery.Status.FAILED).order_by("-pk"))
    dismissed = given_up[1]
    assert dismissed.dismiss()
    Delivery.objects.filter(pk=dismissed.pk).update(finished_at=dismissed.event.received_at + timedelta(hours=3))
    gone = given_up[2]
    Delivery.objects.filter(pk=gone.pk).update(status=Delivery.Status.GONE, receiver=GONE, error="NotConnectedError")
    fine = Event.objects.filter(topic="quote.updated", status=Status.DISPATCHED).order_by("-pk").first()
    recovered = Event.objects.filter(origin=Event.Origin.RECOVERED).first()
    assert fine is not None
    assert recovered is not None
    erased = _delivered_leads()[5]
    erase(by_events(Event.objects.filter(pk=erased.pk)))
    pending = Event.objects.filter(topic="interaction.created").order_by("-pk")[0]
    Event.objects.filter(pk=pending.pk).update(status=Status.PENDING, next_attempt_at=now(), finished_at=None)
    pending.deliveries.all().delete()
    return {
        "failing": shown.pk,
        "phone": (shown.lead and shown.lead.phone) or "",
        "erased": erased.pk,
        "fine": fine.pk,
        "recovered": recovered.pk,
        "dismissed": dismissed.event_id,
        "given_up": given_up[0].event_id,
    }


def _others(event: Event) -> int:
    mine = event.keys.filter(kind="lead").values("digest")
    return Event.objects.filter(keys__kind="lead", keys__digest__in=mine).count()


def replay() -> None:
    """Have a replay be under way that a worker is in the middle of."""
    moment = now()
    order = job.Order(selection=Selection(receiver=ERP))
    state = job.State(number=1, turn=1, seen_at=(moment + timedelta(days=1)).isoformat(), counts={"replayed": 41})
    state.order = {**asdict(order), "selection": order.selection.as_json()}
    columns = {"started_at": moment, "finished_at": None, "done": 43, "total": 96}
    state.counts["left"] = 2
    TaskRun.objects.update_or_create(task=REPLAY_TASK, defaults={**columns, "state": asdict(state)})


def stop_replaying() -> None:
    job.stop()


def trouble() -> dict[str, int | str]:
    """Have registrations be in each of the ways in which they are not as they should be."""
    rows = {
        "failed": make_subscription(topics=["quote.updated"], status="failed", remote_id="", last_error=REFUSED),
        "missing": make_subscription(topics=["interaction.resolved"], status="missing", remote_id="subscription9"),
        "foreign": make_subscription(remote_id="subscription4", registered_url=f"{COPIED}{'0' * 64}/"),
        "quiet": make_subscription(topics=["agent.created"], remote_id="subscription7"),
        "inactive": make_subscription(status="inactive", remote_id=""),
    }
    for name, hours in {"missing": 3, "quiet": 75}.items():
        row = Subscription.objects.filter(pk=rows[name].pk)
        row.update(last_event_at=now() - timedelta(hours=hours), absent_since=now() - timedelta(hours=hours))
    return {name: row.pk for name, row in rows.items()}


def work() -> None:
    """Do what a worker does, once."""
    dispatcher.dispatch_due(may_hint=False)


def empty() -> None:
    """Be a site on which nothing has happened yet."""
    for model in (Event, Subscription, Recovery, TaskRun):
        model._default_manager.all().delete()


def mend() -> None:
    """Have everything be in order."""
    Subscription.objects.exclude(last_event_at__gt=now() - timedelta(hours=1)).delete()
    Event.objects.filter(status__in=(Status.QUARANTINED, Status.UNHANDLED)).delete()
    Delivery.objects.filter(status=Delivery.Status.GONE).delete()
    soon = F("received_at") + timedelta(seconds=1)
    done = {"status": Status.DISPATCHED, "next_attempt_at": None, "finished_at": soon}
    Event.objects.exclude(status__in=(Status.DISPATCHED, Status.ERASED)).update(**done)
    failing = Delivery.objects.exclude(status=Delivery.Status.SUCCEEDED)
    failing.update(status=Delivery.Status.SUCCEEDED, error="", next_attempt_at=None, finished_at=now())
