"""What is measured: every page, filter, order and search that admin, API and commands offer, by values of each kind.

A value is common, rare, absent, or was common once: each can lead a database astray in its own way.
"""

from __future__ import annotations

import io
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.management import call_command
from django.db.models import Max
from django.test import Client

from bench.stored.fill import BUSY_PERSON, ENDED_ACCOUNT, ENDED_TOPIC, RECEIVERS
from zenvia_webhooks.diagnosis import verdict
from zenvia_webhooks.dispatch.claims import claim_due, release
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.people import keys
from zenvia_webhooks.replay import job
from zenvia_webhooks.replay.selection import Selection

ADMIN, API = "/admin/zenvia_webhooks/", "/zenvia/api/"
#: Somebody with five events, and nobody.
PERSON, NOBODY = 7, 99_999_999
TOPICS = ("lead.created", "agent.updated", ENDED_TOPIC, "never.came")
#: The column of the admin's list that it can be sorted by, behind the boxes, person, topic and status.
RECEIVED = "4"
ACCOUNTS = ("default", "second", ENDED_ACCOUNT, "never")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Something that is asked for and answered."""

    name: str
    ask: Callable[[Client], Any] = field(compare=False)


def pages() -> Iterator[Page]:
    """Yield them all, for the database of this process."""
    yield from (_get(f"{ADMIN}{query}") for query in ("", "?days=7"))
    for query in _filters():
        yield _get(f"{ADMIN}event/?{urlencode(query)}")
        if "q" not in query and "o" not in query and "p" not in query:
            yield _get(f"{ADMIN}event/replay/?{urlencode(query)}")
    yield from _event_pages()
    first, last = (row.pk for row in (Subscription.objects.earliest("pk"), Subscription.objects.latest("pk")))
    yield from (_get(f"{ADMIN}subscription/{query}") for query in ("", f"{first}/change/", f"{last}/change/"))
    for query in _api_filters():
        yield _get(f"{API}events/?{urlencode(query)}")
    yield from _walks()
    yield from (_get(f"{API}deliveries/?{urlencode(query)}") for query in _delivery_filters())
    yield _get(f"{ADMIN}subscription/?status__exact=active")
    yield from (_get(f"{API}subscriptions/{query}") for query in ("", f"{first}/", "?status=active"))
    chosen = [{"topic": topic} for topic in TOPICS] + [{"receiver": receiver} for receiver in RECEIVERS]
    yield from (Page(name=f"a replay begins: {urlencode(query)}", ask=_begin(query)) for query in chosen)
    yield Page(name="a webhook", ask=_store)
    yield Page(name="a claim of 100", ask=_claim)
    yield Page(name="the verdict", ask=lambda client: verdict())
    for text in (phone(PERSON), phone(BUSY_PERSON), phone(NOBODY)):
        yield _command("zenvia_find", text)
    yield _command("zenvia_find", phone(NOBODY), quarantined=True)
    yield _command("zenvia_doctor")


def phone(person: int) -> str:
    return f"+55119{person:08}"


def readings(person: int) -> list[keys.Reading]:
    """Return what the events of a filled person are found by."""
    return [
        *(keys.Reading(kind=keys.LEAD, value=f"L{person}", account=account) for account in ("default", "second")),
        keys.Reading(kind=keys.EMAIL, value=f"ana{person}@example.com"),
        keys.Reading(kind=keys.PHONE, value=phone(person)),
    ]


def _filters() -> Iterator[dict[str, Any]]:
    """Yield what the admin's list can be narrowed and sorted by."""
    yield {}
    yield from ({"status": status} for status in Event.Status.values)
    yield from ({"topic": topic} for topic in (*TOPICS, "others"))
    yield from ({"account": account} for account in ACCOUNTS)
    yield from ({"receiver": receiver} for receiver in (*RECEIVERS, "never.was"))
    first, last = Subscription.objects.earliest("pk"), Subscription.objects.latest("pk")
    yield from ({"subscription": row.pk} for row in (first, last))
    yield from ({"o": order} for order in (RECEIVED, f"-{RECEIVED}"))
    yield from ({"p": page} for page in (2, 20))
    for person in (PERSON, BUSY_PERSON, NOBODY):
        yield from ({"q": text} for text in (phone(person), f"ana{person}@example.com", f"L{person}"))
    newest = Event.objects.latest("pk").received_at
    total = Event.objects.aggregate(last=Max("pk"))["last"]
    old = Event.objects.get(pk=total // 4).received_at
    spans = {
        "day": {"received_at__gte": newest - timedelta(days=1)},
        "week": {"received_at__gte": newest - timedelta(days=7)},
        "year": {"received_at__gte": newest - timedelta(days=365)},
        "old": {"received_at__gte": old, "received_at__lt": old + timedelta(minutes=5)},
        "before": {"received_at__lt": old},
    }
    yield from map(_as_text, spans.values())
    narrowed = ({"status": "failed"}, {"topic": "lead.created"}, {"topic": ENDED_TOPIC}, {"account": ENDED_ACCOUNT})
    for one in (*narrowed, *({"receiver": receiver} for receiver in RECEIVERS), {"q": phone(BUSY_PERSON)}):
        for span in ("week", "old", "before"):
            yield {**one, **_as_text(spans[span])}
    yield {"topic": "lead.created", "status": "failed"}
    yield {"topic": "agent.updated", "status": "failed"}
    yield {"account": "second", "status": "failed"}
    yield {"account": "second", "topic": "quote.updated"}
    yield {"account": ENDED_ACCOUNT, "topic": "lead.created"}
    yield {"status": "failed", "o": RECEIVED}
    yield {"topic": "lead.created", "o": RECEIVED}
    yield {"topic": "lead.created", "p": 20}
    yield {"status": "failed", "receiver": RECEIVERS[0]}
    yield {"topic": "lead.created", "receiver": RECEIVERS[0]}
    yield {"q": phone(PERSON), "topic": "lead.created"}


def _as_text(span: dict[str, datetime]) -> dict[str, str]:
    return {name: moment.isoformat() for name, moment in span.items()}


def _api_filters() -> Iterator[dict[str, Any]]:
    one_by_one: list[dict[str, Any]] = [
        {},
        *({"topic": topic} for topic in TOPICS),
        *({"status": status} for status in Event.Status.values if status != Event.Status.DISPATCHED),
    ]
    total = Event.objects.aggregate(last=Max("pk"))["last"]
    old = Event.objects.get(pk=total // 4).received_at
    recent = datetime.now(UTC) - timedelta(hours=1)
    times: list[dict[str, Any]] = [
        {"received_after": _moment(recent)},
        {"received_after": "2100-01-01"},
        {"received_before": _moment(recent)},
        {"received_before": "2000-01-01"},
        {"received_after": _moment(old), "received_before": _moment(old + timedelta(minutes=5))},
    ]
    for query in (*one_by_one, *times):
        yield query
        yield {**query, "order": "oldest"}
    for person in (PERSON, BUSY_PERSON, NOBODY):
        yield {"about": phone(person)}
        yield {"about": phone(person), "order": "oldest"}
    for query in one_by_one[1:]:
        yield from ({**query, **span} for span in times)
    yield {"page_size": 1000}
    yield {"topic": "lead.created", "status": "failed"}
    yield {"topic": "agent.updated", "status": "failed"}
    yield {"topic": ENDED_TOPIC, "status": "failed"}


def _delivery_filters() -> Iterator[dict[str, Any]]:
    yield {}
    yield from ({"status": status} for status in Delivery.Status.values if status != Delivery.Status.SUCCEEDED)
    failed = Event.objects.filter(status="failed").latest("pk")
    yield {"event": failed.pk}
    yield {"event": failed.pk, "status": "failed"}


def _walks() -> Iterator[Page]:
    """Yield second pages, and pages from the middle of the table."""
    total = Event.objects.aggregate(last=Max("pk"))["last"]
    for query in (
        {},
        {"order": "oldest"},
        *({"topic": topic, "order": "oldest"} for topic in TOPICS),
        {"topic": TOPICS[0]},
    ):
        yield _get(f"{API}events/?{urlencode({**query, 'cursor': _cursor(total // 2)})}")
    yield _get(f"{API}deliveries/?{urlencode({'cursor': _cursor(total // 2)})}")


def _event_pages() -> Iterator[Page]:
    for status in Event.Status.values:
        event = Event.objects.filter(status=status).latest("pk")
        yield _get(f"{ADMIN}event/{event.pk}/change/", f"{ADMIN}event/…/change/ ({status})")
        yield _get(f"{ADMIN}event/{event.pk}/history/", f"{ADMIN}event/…/history/ ({status})")
        yield _get(f"{ADMIN}event/replay/?ids={event.pk}", f"{ADMIN}event/replay/?ids=… ({status})")
        yield _get(f"{API}events/{event.pk}/", f"{API}events/…/ ({status})")
    total = Event.objects.aggregate(last=Max("pk"))["last"]
    for person, pk in (("busy", total // 500 // 2 * 500), ("other", total // 2 + 10)):
        yield _get(f"{ADMIN}event/{pk}/change/", f"{ADMIN}event/…/change/ ({person} person)")
    for action in ("erase_selected", "replay_selected"):
        data = {"action": action, "_selected_action": [total // 2 + 10]}
        yield _post(f"{ADMIN}event/", data)


def _store(client: Client) -> None:
    """Post a webhook."""
    row = Subscription.objects.earliest("pk")
    data = {"leadId": uuid.uuid4().hex, "name": "Ana Souza", "phone": phone(PERSON)}
    body = {"topic": "lead.created", "eventTime": "2026-01-01T12:00:00Z", "data": data}
    path = f"/zenvia/webhook/{row.token}/"
    _checked(client.post(path, body, content_type="application/json"))


def _claim(client: Client) -> None:
    """Claim what is due, and release it."""
    claim = claim_due(100)
    release(claim, claim.events)


def _begin(query: dict[str, str]) -> Callable[[Client], None]:
    """Return what begins a replay and stops it before anything is replayed: no worker runs."""

    def ask(client: Client) -> None:
        assert job.start(job.Order(selection=Selection.of_list(query)), after=job.last_number())
        job.stop()

    return ask


def _get(address: str, name: str = "") -> Page:
    return Page(name=name or address.replace("2026-", ""), ask=lambda client: _checked(client.get(address)))


def _post(address: str, data: dict[str, Any]) -> Page:
    return Page(name=f"{address} {data['action']}", ask=lambda client: _checked(client.post(address, data)))


def _command(name: str, *arguments: str, **options: Any) -> Page:
    def run(client: Client) -> None:
        with suppress(SystemExit):  # the doctor has found something
            call_command(name, *arguments, **options, stdout=io.StringIO(), stderr=io.StringIO())

    return Page(name=" ".join([name, *arguments, *options]), ask=run)


def _checked(response: Any) -> Any:
    assert response.status_code in (200, 302), (response.status_code, response.content[:500])
    if hasattr(response, "render") and not response.is_rendered:
        response.render()
    return response


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cursor(position: int) -> str:
    return b64encode(urlencode({"p": position}).encode()).decode()
