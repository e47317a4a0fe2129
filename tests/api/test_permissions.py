"""Who may do what through the API."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

API = "/zenvia/api/"

#: What there is to read, with one event, and who may: the permission's model.
READABLE = [
    ("subscriptions/", "subscription"),
    ("subscriptions/{subscription}/", "subscription"),
    ("events/", "event"),
    ("events/{event}/", "event"),
    ("deliveries/", "delivery"),
]

pytestmark = pytest.mark.django_db


#: Has succeeded: by its name, it runs again.
NAMED = {"receivers": ["tests.support.receivers.note"]}


@pytest.fixture
def event() -> Event:
    lead_created.connect(receivers.note)
    event = arrived()
    dispatch_due()
    return event


def url_of(path: str, event: Event) -> str:
    return API + path.format(event=event.pk, subscription=event.subscription_id)


def user_with(*permissions: str, **fields: Any) -> User:
    user = User.objects.create_user("clerk", password="a good one", **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(("path", "_model"), READABLE)
@pytest.mark.parametrize(
    "headers", [{}, basic("clerk", "a wrong one"), basic("nobody", ""), {"Authorization": "Basic"}]
)
def test_nobody_sees_nothing(client: Client, event: Event, path: str, _model: str, headers: dict[str, str]) -> None:
    user_with("view_event", "view_subscription", "view_delivery")
    response = client.get(url_of(path, event), headers=headers)
    assert response.status_code == 403
    assert list(response.json()) == ["detail"]


def test_name_and_password_do_for_programs(client: Client, event: Event) -> None:
    user = user_with("view_event", "replay_event")
    headers = basic("clerk", "a good one")
    assert client.get(f"{API}events/", headers=headers).status_code == 200
    strict = Client(enforce_csrf_checks=True)
    replayed = strict.post(f"{API}events/{event.pk}/replay/", NAMED, headers=headers, content_type="application/json")
    assert replayed.status_code == 202
    user.is_active = False
    user.save()
    assert client.get(f"{API}events/", headers=headers).status_code == 403


def test_replay_within_a_session_is_protected_against_forgery(event: Event) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_with("replay_event"))
    url = f"{API}events/{event.pk}/replay/"
    refused = client.post(url, content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
    client.cookies["csrftoken"] = "a" * 32
    answer = client.post(url, NAMED, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert answer.status_code == 202


@pytest.mark.parametrize(("path", "_model"), [*READABLE, ("events/{event}/replay/", "event")])
@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace", "post", "get"])
def test_nothing_else_is_possible(admin_client: Client, event: Event, path: str, _model: str, method: str) -> None:
    if method == ("post" if path.endswith("replay/") else "get"):
        return
    response = admin_client.generic(method.upper(), url_of(path, event))
    assert response.status_code == 405
    assert Event.objects.get().status == Event.Status.DISPATCHED
