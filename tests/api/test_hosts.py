"""The API in hosts of all kinds: what a host decides, and what it cannot open or break."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from drf_spectacular.views import SpectacularAPIView
from rest_framework import views
from rest_framework.authentication import BaseAuthentication
from rest_framework.throttling import UserRateThrottle

from tests.support.paths import ROOT
from tests.support.webhooks import arrived

EVENTS = "/zenvia/api/events/"


@pytest.mark.once
@pytest.mark.timeout(200)
def test_nothing_leaks_in_from_a_host_with_opposite_defaults() -> None:
    # In a process of its own: DRF reads most of its settings once, when its modules are imported.
    modules = [
        *(f"tests/api/test_{name}.py" for name in ("permissions", "events", "replay", "subscriptions", "deliveries")),
        "tests/api/test_schema.py",
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


class ByHeader(BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[User, None] | None:
        key = request.headers.get("X-Key")
        return None if key is None else (User.objects.get(username=key), None)

    def authenticate_header(self, request: Any) -> str:
        return "X-Key"


class OnceADay(UserRateThrottle):
    rate = "1/day"


# DRF's own view takes these three from the host's settings, when it is imported.


@pytest.mark.parametrize("path", ["events/", "deliveries/", "subscriptions/", "schema/"])
def test_authentication_is_the_hosts(
    client: Client, admin_user: User, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(views.APIView, "authentication_classes", [ByHeader])
    monkeypatch.setattr(SpectacularAPIView, "authentication_classes", [ByHeader])
    User.objects.create_user("clerk")
    for key, status in [(None, 401), ("clerk", 403), ("admin", 200)]:
        assert client.get(f"/zenvia/api/{path}", headers={"X-Key": key} if key else {}).status_code == status
    client.force_login(admin_user)
    assert client.get(f"/zenvia/api/{path}").status_code == 401


@pytest.mark.parametrize("path", ["events/", "deliveries/", "subscriptions/", "schema/"])
def test_throttling_is_the_hosts(admin_client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    cache.clear()
    monkeypatch.setattr(views.APIView, "throttle_classes", [OnceADay])
    assert [admin_client.get(f"/zenvia/api/{path}").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    "path",
    [
        *("events/", "events/{pk}/", "events/?status=lost&page_size=1", "events/{pk}/replay/"),
        *("deliveries/", "subscriptions/", "subscriptions/{subscription}/"),
    ],
)
def test_a_browser_is_shown_a_page_where_the_host_has_drf_installed(
    admin_client: Client, settings: Any, path: str
) -> None:
    event = arrived()
    assert event.subscription is not None
    url = "/zenvia/api/" + path.format(pk=event.pk, subscription=event.subscription.pk)
    accepts = {"Accept": "text/html,*/*;q=0.8"}
    assert admin_client.get(url, headers=accepts)["Content-Type"] == "application/json"
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "rest_framework"]
    page = admin_client.get(url, headers=accepts)
    assert page["Content-Type"].startswith("text/html")
    assert event.subscription.token not in page.content.decode()
    assert admin_client.get(f"{url}{'&' if '?' in url else '?'}format=json")["Content-Type"] == "application/json"


@pytest.mark.once
@pytest.mark.parametrize("package", ["rest_framework", "django_filters", "drf_spectacular"])
def test_what_is_not_installed_is_named_with_the_extra_that_brings_it(package: str) -> None:
    code = f"import sys, django; sys.modules[{package!r}] = None; django.setup(); import tests.urls"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: zenvia_webhooks.api needs {package}")
    assert 'pip install "django-zenvia-webhooks[api]"' in last
