"""The API in hosts of all kinds: whatever a host has set up, an answer is ours."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, RequestFactory

from tests.support.paths import ROOT
from tests.support.webhooks import arrived
from zenvia_webhooks.api.policies import UserThrottle
from zenvia_webhooks.api.views import EventList

EVENTS = "/zenvia/api/events/"


@pytest.mark.timeout(200)
def test_nothing_leaks_in_from_a_host_with_opposite_defaults() -> None:
    # In a process of its own: DRF reads most of its settings once, when its modules are imported.
    modules = [
        f"tests/api/test_{name}.py" for name in ("permissions", "events", "replay", "subscriptions", "deliveries")
    ]
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--ds=tests.support.hostile_settings",
            *modules,
        ],
        cwd=ROOT,
        # A database of its own too.
        env={**os.environ, "DATABASE_URL": "sqlite://:memory:", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-1000:]


@pytest.mark.django_db
def test_answers_in_a_host_that_wants_a_login_are_no_redirects(client: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert client.get(EVENTS).status_code == 403


@pytest.mark.django_db
def test_a_hosts_cache_hands_no_answer_to_the_next(client: Client, settings: Any) -> None:
    cache.clear()
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    User.objects.create_superuser("reader", password="a good one")
    # "reader:a good one"
    assert client.get(EVENTS, headers={"Authorization": "Basic cmVhZGVyOmEgZ29vZCBvbmU="}).status_code == 200
    assert client.get(EVENTS).status_code == 403


@pytest.mark.django_db
def test_too_many_requests_of_one_user_are_refused_for_a_while(
    admin_client: Client, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr(UserThrottle, "LIMIT", 2)
    # Six, as a new minute may begin among them.
    answers = [admin_client.get(EVENTS) for _ in range(6)]
    assert answers[0].status_code == 200
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert 0 < int(refused[0]["Retry-After"]) <= 60
    client.force_login(User.objects.create_superuser("another"))
    assert client.get(EVENTS).status_code == 200


@pytest.mark.django_db
def test_a_cache_that_keeps_nothing_stops_nobody(admin_client: Client, settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert admin_client.get(EVENTS).status_code == 200


@pytest.mark.django_db
def test_a_host_may_bring_its_own_authentication(admin_user: User) -> None:
    class ByHeader:
        def authenticate(self, request: Any) -> tuple[User, None] | None:
            return (admin_user, None) if request.headers.get("X-Key") == "of-the-host" else None

        def authenticate_header(self, request: Any) -> str:
            return "X-Key"

    view = EventList.as_view(authentication_classes=[ByHeader])
    event, requests = arrived(), RequestFactory()
    answer = view(requests.get("/", headers={"X-Key": "of-the-host"}))
    assert [row["id"] for row in answer.data["results"]] == [event.pk]
    assert view(requests.get("/")).status_code == 401
