"""Replay through the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass, post
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.signals import event_received, lead_created

NOTE, CREATE = "tests.support.receivers.note", "tests.support.receivers.create_customer"

pytestmark = pytest.mark.django_db


def replay(client: Client, event: Event, body: object = None, **extra: Any) -> Any:
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return client.generic("POST", f"/zenvia/api/events/{event.pk}/replay/", data, "application/json", **extra)


@pytest.fixture
def event() -> Event:
    lead_created.connect(receivers.create_customer)
    event_received.connect(receivers.note)
    event = arrived()
    dispatch_due()
    receivers.calls.clear()
    return event


@pytest.mark.parametrize("body", [None, {}])
def test_what_succeeded_everywhere_is_a_conflict(admin_client: Client, event: Event, body: object) -> None:
    response = replay(admin_client, event, body)
    assert response.status_code == 409
    assert "name those that must run again" in response.json()["detail"]
    dispatch_due()
    assert receivers.calls == []


def test_one_connected_since_has_it(admin_client: Client, event: Event) -> None:
    lead_created.connect(receivers.flaky)
    response = replay(admin_client, event)
    assert (response.status_code, response.json()) == (202, {"receivers": ["tests.support.receivers.flaky"]})


def test_named_ones_alone(admin_client: Client, event: Event) -> None:
    response = replay(admin_client, event, {"receivers": [NOTE]})
    assert (response.status_code, response.json()) == (202, {"receivers": [NOTE]})
    dispatch_due()
    assert receivers.calls == [("note", event.pk)]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"receivers": ["nobody.knows"]}, "receivers"),
        ({"receivers": []}, "receivers"),
        ({"receivers": None}, "receivers"),
        ({"receivers": NOTE}, "receivers"),
        ({"receivers": [None]}, "receivers"),
        ({"receivers": [{"a": 1}]}, "receivers"),
        ({"receivers": ["a" * 256]}, "receivers"),
        ({"receivers": ["\ud800", "\x00"]}, "receivers"),
        ({"receiver": [NOTE]}, "receiver"),
        ({"\ud800": 1}, "\ufffd"),
        ([NOTE], "detail"),
        (b"null", "detail"),
        (b"{", "detail"),
        (b"\xff", "detail"),
        (b'{"receivers":' + b"[" * 100_000, "detail"),
        (b'{"receivers": ["' + b"a" * 70_000 + b'"]}', "detail"),
        (b"[" * 10_000, "detail"),
    ],
)
def test_an_odd_body_is_refused(admin_client: Client, event: Event, body: object, name: str) -> None:
    response = replay(admin_client, event, body)
    assert response.status_code == 400
    assert list(response.json()) == [name]
    assert Event.objects.get().status == Event.Status.DISPATCHED


def test_an_unknown_receiver_is_told_which_there_are(admin_client: Client, event: Event) -> None:
    words = replay(admin_client, event, {"receivers": ["nobody.knows"]}).json()["receivers"][0]
    assert "nobody.knows" in words
    assert NOTE in words


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("application/x-www-form-urlencoded", "receivers=a"),
        ("multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--b--\r\n'),
        ("text/plain", "{}"),
        ("", "{}"),
    ],
)
def test_only_json_is_read(admin_client: Client, event: Event, content_type: str, data: str) -> None:
    response = admin_client.generic("POST", f"/zenvia/api/events/{event.pk}/replay/", data, content_type)
    assert response.status_code == 415
    assert Event.objects.get().status == Event.Status.DISPATCHED


def middleware_that_reads_forms(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    def middleware(request: HttpRequest) -> HttpResponse:
        assert "receivers" in request.POST
        return get_response(request)

    return middleware


def test_a_form_that_a_middleware_has_read_is_no_empty_body(admin_client: Client, event: Event, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.middleware_that_reads_forms"]
    assert admin_client.post(f"/zenvia/api/events/{event.pk}/replay/", {"receivers": NOTE}).status_code == 415
    assert Event.objects.get().status == Event.Status.DISPATCHED


@pytest.mark.parametrize("extra", [{"HTTP_TRANSFER_ENCODING": "chunked"}, {"CONTENT_LENGTH": "some"}])
def test_a_body_that_may_go_unread_is_refused(admin_client: Client, event: Event, extra: dict[str, str]) -> None:
    assert replay(admin_client, event, {"receivers": [NOTE]}, **extra).status_code == 411
    assert Event.objects.get().status == Event.Status.DISPATCHED


def test_a_pending_event_is_a_conflict(admin_client: Client) -> None:
    lead_created.connect(receivers.note)
    response = replay(admin_client, arrived())
    assert response.status_code == 409
    assert "pending" in response.json()["detail"]


def test_an_event_in_hand_is_a_conflict(admin_client: Client, event: Event) -> None:
    replay(admin_client, event, {"receivers": [NOTE]})
    let_time_pass()
    assert claim_due(1).events
    response = replay(admin_client, event)
    assert response.status_code == 409
    assert "in a worker's hands" in response.json()["detail"]


def test_a_quarantined_event_is_a_conflict(admin_client: Client, subscription: Subscription) -> None:
    post(admin_client, subscription, b"nothing")
    response = replay(admin_client, Event.objects.get())
    assert response.status_code == 409
    assert "quarantined" in response.json()["detail"]


def test_an_event_for_nobody_is_a_conflict(admin_client: Client) -> None:
    event = arrived()
    dispatch_due()
    response = replay(admin_client, event)
    assert response.status_code == 409
    assert "No receiver is connected" in response.json()["detail"]


@pytest.mark.parametrize("pk", [77, 2**63, 10**40])
def test_an_unknown_event_is_404(admin_client: Client, pk: int) -> None:
    assert replay(admin_client, Event(pk=pk)).status_code == 404
