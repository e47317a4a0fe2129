"""`zenvia_register_subscription --wait`: it ends with the first event that arrives, or says that none did."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connections
from django.utils.formats import date_format
from django.utils.timezone import localtime
from pytest_django.live_server_helper import LiveServer

from tests.support.commands import register
from tests.support.factories import envelope
from tests.support.wire import Asked, Wire, says
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.test_event.sending import post

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_with_wait_it_prints_the_first_event_that_arrives(
    live_server: LiveServer, sandbox: Sandbox, settings: Any
) -> None:
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = live_server.url
    register("--topic", "lead.created")
    sandbox.send("subscription1", name="An older one")
    asked: list[int] = []
    url = Subscription.objects.get().registered_url

    def send() -> None:
        asked.append(post(url, envelope(name="of this site's own")).status)
        asked.append(sandbox.send("subscription1", name="João Silva").status)

    sender = threading.Timer(0.2, send)
    sender.start()
    try:
        out, error = register("--topic", "lead.created", "--wait", "--timeout", "30")
    finally:
        sender.join()
        connections.close_all()

    assert (asked, error) == ([200, 200], "")
    older, test, event = Event.objects.order_by("pk")
    at = date_format(localtime(event.received_at), "DATETIME_FORMAT")
    assert f"lead.created #{event.pk}: received on {at}, waiting." in out
    assert f"#{older.pk}:" not in out
    assert f"#{test.pk}:" not in out
    assert "João" not in out


@pytest.mark.django_db(transaction=True)
def test_with_wait_it_sees_an_event_that_comes_before_it_begins_to_wait(
    live_server: LiveServer, wire: Wire, settings: Any
) -> None:
    settings.ZENVIA_WEBHOOKS["CALLBACK_BASE_URL"] = live_server.url
    with Sandbox() as zenvia:

        def registers_and_posts_at_once(asked: Asked) -> Iterable[bytes]:
            wanted = json.loads(asked.body)
            zenvia.send(zenvia.add([wanted["topic"]], wanted["callbackUrl"]).id)
            return says(201, {"id": "a", **wanted})(asked)

        wire.script("POST", registers_and_posts_at_once)
        out, error = register("--topic", "lead.created", "--wait", "--timeout", "5")

    assert error == ""
    assert f"lead.created #{Event.objects.get().pk}: received on " in out


def test_it_waits_no_longer_than_it_is_told(sandbox: Sandbox) -> None:
    out, error = register("--topic", "lead.created", "--wait", "--timeout", "0.1")

    assert error == "No event within 0.1 s."
    assert "Waiting for the first event" in out
    assert Subscription.objects.get().status == "active"


def test_ctrl_c_ends_the_wait_without_a_traceback(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)

    assert register("--topic", "lead.created", "--wait")[1] == "No event yet."


def test_it_does_not_wait_for_what_was_not_registered(wire: Wire) -> None:
    wire.script("POST", says(400))

    assert "Waiting" not in register("--topic", "lead.created", "--wait")[0]
