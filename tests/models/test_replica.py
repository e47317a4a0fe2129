"""A router that sends reads to a replica: what decides, or is shown to decide by, is read where it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.support import receivers
from tests.support.admin_pages import ADD, AT_ZENVIA, LIST, add, hidden, press, said, use_api
from tests.support.commands import KEY, register, run
from tests.support.replica import empty_replica
from tests.support.webhooks import envelope, payload, post
from zenvia_webhooks import subscriptions, tasks, wakeup
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.replay import job
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import lead_created, non_atomic

pytestmark = pytest.mark.django_db(transaction=True)

written = Subscription.objects.using("default")
EVENTS = "/admin/zenvia_webhooks/event/"


@pytest.fixture(autouse=True)
def _replica(settings: Any) -> Iterator[None]:
    with empty_replica(settings):
        yield


@pytest.fixture
def zenvia(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as sandbox:
        use_api(settings, sandbox.api_url)
        yield sandbox


@pytest.fixture
def failed() -> Event:
    """An event whose receiver fails once."""
    receivers.failures_left = 1
    lead_created.connect(receivers.flaky)
    row = Subscription.objects.create(topics=["lead.created"], status="active")
    pk = post(Client(), row, envelope(leadId="1")).json()["event"]  # type: ignore[attr-defined]  # the test client's
    dispatch_due()
    Event.objects.filter(pk=pk).update(status=Event.Status.FAILED, next_attempt_at=None)
    return Event.objects.using("default").get(pk=pk)


def test_nothing_is_in_the_replica() -> None:
    row = Subscription.objects.create()
    assert (written.get().pk, Subscription.objects.exists()) == (row.pk, False)


def test_a_webhook_its_repetition_and_its_retries(client: Client) -> None:
    row = Subscription.objects.create(topics=["lead.created"], status="active")
    receivers.failures_left = 1
    lead_created.connect(receivers.flaky)
    answers = [post(client, row, payload("lead_created")).json()["status"] for _ in range(2)]  # type: ignore[attr-defined]  # the test client's
    assert answers == ["accepted", "duplicate"]
    assert tasks.dispatch_events.apply().result == 1
    event = Event.objects.using("default").get()
    assert (event.status, event.duplicates) == ("retrying", 1)
    Event.objects.update(next_attempt_at=event.received_at)
    event.deliveries.using("default").update(next_attempt_at=event.received_at)
    assert dispatch_due() == 1
    event = Event.objects.using("default").get()
    assert (event.status, event.is_superseded) == ("dispatched", False)


bodies: list[bytes] = []


def reads_the_body(sender: Any, event: Event, **kwargs: Any) -> None:
    bodies.append(event.body)


async def awaits_the_body(sender: Any, event: Event, **kwargs: Any) -> None:
    bodies.append(event.body)


def test_a_body_which_a_receiver_asks_for() -> None:
    for receiver in (reads_the_body, non_atomic(awaits_the_body)):
        lead_created.connect(receiver)
    row = Subscription.objects.create(topics=["lead.created"], status="active")
    post(Client(), row, envelope(leadId="1"))
    dispatch_due()
    assert bodies == [envelope(leadId="1")] * 2


def test_a_replay(failed: Event) -> None:
    assert failed.replay() == ["tests.support.receivers.flaky"]
    dispatch_due()
    assert Event.objects.using("default").get().status == "dispatched"


def test_a_replay_by_command(failed: Event) -> None:
    printed, error = run("zenvia_replay_events", "--no-input")
    assert (error, "1 event" in printed) == ("", True), printed
    dispatch_due()
    assert Event.objects.using("default").get().status == "dispatched"


def test_a_replay_in_the_admin(admin_client: Client, failed: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "send", lambda _task, **_arguments: None)
    assert admin_client.get(f"{EVENTS}{failed.pk}/change/").status_code == 200
    chosen = {"action": "replay_selected", "_selected_action": [failed.pk]}
    [(address, _status)] = admin_client.post(EVENTS, chosen, follow=True).redirect_chain
    asked = {"number": hidden(admin_client, address, "number"), "mode": "missing"}
    assert admin_client.post(address, asked, follow=True).status_code == 200
    job.advance(TaskRun.objects.using("default").get(task="zenvia_webhooks.replay_events").state["turn"])
    assert Event.objects.using("default").get().status == "retrying"


def test_a_replay_through_the_api(admin_client: Client, failed: Event) -> None:
    path = f"/zenvia/api/events/{failed.pk}/replay/"
    assert admin_client.post(path, content_type="application/json").status_code == 202
    assert admin_client.get(f"/zenvia/api/events/{failed.pk}/").json()["status"] == "retrying"
    Event.objects.update(status=Event.Status.PENDING)
    again = admin_client.post(path, content_type="application/json")
    assert (again.status_code, again.json()["detail"][:20]) == (409, "The event is pending")
    [listed] = admin_client.get("/zenvia/api/events/?order=newest").json()["results"]
    assert listed["status"] == "pending"


def test_the_life_of_a_subscription_by_command(zenvia: Sandbox) -> None:
    assert "registered at Zenvia as" in register("--topic", "lead.created")[0]
    assert register("--topic", "lead.created")[1] == ""
    row = written.get()
    assert run("zenvia_sync_subscriptions", "--apply")[1] == ""
    old = row.token
    assert run("zenvia_change_subscription", str(row.pk), "--rotate")[1] == ""
    row = written.get()
    assert (row.status, row.token != old, row.previous_token) == ("active", True, old)
    assert run("zenvia_change_subscription", str(row.pk), "--topic", "quote.updated")[1] == ""
    assert written.get().topics == ["quote.updated"]
    assert len(zenvia.subscriptions) == 1
    assert subscriptions.compare_all() == 0
    assert run("zenvia_change_subscription", str(row.pk), "--deactivate")[1] == ""
    assert (written.get().status, zenvia.subscriptions) == ("inactive", [])


def test_the_life_of_a_subscription_in_the_admin(admin_client: Client, zenvia: Sandbox) -> None:
    made = add(admin_client)
    assert [level for level, _ in said(made)] == ["success"]
    row = written.get()
    assert made.redirect_chain[-1][0] == f"{LIST}{row.pk}/change/"
    assert "lead.created" in admin_client.get(LIST).content.decode()
    assert admin_client.get(AT_ZENVIA).status_code == 200
    for verb, fields in (("rotate", {"hours": "0"}), ("change-topics", {"topics": ["quote.updated"]})):
        assert [level for level, _ in said(press(admin_client, row.pk, verb, **fields))] == ["success"], verb
    assert written.get().topics == ["quote.updated"]
    assert [level for level, _ in said(press(admin_client, row.pk, "deactivate"))] == ["success"]
    assert [level for level, _ in said(press(admin_client, row.pk, "register-again"))] == ["success"]
    gone = admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}, follow=True)
    assert [level for level, _ in said(gone)] == ["success"]
    assert (written.exists(), zenvia.subscriptions) == (False, [])


def test_a_form_that_was_sent_already_is_refused(admin_client: Client, zenvia: Sandbox) -> None:
    fields = {"drawn": hidden(admin_client, ADD, "drawn")}
    add(admin_client, **fields)
    press(admin_client, written.get().pk, "deactivate")
    again = add(admin_client, **fields)
    assert (written.count(), "sent already" in again.content.decode()) == (1, True)


def test_an_event_is_sent_to_a_new_subscription(zenvia: Sandbox, unreachable: str, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = unreachable.partition("/zenvia")[0]
    row = Subscription.objects.create(topics=["lead.created"])
    for which in ([], ["--subscription", str(row.pk)]):
        assert "can't be reached" in run("zenvia_send_event", *which)[1]


def test_events_that_were_there_before_are_not_waited_for(zenvia: Sandbox) -> None:
    register("--topic", "lead.created")
    post(Client(), written.get(), envelope(leadId="1"))
    printed, error = register("--topic", "lead.created", "--wait", "--timeout", "0.1")
    assert error.startswith("No event within"), printed
