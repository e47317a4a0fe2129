"""The webhook under what host projects have set up, with a broken database, and on a real connection."""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection
from django.db.backends.signals import connection_created
from django.db.models.signals import pre_save
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support.webhooks import envelope, path_of, payload, post
from zenvia_webhooks.models import Event, Subscription

LEAD = payload("lead_created")

#: Vendor → what makes a connection refuse every write.
READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}


@contextmanager
def database_gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the next connection find no database."""
    connection.close()
    nowhere = {"NAME": "/no/such/folder/db.sqlite3"} if connection.vendor == "sqlite" else {"PORT": 1}
    with monkeypatch.context() as patch:
        for key, value in nowhere.items():
            patch.setitem(connection.settings_dict, key, value)
        yield
    connection.close()


def test_no_csrf_token_is_asked_for(subscription: Subscription) -> None:
    assert post(Client(enforce_csrf_checks=True), subscription, LEAD).status_code == 200


def test_no_login_is_asked_for(client: Client, subscription: Subscription, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    settings.APPEND_SLASH = True
    assert post(client, subscription, LEAD).status_code == 200
    without_slash = client.generic("POST", path_of(subscription).removesuffix("/"), envelope(n=1))
    assert without_slash.status_code == 200


@pytest.mark.django_db(transaction=True)
def test_no_transaction_of_the_request_is_around_it(
    client: Client, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert post(client, subscription, LEAD).status_code == 200
    # With a transaction around it, an error's answer would take the stored event back.
    assert post(client, subscription, b"no JSON").status_code == 400
    assert Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_database_that_is_gone_is_503(
    client: Client, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = True
    with database_gone(monkeypatch):
        answer = post(client, subscription, LEAD)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert post(client, subscription, LEAD).json()["status"] == "accepted"  # type: ignore[attr-defined]  # the test client's


def test_a_row_that_the_database_refuses_is_not_quoted_in_the_log(
    client: Client, subscription: Subscription, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        detail = "DETAIL:  Failing row contains (1, ana@example.com)."
        raise DataError(f'new row for relation "event" violates check constraint "positive"\n{detail}')

    monkeypatch.setattr("zenvia_webhooks.webhook.views.store", refuse)
    assert post(client, subscription, LEAD).status_code == 503
    assert 'violates check constraint "positive"' in caplog.text
    assert "ana@example.com" not in caplog.text


def make_read_only(connection: Any, **kwargs: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(READ_ONLY[connection.vendor])


@pytest.mark.django_db(transaction=True)
def test_database_that_takes_no_writes_is_503(client: Client, subscription: Subscription) -> None:
    make_read_only(connection)
    connection_created.connect(make_read_only)
    try:
        answer = post(client, subscription, LEAD)
    finally:
        connection_created.disconnect(make_read_only)
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert connection.connection is None
    assert post(client, subscription, LEAD).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_kept_connection_that_a_failover_has_left_read_only_is_replaced_at_once(
    client: Client, subscription: Subscription
) -> None:
    make_read_only(connection)
    answers = [post(client, subscription, LEAD).status_code for _ in range(2)]
    assert answers == [200, 200]
    assert Event.objects.get().duplicates == 1


@pytest.mark.django_db(transaction=True)
def test_kept_connection_that_the_server_has_closed_is_replaced_at_once(
    client: Client, subscription: Subscription
) -> None:
    connection.ensure_connection()
    connection.connection.close()
    assert post(client, subscription, LEAD).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_transaction_that_was_left_open_by_hand_takes_no_event_back(client: Client, subscription: Subscription) -> None:
    post(client, subscription, LEAD)
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")  # which Django does not see
    assert post(client, subscription, envelope(n=1)).status_code == 200
    connection.close()
    assert Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_row_that_a_receiver_of_the_hosts_refuses_is_503_and_no_unknown_token(
    client: Client, subscription: Subscription
) -> None:
    def refuse(**kwargs: Any) -> None:
        raise IntegrityError("a row of the host's own")

    pre_save.connect(refuse, sender=Event)
    try:
        assert post(client, subscription, LEAD).status_code == 503
    finally:
        pre_save.disconnect(refuse, sender=Event)
    assert post(client, subscription, LEAD).json()["status"] == "accepted"  # type: ignore[attr-defined]  # the test client's


@pytest.mark.django_db(transaction=True)
def test_stored_event_is_200_though_its_subscription_can_not_be_touched(
    client: Client, subscription: Subscription
) -> None:
    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and Subscription._meta.db_table in sql:
            raise OperationalError("locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        assert post(client, subscription, LEAD).status_code == 200
    subscription.refresh_from_db()
    assert subscription.last_event_at is None
    assert Event.objects.exists()


class SlowBody(io.BytesIO):
    """A body whose subscription is deleted while it is being read."""

    def read(self, size: int | None = -1, /) -> bytes:
        Subscription.objects.all().delete()
        return super().read(size)


class BrokenBody(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("stream", "status"), [(SlowBody(LEAD), 404), (BrokenBody(), 400)])
def test_what_happens_meanwhile_is_no_error_of_ours(
    client: Client, subscription: Subscription, stream: io.BytesIO, status: int
) -> None:
    assert post(client, subscription, LEAD, **{"wsgi.input": stream}).status_code == status
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_token_is_in_no_log(
    client: Client,
    subscription: Subscription,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.ZENVIA_WEBHOOKS = {"MAX_BODY_BYTES": 1000}
    caplog.set_level(logging.DEBUG)
    path = path_of(subscription)
    answers = [
        post(client, subscription, LEAD),
        post(client, subscription, LEAD),
        post(client, subscription, b'{"hello": "world"}'),
        post(client, subscription, b"no JSON"),
        post(client, subscription, b"x" * 1001),
        post(client, subscription, LEAD, HTTP_CONTENT_ENCODING="gzip"),
        post(client, subscription, LEAD, CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"),
        client.get(path),
    ]
    with database_gone(monkeypatch):
        answers.append(post(client, subscription, LEAD))
    Subscription.objects.update(status=Subscription.Status.INACTIVE)
    answers.append(post(client, subscription, LEAD))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 413, 415, 411, 405, 503, 404]

    logged = [record.message for record in caplog.records if record.message.startswith("webhook answered")]
    assert len(logged) == 7  # so much for what was looked through
    assert subscription.token not in caplog.text
    assert not [record for record in caplog.records if subscription.token in str(vars(record))]
    assert "João" not in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("header", "sent", "status"),
    [
        (b"Content-Length: %d" % len(LEAD), LEAD, b"200"),
        (b"Content-Length: %d" % len(LEAD), LEAD[:50], b"400"),
        (b"Content-Length: 262145", b"", b"413"),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(LEAD), LEAD), b"411"),
        (b"X-Length: none", b"", b"400"),
    ],
)
def test_on_a_real_connection(
    live_server: LiveServer, subscription: Subscription, header: bytes, sent: bytes, status: bytes
) -> None:
    url = urlsplit(live_server.url)
    assert url.hostname is not None
    assert url.port is not None
    with socket.create_connection((url.hostname, url.port), timeout=10) as wire:
        wire.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n" % (path_of(subscription).encode(), header))
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(1000).split()[1] == status
