"""The pages that ask before a replay, and show how far it is."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils.timezone import now

from tests.support import receivers
from tests.support.admin_pages import hidden, said, user_with
from tests.support.webhooks import arrived, post
from zenvia_webhooks import wakeup
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.replay import job
from zenvia_webhooks.signals import lead_created

LIST = "/admin/zenvia_webhooks/event/"
REPLAY = f"{LIST}replay/"
NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETRY_DELAYS": []}
    monkeypatch.setattr(wakeup, "send", lambda _task, **arguments: None)


@pytest.fixture
def events() -> list[Event]:
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    made = [arrived() for _ in range(2)]
    dispatch_due()
    receivers.calls.clear()
    return made


def send(client: Client, address: str, **fields: Any) -> Any:
    """Open the page that asks and send it; follow to where it leads."""
    return client.post(address, {"number": hidden(client, address, "number"), "mode": "missing", **fields}, follow=True)


def run_all() -> list[tuple[str, int]]:
    turn = TaskRun.objects.get(task="zenvia_webhooks.replay_events").state["turn"]
    while job.advance(turn):
        pass
    dispatch_due()
    return sorted(receivers.calls)


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", response.content.decode())).split())


def test_a_selection_is_asked_about_and_replayed(admin_client: Client, events: list[Event]) -> None:
    ids = [event.pk for event in events]
    asking = admin_client.post(LIST, {"action": "replay_selected", "_selected_action": ids}, follow=True)
    assert "2 events match" in text_of(asking)
    assert f"{BROKEN} has not succeeded for 2 events" in text_of(asking)
    address = asking.redirect_chain[-1][0]
    done = send(admin_client, address)
    assert "0 of 2 events" in text_of(done)
    assert run_all() == [("broken", pk) for pk in ids]
    assert "2 of 2 events" in text_of(admin_client.get(f"{REPLAY}progress/"))
    assert LogEntry.objects.count() == 2


def test_all_that_match_the_filters_are_replayed_by_a_stored_filter(admin_client: Client, events: list[Event]) -> None:
    Event.objects.filter(pk=events[0].pk).update(account="other")
    page = admin_client.get(f"{LIST}?status=failed&account=default&receiver={BROKEN}").content.decode()
    found = re.search(r'href="([^"]*/replay/[^"]*)"', page)
    assert found is not None
    send(admin_client, unescape(found[1]))
    assert TaskRun.objects.get(task="zenvia_webhooks.replay_events").state["order"]["selection"] == {
        "statuses": ["failed"],
        "account": "default",
        "receiver": BROKEN,
    }
    assert run_all() == [("broken", events[1].pk)]
    across = {"action": "replay_selected", "_selected_action": [events[0].pk], "select_across": "1"}
    assert admin_client.post(f"{LIST}?status=failed", across).headers["Location"] == f"{REPLAY}?status=failed"


def test_one_receiver_runs_again_where_it_succeeded_only_when_chosen(admin_client: Client, events: list[Event]) -> None:
    address = f"{REPLAY}?ids={events[0].pk}"
    assert "Choose the receiver" in text_of(send(admin_client, address, mode="again", receiver=""))
    send(admin_client, address, mode="again", receiver=NOTE)
    assert run_all() == [("note", events[0].pk)]


def test_what_succeeded_everywhere_offers_nothing_but_a_receiver_by_name(admin_client: Client) -> None:
    lead_created.connect(receivers.note)
    event = arrived()
    dispatch_due()
    page = admin_client.get(f"{REPLAY}?ids={event.pk}")
    assert "Every receiver has succeeded" in text_of(page)
    assert 'value="missing"' not in page.content.decode()
    assert "zenvia_webhooks.replay_events" not in send(admin_client, f"{REPLAY}?ids={event.pk}").wsgi_request.path
    assert job.find() is None


def test_an_id_that_can_not_be_read_stands_for_no_event(admin_client: Client, events: list[Event]) -> None:
    for wrong in ("x", "1.5", "9" * 30):
        assert admin_client.get(f"{REPLAY}?ids={wrong}").context["preview"].total == 0
        assert not admin_client.get(f"{LIST}?subscription={wrong}").context["cl"].result_list
    assert admin_client.get(f"{REPLAY}?ids=x,{events[0].pk}").context["preview"].total == 1
    assert admin_client.get(f"{REPLAY}?ids=").context["preview"].total == 2


def test_a_second_press_runs_nothing_twice(admin_client: Client, events: list[Event]) -> None:
    address = f"{REPLAY}?ids={events[0].pk}"
    fields = {"number": hidden(admin_client, address, "number"), "mode": "again", "receiver": NOTE}
    admin_client.post(address, fields)
    assert run_all() == [("note", events[0].pk)]
    response = admin_client.post(address, fields, follow=True)
    assert said(response)[0][0] == "warning"
    assert run_all() == [("note", events[0].pk)]


def test_quarantined_events_are_read_again_and_pending_ones_offer_nothing(
    admin_client: Client, subscription: Subscription
) -> None:
    post(admin_client, subscription, b"nothing")
    event = Event.objects.get()
    page = text_of(admin_client.get(f"{LIST}{event.pk}/change/"))
    assert "Read again" in page
    assert "Replay" not in page
    page = text_of(admin_client.get(f"{REPLAY}?ids={event.pk}"))
    assert "1 event that was not understood is read again" in page
    send(admin_client, f"{REPLAY}?ids={event.pk}")
    run_all()
    assert "1 event was left as it is" in text_of(admin_client.get(f"{REPLAY}progress/"))
    pending = arrived()
    assert f"{REPLAY}?ids=" not in admin_client.get(f"{LIST}{pending.pk}/change/").content.decode()
    assert "Nothing can be replayed" in text_of(admin_client.get(f"{REPLAY}?ids={pending.pk}"))
    for status, words in {"quarantined": "Read all that match again", "failed": "Replay all that match"}.items():
        assert words in text_of(admin_client.get(f"{LIST}?status={status}"))
    for status in ("pending", "erased"):
        assert f"{REPLAY}?" not in admin_client.get(f"{LIST}?status={status}").content.decode()


def test_a_receiver_that_no_worker_has_is_said_to_be_gone(admin_client: Client, events: list[Event]) -> None:
    address = f"{REPLAY}?ids={events[0].pk}"
    assert "connected in no worker" not in text_of(admin_client.get(address))
    TaskRun.objects.create(task=heartbeat.WORKER, started_at=now(), note=f"lead_created: {NOTE}")
    assert "has not succeeded for 1 event It is connected in no worker" in text_of(admin_client.get(address))


def test_a_receiver_is_proposed_unless_no_worker_has_it(admin_client: Client, events: list[Event]) -> None:
    address = f"{REPLAY}?receiver={BROKEN}"
    chosen, proposed = f'<option value="{BROKEN}" selected>', 'value="one" required id="id_mode_1" checked'
    page = admin_client.get(address).content.decode()
    assert chosen in page
    assert proposed in page
    TaskRun.objects.create(task=heartbeat.WORKER, started_at=now(), note=f"lead_created: {NOTE}")
    page = admin_client.get(address).content.decode()
    assert f'<option value="{BROKEN}">' in page
    assert proposed not in page


def test_nobody_replays_without_the_permission(client: Client, events: list[Event]) -> None:
    client.force_login(user_with("view_event"))
    address = f"{REPLAY}?ids={events[0].pk}"
    assert "replay/" not in client.get(f"{LIST}{events[0].pk}/change/").content.decode()
    assert "replay_selected" not in client.get(LIST).content.decode()
    for response in (
        client.get(address),
        client.post(address, {"number": 0, "mode": "missing"}),
        client.get(f"{REPLAY}progress/"),
        client.post(f"{REPLAY}stop/"),
    ):
        assert response.status_code == 403
    # What somebody's browser sends all the same.
    client.post(LIST, {"action": "replay_selected", "_selected_action": [events[0].pk]})
    assert job.find() is None


def test_replay_is_protected_against_forgery(admin_user: User, events: list[Event]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    fields = {"number": 0, "mode": "missing"}
    assert client.post(f"{REPLAY}?ids={events[0].pk}", fields).status_code == 403
    assert client.post(f"{REPLAY}stop/").status_code == 403
    assert client.get(f"{REPLAY}stop/").status_code == 405


def test_what_the_page_that_asks_costs_does_not_grow(
    admin_client: Client, events: list[Event], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12):
        admin_client.get(f"{REPLAY}?status=failed")
