"""What a test event's page says of each answer that the public URL may give, and of what comes after it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now
from django.utils.translation import override
from pytest_django.live_server_helper import LiveServer

from tests.support import receivers
from tests.support.account import make_account
from tests.support.factories import make_subscription
from tests.support.host import free_port
from tests.support.webhooks import envelope, path_of, post
from tests.support.wire import Wire, says
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.signals import lead_created
from zenvia_webhooks.test_event import sending
from zenvia_webhooks.test_event.samples import body_of_test, names_person, topics_of
from zenvia_webhooks.test_event.sending import last, send
from zenvia_webhooks.test_event.step import Step
from zenvia_webhooks.test_event.steps import Progress, progress_of
from zenvia_webhooks.webhook import intake, probe

TOKEN = "a1" * 32


def site(settings: Any, url: str, **account: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": make_account(**account)}, "CALLBACK_BASE_URL": url}


def progress(row: Subscription) -> Progress:
    run = last(row)
    assert run is not None
    return progress_of(row, run, sees=True)


def step(row: Subscription, title: str) -> Step:
    (found,) = [one for one in progress(row).steps if one.title == title]
    return found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (404, {"error": "unknown token"}, "does not know this subscription's token: 404."),
        (404, "<h1>Not found</h1>", "Something else than this site's webhook answers at {}: 404."),
        (400, "<h1>Bad Request</h1>", "Something else than this site's webhook answers at {}: 400."),
        (301, "", "{} redirects to https://elsewhere.example, and Zenvia does not follow."),
        (503, {"error": "try again later"}, "The webhook at {} can't store anything."),
        (429, {"error": "the bytes of today are used up"}, "refused it: 429, the bytes of today are used up."),
        (404, {"error": f"Cannot POST /zenvia/webhook/{TOKEN}/"}, "404, Cannot POST /zenvia/webhook/a1a1a1…/."),
        (200, {"status": "accepted", "event": 1}, ""),
    ],
)
def test_each_answer_is_told(settings: Any, status: int, body: object, text: str) -> None:
    with Wire() as wire:
        base = f"http://{wire.host}"
        site(settings, base)
        wire.script("POST", says(status, body, location="https://elsewhere.example/secret"))
        row = make_subscription(token=TOKEN)
        send(row, "lead.created")
    received, stored = step(row, "Received"), step(row, "Stored")
    if status == 200:
        assert (received.state, stored.state) == ("done", "wrong")
        assert stored.text == "Whoever answered did not store it in this site's database."
    else:
        assert (received.state, stored.state) == ("wrong", "open")
        assert text.format(base) in received.text
        assert received.fix
    assert progress(row).is_settled


@pytest.mark.django_db
def test_no_answer_is_told(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site(settings, f"http://127.0.0.1:{free_port()}")
    row = make_subscription()
    send(row, "lead.created")
    assert "can't be reached" in step(row, "Received").text
    assert progress(row).is_settled

    monkeypatch.setattr(sending, "PATIENCE", 0.2)
    with Wire() as wire:
        site(settings, f"http://{wire.host}")
        wire.script("POST", wire.says_nothing)
        row = make_subscription()
        send(row, "lead.created")
    late = step(row, "Received")
    assert "did not answer within" in late.text
    assert "Run two web workers or more" in late.fix
    assert not progress(row).is_settled  # it may come yet


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_waited_for_and_receivers_are_told(
    settings: Any, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(settings, live_server.url)
    monkeypatch.setattr(heartbeat, "_written_at", {})
    row = make_subscription()
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    send(row, "lead.created")
    assert step(row, "Received").state == step(row, "Stored").state == "done"
    Event.objects.update(received_at=now())
    assert step(row, "Worker").state == "waiting"

    Event.objects.update(received_at=now() - timedelta(seconds=5))
    assert step(row, "Worker").text == "No worker takes messages; there never was one."
    heartbeat.write(heartbeat.WORKER)
    assert step(row, "Worker").state == "waiting"
    Event.objects.update(received_at=now() - timedelta(seconds=20))
    assert step(row, "Worker").text.endswith("But it has not taken up this event.")

    dispatch_due()
    assert step(row, "Worker").state == "done"
    assert step(row, "tests.support.receivers.note").state == "done"
    failed = step(row, "tests.support.receivers.broken")
    assert (failed.state, progress(row).state) == ("wrong", "wrong")
    assert failed.detail
    run = last(row)
    assert run is not None
    hidden = progress_of(row, run, sees=False).steps[-1]
    assert failed.detail not in hidden.detail


@pytest.mark.django_db(transaction=True)
def test_nobody_is_connected(settings: Any, live_server: LiveServer) -> None:
    site(settings, live_server.url)
    row = make_subscription()
    send(row, "lead.created")
    dispatch_due()
    assert step(row, "Receivers").text == "No receiver is connected for this topic in the worker."
    assert progress(row).is_settled


@pytest.mark.django_db
def test_it_counts_as_a_test_by_its_mark_alone(client: Client) -> None:
    row = make_subscription()
    for number, mark in enumerate(("", "0" * 64, probe.mark("0" * 64), probe.mark(row.token))):
        assert post(client, row, envelope(leadId=str(number)), HTTP_X_ZENVIA_WEBHOOKS_TEST=mark).status_code == 200
        Subscription.objects.filter(pk=row.pk).exclude(last_event_at=None).update(last_event_at=None)
    assert list(Event.objects.order_by("pk").values_list("origin", flat=True)) == [*["webhook"] * 3, "test"]


@pytest.mark.django_db
def test_it_is_no_sign_of_life_of_zenvia(client: Client) -> None:
    row = make_subscription()
    post(client, row, envelope(leadId="1"), HTTP_X_ZENVIA_WEBHOOKS_TEST=probe.mark(row.token))
    row.refresh_from_db()
    assert row.last_event_at is None
    post(client, row, envelope(leadId="2"))
    row.refresh_from_db()
    assert row.last_event_at is not None


@pytest.mark.django_db
@pytest.mark.parametrize("contract", ["help_center", "conversion"])
def test_every_sample_is_understood_and_says_that_it_is_a_test(settings: Any, contract: str) -> None:
    site(settings, "https://crm.example.com", CONTRACT=contract)
    topics = ["lead.created", "quote.updated", "interaction.resolved", "agent.created"]
    row = make_subscription(topics=topics[:3] if contract == "help_center" else topics)
    assert topics_of(row)[0] == "lead.created"
    assert set(row.topics) <= set(topics_of(row)) | {"interaction.resolved"}
    for topic in topics_of(row):
        columns = intake.read(row.account, body_of_test(row, topic))
        assert columns["topic"] == topic
        is_named = "Test (do not call) · +5511900000000" in columns.get("summary", "")
        assert is_named == names_person(row, topic), topic


@pytest.mark.django_db
def test_its_name_is_in_the_language_of_whoever_sends_it(settings: Any) -> None:
    site(settings, "https://crm.example.com")
    row = make_subscription()
    names = []
    for language in ("pt-br", "es"):
        with override(language):
            names.append(json.loads(body_of_test(row, "lead.created"))["data"]["name"])
    assert names == ["Teste (não ligar)", "Prueba (no llamar)"]


@pytest.mark.django_db
def test_pages_are_shown_with_settings_that_cannot_be_read(settings: Any, admin_client: Client) -> None:
    row = make_subscription()
    with Wire() as wire:
        site(settings, f"http://{wire.host}")
        send(row, "lead.created")
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": 5}, "MAX_BYTES_PER_DAY": "much", "CALLBACK_BASE_URL": "crm"}
    page = f"/admin/zenvia_webhooks/subscription/{row.pk}/test-event/"
    assert "must be" in admin_client.get(page).content.decode()
    assert admin_client.post(page, {"topic": "lead.created"}).status_code == 200
    for address in ("/admin/zenvia_webhooks/", "/admin/zenvia_webhooks/subscription/set-up/"):
        assert "must be" in admin_client.get(address).content.decode()


@pytest.mark.django_db
def test_the_page_shows_no_token_and_sends_once_at_a_time(
    settings: Any, admin_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with Wire() as wire:
        site(settings, f"http://{wire.host}")
        wire.script("POST", says(404, {"error": "unknown token"}))
        row = make_subscription()
        address = f"/admin/zenvia_webhooks/subscription/{row.pk}/test-event/"
        with django_capture_on_commit_callbacks(execute=True):
            admin_client.post(address, {"topic": "lead.created"})
        page = admin_client.get(address).content.decode()
        assert "does not know this subscription&#x27;s token" in page
        assert row.token not in page
        ours = page[page.index("zenvia-live") : page.index("</form>", page.index("zenvia-live"))]
        assert not re.search(r"<script|<style| style=| on\w+=", ours)
        assert path_of(row) == wire.asked[0].path

        TaskRun.objects.update(finished_at=None)
        with django_capture_on_commit_callbacks(execute=True):
            answer = admin_client.post(address, {"topic": "lead.created"}, follow=True)
        assert "Nothing was sent: a test event is under way." in answer.content.decode()
        assert len(wire.asked) == 1
        assert admin_client.post(address, {"topic": "no.such"}).status_code == 200
