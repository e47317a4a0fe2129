from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.conf.urls.i18n import i18n_patterns
from django.core.checks import CheckMessage, run_checks
from django.db import connection
from django.urls import include, path

from tests.celery import app as celery_app
from tests.support import receivers
from zenvia_webhooks import checks
from zenvia_webhooks.diagnosis import Area, diagnose
from zenvia_webhooks.signals import event_received

KEY = "a-very-secret-key"

#: The URLs of a site that forgot to include ours.
urlpatterns: list[Any] = []


@pytest.fixture
def use_app() -> Iterator[Callable[[Celery], None]]:
    """Give a function that makes an app this thread's own, as loading it does."""
    yield lambda app: app.set_current()
    celery_app.set_current()


def ids(found: list[CheckMessage]) -> list[str]:
    """Return the ids, without the app's name; each message must say what to do."""
    assert all(message.hint for message in found)
    assert KEY not in str(found)
    return [str(message.id).removeprefix("zenvia_webhooks.") for message in found]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ([], ["E001"]),
        ({"BATCHSIZE": 1}, ["E002"]),
        ({"ACCOUNTS": {"default": {"API-KEY": KEY}}, "LEASE": 1}, ["E002", "E002"]),
        ({"BATCH_SIZE": 0}, ["E003"]),
        ({"BATCH_SIZE": "many", "ACCOUNTS": {"default": {"API_KEY": f"{KEY} {KEY}"}}}, ["E003", "E003"]),
        ({"CALLBACK_BASE_URL": "http://crm.example.com"}, ["E003"]),
        ({"TYPO": 1, "RETRY_DELAYS": 10}, ["E002", "E003"]),
    ],
)
def test_settings(settings: Any, value: Any, expected: list[str]) -> None:
    settings.ZENVIA_WEBHOOKS = value
    found = checks.check_settings()
    assert ids(found) == expected
    assert all(message.is_serious() for message in found)


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        ({}, ["W001"]),
        ({"default": {}}, ["W002"]),
        ({"default": {"API_KEY": KEY}, "other": {"API_KEY": ""}}, ["W002"]),
        ({"default": {"API_KEY": KEY}}, []),
        ({"default": {"API_KEY": KEY, "API_URL": "https://api.getsirena.com/v1"}}, ["W016"]),
        ({"default": {"API_URL": "https://api.sirena.app"}}, ["W002", "W016"]),
        ([], []),  # which check_settings reports
    ],
)
def test_account(settings: Any, accounts: Any, expected: list[str]) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": accounts}
    found = checks.check_account()
    assert ids(found) == expected
    assert not any(message.is_serious() for message in found)
    if "W016" in expected:
        assert "https://conversion.zenvia.com/v1" in (found[-1].hint or "")


@pytest.mark.parametrize(
    ("base", "hosts", "debug", "expected"),
    [
        ("https://crm.example.com", ["crm.example.com"], False, []),
        ("https://crm.example.com:8443", [".example.com"], False, []),
        ("https://crm.example.com", ["www.example.com"], False, ["W006"]),
        ("https://crm.example.com", [], True, ["W006"]),
        ("http://127.0.0.1:8000", [], True, []),
        (None, ["*"], False, ["W003"]),
        ("crm.example.com", ["*"], False, []),  # which check_settings reports
    ],
)
def test_callback(settings: Any, base: str | None, hosts: list[str], debug: bool, expected: list[str]) -> None:
    settings.ZENVIA_WEBHOOKS = {"CALLBACK_BASE_URL": base}
    settings.ALLOWED_HOSTS, settings.DEBUG = hosts, debug
    assert ids(checks.check_callback()) == expected


def test_callback_without_url(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    assert ids(checks.check_callback()) == ["W004"]


def test_callback_that_changes_with_the_language(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    translated = i18n_patterns(path("zenvia/", include("zenvia_webhooks.urls")))
    monkeypatch.setattr(f"{__name__}.urlpatterns", translated)
    settings.ROOT_URLCONF = __name__
    [warning] = checks.check_callback()
    assert ids([warning]) == ["W005"]
    assert "/pt-br/zenvia/webhook/token/" in warning.msg


def test_celery_that_nobody_loaded(use_app: Callable[[Celery], None]) -> None:
    use_app(Celery("default", set_as_current=False))
    assert ids(checks.check_celery()) == ["W007"]


def test_beat_without_a_sweep(use_app: Callable[[Celery], None]) -> None:
    use_app(Celery("host", set_as_current=False))
    assert ids(checks.check_celery()) == ["W008"]


def test_celery_as_the_readme_has_it() -> None:
    assert checks.check_celery() == []


@pytest.mark.parametrize(
    ("lease", "expected"),
    [
        (300, []),
        (10, []),
        (9.9, ["W011"]),
        (0.01, ["W011"]),
        (0, []),  # which check_settings reports
    ],
)
def test_lease(settings: Any, lease: float, expected: list[str]) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": lease}
    assert ids(checks.check_lease()) == expected


def test_short_lease_says_what_is_left(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"LEASE_SECONDS": 2}
    [warning] = checks.check_lease()
    assert "is 2: a receiver is interrupted after 1.4 s, and after 0.4 s a worker starts nothing more" in warning.msg


def test_receivers() -> None:
    assert ids(checks.check_receivers()) == ["W009"]
    event_received.connect(receivers.note)
    assert checks.check_receivers() == []


@pytest.mark.parametrize(
    ("vendor", "mode", "expected"),
    [
        ("sqlite", None, ["W010"]),
        ("sqlite", "DEFERRED", ["W010"]),
        ("sqlite", "immediate", []),
        ("sqlite", "EXCLUSIVE", []),
        ("postgresql", None, []),
    ],
)
def test_database(monkeypatch: pytest.MonkeyPatch, vendor: str, mode: str | None, expected: list[str]) -> None:
    monkeypatch.setattr(connection, "vendor", vendor)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": mode} if mode else {})
    assert ids(checks.check_database()) == expected


@pytest.mark.parametrize(
    ("vendor", "options", "named"),
    [
        ("postgresql", {"transaction_mode": "IMMEDIATE", "timeout": 20}, "'transaction_mode', 'timeout', which"),
        ("postgresql", {"connect_timeout": 5, "pool": True}, None),
        ("mysql", {"timeout": 20}, "'timeout', which"),
        ("mysql", {"charset": "utf8mb4", "init_command": "SET default_storage_engine=INNODB"}, None),
        ("sqlite", {"transaction_mode": "IMMEDIATE", "sql_mode": "STRICT_ALL_TABLES"}, "'sql_mode', which"),
    ],
)
def test_options_of_another_database(
    monkeypatch: pytest.MonkeyPatch, vendor: str, options: dict[str, Any], named: str | None
) -> None:
    monkeypatch.setattr(connection, "vendor", vendor)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    found = checks.check_database()
    assert ids(found) == (["E009"] if named else [])
    if named:
        assert f"DATABASES['default']['OPTIONS'] has {named}" in found[0].msg
        # The doctor names the setting once, and does not try to connect.
        assert [finding.id for finding in diagnose([Area.DATABASE])] == ["zenvia_webhooks.E009"]


def test_database_that_commits_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
    [error] = checks.check_database()
    assert (error.id, error.is_serious()) == ("zenvia_webhooks.E005", True)


@pytest.mark.parametrize(
    ("application", "age", "expected"),
    [
        ("host.asgi.application", 60, ["W015"]),
        ("host.asgi.application", None, ["W015"]),
        ("host.asgi.application", 0, []),
        (None, 60, []),
    ],
)
def test_asgi(
    settings: Any, monkeypatch: pytest.MonkeyPatch, application: str | None, age: int | None, expected: list[str]
) -> None:
    settings.ASGI_APPLICATION = application
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", age)
    assert ids(checks.check_asgi()) == expected


@pytest.mark.django_db  # Django's own check of JSON on SQLite asks it, if nothing has asked before
def test_all_are_registered_and_nothing_is_wrong_with_a_good_project(
    settings: Any, monkeypatch: pytest.MonkeyPatch, use_app: Callable[[Celery], None]
) -> None:
    event_received.connect(receivers.note)
    assert [message for message in run_checks() if str(message.id).startswith("zenvia_webhooks")] == []

    event_received.disconnect(receivers.note)
    settings.ZENVIA_WEBHOOKS = {"TYPO": 1}
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    use_app(Celery("host", set_as_current=False))
    found = [message for message in run_checks() if str(message.id).startswith("zenvia_webhooks")]
    assert sorted(ids(found)) == ["E002", "W001", "W003", "W008", "W009", "W010"]


def test_site_without_time_zones_can_not_store(settings: Any) -> None:
    settings.USE_TZ = False
    assert [message.id for message in checks.check_time_zones()] == ["zenvia_webhooks.E004"]


@pytest.mark.parametrize(
    ("zone", "has_zones", "expected"),
    [
        (None, False, []),
        ("UTC", False, []),
        ("America/Sao_Paulo", False, ["E006"]),
        ("America/Sao_Paulo", True, []),  # PostgreSQL's columns know what they hold
    ],
)
def test_time_zone_of_the_database(
    monkeypatch: pytest.MonkeyPatch, zone: str | None, has_zones: bool, expected: list[str]
) -> None:
    monkeypatch.setitem(connection.settings_dict, "TIME_ZONE", zone)
    monkeypatch.setattr(connection.features, "supports_timezones", has_zones)
    found = checks.check_time_zones()
    assert ids(found) == expected
    assert all(message.is_serious() for message in found)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SHARED_APPS", ["zenvia_webhooks"], []),
        ("TENANT_APPS", ["shop"], []),
        ("TENANT_APPS", ["shop", "zenvia_webhooks"], ["E007"]),
        ("TENANT_APPS", ("zenvia_webhooks.apps.ZenviaWebhooksConfig",), ["E007"]),
        ("TENANT_TYPES", {"public": {"APPS": ["zenvia_webhooks"]}, "shop": {"APPS": []}}, []),
        ("TENANT_TYPES", {"public": {"APPS": []}, "shop": {"APPS": ["zenvia_webhooks"]}}, ["E007"]),
    ],
)
def test_tenants(settings: Any, name: str, value: Any, expected: list[str]) -> None:
    setattr(settings, name, value)
    found = checks.check_tenants()
    assert ids(found) == expected
    assert all(message.is_serious() for message in found)
