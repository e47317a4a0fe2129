"""A fault is named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils.timezone import now
from pytest_django.live_server_helper import LiveServer

from tests.support import receivers
from tests.support.account import KEY
from tests.support.installation import Installation, broker_at, problems
from tests.support.wire import Asked, Wire, raw, says
from zenvia_webhooks.diagnosis import Severity, diagnose, workers
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(settings: Any, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(workers, "ANSWER_SECONDS", 0.2)
    with Sandbox(api_key=KEY) as sandbox:
        yield Installation(settings, sandbox, live_server.url)


def test_nothing_is_wrong_with_a_good_installation(site: Installation) -> None:
    assert [(finding.severity, finding.id) for finding in diagnose() if finding.severity != Severity.OK] == []


def wrong_key(site: Installation) -> Iterator[None]:
    site.configure_account(API_KEY="another-key")
    yield


def wrong_contract(site: Installation) -> Iterator[None]:
    with Wire() as wire:
        wire.script("GET", knows_conversion_alone)
        site.configure_account(API_URL=wire.api_url)
        yield


def knows_conversion_alone(asked: Asked) -> list[bytes]:
    path, _question_mark, query = asked.path.partition("?")
    if path not in ("/v1/checkCredentials", "/v1/notifications/subscriptions"):
        return [raw(404)]
    return [raw(200, b"" if path == "/v1/checkCredentials" else []) if query == f"api-key={KEY}" else raw(401)]


def no_worker(site: Installation) -> Iterator[None]:
    site.let_heartbeat_grow_old("worker", "beat")
    yield


def no_beat(site: Installation) -> Iterator[None]:
    site.let_heartbeat_grow_old("beat")
    yield


def no_broker(_site: Installation) -> Iterator[None]:
    with broker_at("redis://:broker-secret@127.0.0.1:1"):
        yield


def unapplied_migration(_site: Installation) -> Iterator[None]:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("zenvia_webhooks", "0001_initial")
    try:
        yield
    finally:
        recorder.record_applied("zenvia_webhooks", "0001_initial")


def http_callback(site: Installation) -> Iterator[None]:
    site.configure(CALLBACK_BASE_URL="http://crm.example.com")
    yield


def another_site(site: Installation) -> Iterator[None]:
    with Wire() as wire:
        wire.script("POST", says(200, {"status": "accepted", "event": 1}))
        site.configure(CALLBACK_BASE_URL=f"http://{wire.host}")
        site.move()
        yield


def host_that_is_not_allowed(site: Installation) -> Iterator[None]:
    site.settings.ALLOWED_HOSTS = ["www.example.com"]
    yield


def no_receivers(site: Installation) -> Iterator[None]:
    lead_created.disconnect(receivers.create_customer)
    site.run_worker()
    yield


def quiet_subscription(_site: Installation) -> Iterator[None]:
    Subscription.objects.update(last_event_at=now() - timedelta(hours=25))
    yield


def copied_database(site: Installation) -> Iterator[None]:
    Subscription.objects.update(registered_url="https://crm.example.com/zenvia/webhook/" + "a" * 64 + "/")
    yield


@pytest.mark.parametrize(
    ("plant", "name", "word"),
    [
        (wrong_contract, "wrong-contract", "works with conversion, not with help_center"),
        (wrong_key, "wrong-key", "works with no contract"),
        (no_worker, "no-worker", "No worker takes messages"),
        (no_beat, "no-beat", "No sweep of beat's comes in"),
        (no_broker, "no-broker", "The broker takes no message: ConnectionError"),
        (unapplied_migration, "unapplied-migration", "0001_initial"),
        (http_callback, "zenvia_webhooks.E003", "ZENVIA_WEBHOOKS['CALLBACK_BASE_URL'] must be an https:// URL"),
        (another_site, "callback-is-another", "Something else than this site's webhook answers"),
        (host_that_is_not_allowed, "zenvia_webhooks.W006", "ALLOWED_HOSTS does not allow localhost"),
        (no_receivers, "no-receivers", "No receiver is connected in the worker"),
        (quiet_subscription, "quiet-subscription", "Nothing came for lead.created (default) #"),
        (copied_database, "copied-database", "registered for https://crm.example.com, not for http://localhost"),
    ],
)
def test_fault_is_named_and_nothing_else(
    site: Installation, plant: Callable[[Installation], Iterator[None]], name: str, word: str
) -> None:
    with contextmanager(plant)(site):
        [problem] = problems()
        assert (problem.id, word in problem.text) == (name, True), problem
