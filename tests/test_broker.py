"""Which Celery app is the project's, and a connection to its broker in every form that Celery takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, _state
from celery.app import app_or_default

from tests.celery import app as celery_app
from zenvia_webhooks import broker
from zenvia_webhooks.checks import check_celery_apps


def in_a_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


@pytest.fixture
def no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody have called set_default() yet."""
    monkeypatch.setattr(_state, "default_app", None)


@pytest.fixture
def another() -> Iterator[Celery]:
    """An app that some library made after the project's, and that is so the current one in this thread."""
    yield Celery("of a library", broker="amqp://127.0.0.1:1")
    celery_app.set_current()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Have the project's app be where `celery -A` does not find it by the settings' name."""
    monkeypatch.setattr(broker, "_packages", lambda: iter(["no.such.package"]))


@pytest.mark.usefixtures("no_default", "another")
def test_the_projects_app_is_found_beside_another() -> None:
    assert app_or_default().main == "of a library"
    assert broker.project_app() is celery_app
    assert check_celery_apps() == []


@pytest.mark.usefixtures("no_default")
def test_the_projects_app_is_found_in_a_thread_though_the_current_app_was_touched_early() -> None:
    def touch() -> Any:
        assert app_or_default().main == "default"
        return broker.project_app()

    assert in_a_thread(touch) is celery_app


def test_a_site_without_an_app_is_told_the_one_that_it_will_have(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert broker.app_name() == "tests"
    monkeypatch.setattr(broker, "project_app", lambda: Celery("default", set_as_current=False))
    settings.ROOT_URLCONF = "mysite.urls"
    assert broker.app_name() == "mysite"


@pytest.mark.usefixtures("no_default", "elsewhere")
def test_the_one_app_of_a_process_is_the_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "_apps", {celery_app})
    assert in_a_thread(broker.project_app) is celery_app


@pytest.mark.usefixtures("no_default", "elsewhere")
def test_a_check_says_where_it_can_not_be_told(another: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_state, "_apps", {celery_app, another})
    [message] = check_celery_apps()
    assert (message.id, "'of a library', 'tests'" in message.msg) == ("zenvia_webhooks.W014", True)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("redis://127.0.0.1:1/0", True),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", True),
        ("redis+socket:///no/such/socket", True),
        ("sentinel://127.0.0.1:1;sentinel://127.0.0.1:2", True),
        ("amqp://127.0.0.1:1//", True),
        ("pyamqp://127.0.0.1:1//", True),
        ("amqps://127.0.0.1:1//", True),
        ("memory://", False),
        ("filesystem://", False),
    ],
)
def test_a_transport_is_told_only_what_it_knows(url: str, options: bool) -> None:
    connection = broker.connect(Celery("host", broker=url, set_as_current=False))
    assert ("max_retries" in (connection.transport_options or {})) == options
    assert connection.connect_timeout == broker.BROKER_SECONDS


@pytest.mark.parametrize(
    "urls",
    ["amqp://127.0.0.1:1;memory://", ["amqp://127.0.0.1:1", "memory://"], ["amqp://127.0.0.1:1;memory://"]],
    ids=str,
)
def test_the_next_broker_is_tried_if_the_first_does_not_answer(urls: Any) -> None:
    app = Celery("host", set_as_current=False)
    app.conf.update(broker_write_url=urls)
    with broker.connect(app) as connection:
        channel: Any = connection.default_channel
        assert channel.connection.client.transport_cls == "memory"


def test_none_is_tried_twice() -> None:
    app = Celery("host", set_as_current=False)
    app.conf.update(broker_write_url="amqp://127.0.0.1:1;amqp://127.0.0.1:2")
    with broker.connect(app) as connection, pytest.raises(Exception, match="refused"):
        _ = connection.default_channel
