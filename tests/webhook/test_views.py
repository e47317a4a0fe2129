"""The answers of the webhook; see test_views_hosts.py for the settings of host projects that it lives with."""

from __future__ import annotations

import gzip
import io
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.utils.timezone import now
from pytest_django import DjangoAssertNumQueries

from tests.support.webhooks import envelope, path_of, payload, post
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.models.subscription import new_token

LEAD = payload("lead_created")
KNOWN = ["lead_created", "quote_updated", "interaction_resolved", "unknown_topic"]


@pytest.mark.parametrize("name", KNOWN)
def test_known_envelope_is_accepted_and_kept_byte_for_byte(
    client: Client, subscription: Subscription, name: str
) -> None:
    answer = post(client, subscription, payload(name))
    event = Event.objects.get()
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.content == b'{"status": "accepted", "event": %d}' % event.pk
    assert (event.status, event.body) == (Event.Status.PENDING, payload(name))


def test_same_again_is_a_duplicate(client: Client, subscription: Subscription) -> None:
    post(client, subscription, LEAD)
    again = post(client, subscription, LEAD)
    event = Event.objects.get()
    assert (again.status_code, again.content) == (200, b'{"status": "duplicate", "event": %d}' % event.pk)
    assert event.duplicates == 1


@pytest.mark.parametrize(("body", "status"), [(b'{"hello": "world"}', 200), (b"hello=world", 400), (b"", 400)])
def test_what_is_not_understood_is_quarantined_each_time(
    client: Client, subscription: Subscription, body: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    for times in range(3):
        answer = post(client, subscription, body)
        event = Event.objects.get()
        assert answer.status_code == status
        assert answer.content == b'{"status": "quarantined", "event": %d}' % event.pk
        assert (event.status, event.body, event.duplicates) == (Event.Status.QUARANTINED, body, times)
    warned = [record for record in caplog.records if "is quarantined" in record.message]
    assert [(record.levelname, record.name) for record in warned] == [("WARNING", "zenvia_webhooks.webhook.intake")]


@pytest.mark.parametrize(
    ("setting", "kept"),
    [
        ({}, {"content-type": "application/json", "user-agent": "Zenvia"}),
        ({"STORED_HEADERS": ["X-Request-ID"]}, {"x-request-id": "7"}),
    ],
)
def test_headers_that_the_setting_names_are_kept(
    client: Client, subscription: Subscription, settings: Any, setting: dict[str, Any], kept: dict[str, str]
) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, **setting}
    sent = {"User-Agent": "Zenvia", "X-Request-ID": "7", "Authorization": "secret", "Cookie": "c"}
    client.generic("POST", path_of(subscription), LEAD, "application/json", headers=sent)
    assert Event.objects.get().headers == kept


def test_slash_at_the_end_may_be_missing(client: Client, subscription: Subscription) -> None:
    answer = client.generic("POST", path_of(subscription).removesuffix("/"), LEAD, "application/json")
    assert answer.json()["status"] == "accepted"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""])
def test_content_type_does_not_matter(client: Client, subscription: Subscription, content_type: str) -> None:
    assert client.generic("POST", path_of(subscription), LEAD, content_type).status_code == 200
    assert Event.objects.get().body == LEAD


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("token", "queries"),
    [
        ("0" * 64, 3),
        ("0", 0),
        ("0" * 63, 0),
        ("0" * 65, 0),
        ("A" * 64, 0),
        ("g" * 64, 0),
        ("0" * 64 + "%0A", 0),
        ("0" * 63 + "%00", 0),
        ("ã", 0),
        ("%ff", 0),
        ("0" * 10**4, 0),
    ],
)
def test_unknown_token_is_404(
    client: Client, token: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(queries):
        answer = client.generic("POST", f"/zenvia/webhook/{token}/", LEAD, "application/json")
    assert answer.status_code == 404
    assert not Event.objects.exists()


def test_token_is_lowercase(client: Client, subscription: Subscription) -> None:
    subscription.token = "ab" * 32
    subscription.save()
    assert client.generic("POST", f"/zenvia/webhook/{'AB' * 32}/", LEAD).status_code == 404
    assert post(client, subscription, LEAD).status_code == 200


def test_revoked_token_is_404_from_then_on(client: Client, subscription: Subscription) -> None:
    assert post(client, subscription, envelope(n=1)).status_code == 200
    subscription.status = Subscription.Status.INACTIVE
    subscription.save()
    assert post(client, subscription, envelope(n=2)).status_code == 404
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("expires_in", "status"), [(None, 200), (timedelta(minutes=1), 200), (timedelta(seconds=-1), 404)]
)
def test_previous_token_overlaps(
    client: Client, subscription: Subscription, expires_in: timedelta | None, status: int
) -> None:
    old_path = path_of(subscription)
    subscription.previous_token, subscription.token = subscription.token, new_token()
    subscription.previous_token_expires_at = None if expires_in is None else now() + expires_in
    subscription.save()
    assert client.generic("POST", old_path, LEAD).status_code == status
    assert post(client, subscription, envelope(n=1)).status_code == 200


def test_a_token_costs_one_indexed_query(
    client: Client, subscription: Subscription, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3) as found:
        client.generic("POST", f"/zenvia/webhook/{'0' * 64}/", LEAD)
    _begin, query, _end = [captured["sql"] for captured in found.captured_queries]
    with connection.cursor() as cursor:
        cursor.execute(f"{connection.ops.explain_query_prefix()} {query}")
        assert "SCAN zenvia_webhooks_subscription" not in str(cursor.fetchall())  # SQLite's words


def test_head_is_200_and_anything_but_post_405(client: Client, subscription: Subscription) -> None:
    path = path_of(subscription)
    assert (client.head(path).status_code, client.head(path).content) == (200, b"")
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        answer = client.generic(method, path, LEAD)
        assert (answer.status_code, answer["Allow"]) == (405, "POST, HEAD"), method
    assert not Event.objects.exists()


@pytest.mark.parametrize(("size", "status"), [(999, 200), (1000, 200), (1001, 413), (10**6, 413)])
def test_too_large_is_413(client: Client, subscription: Subscription, settings: Any, size: int, status: int) -> None:
    settings.ZENVIA_WEBHOOKS = {"MAX_BODY_BYTES": 1000}
    body = envelope(text="").replace(b'"text": ""', b'"text": "' + b"x" * (size - len(envelope(text=""))) + b'"')
    assert len(body) == size
    # By its Content-Length alone: of a larger one, not a byte is read.
    stream = io.BytesIO(body)
    assert post(client, subscription, body, **{"wsgi.input": stream}).status_code == status
    assert stream.tell() == (size if status == 200 else 0)
    # By what comes, where no length was given.
    chunked = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert post(client, subscription, b"", **chunked).status_code == status
    assert Event.objects.count() == (status == 200)


def test_limit_is_ours_alone(client: Client, subscription: Subscription, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert post(client, subscription, LEAD).status_code == 200


@pytest.mark.parametrize(
    ("encoding", "status"),
    [("gzip", 415), ("deflate", 415), ("gzip, identity", 415), ("identity", 200), (" Identity ", 200), ("", 200)],
)
def test_compressed_is_415(client: Client, subscription: Subscription, encoding: str, status: int) -> None:
    body = gzip.compress(LEAD) if status == 415 else LEAD
    assert post(client, subscription, body, HTTP_CONTENT_ENCODING=encoding).status_code == status
    assert Event.objects.count() == (status == 200)


def test_chunked_is_read_where_the_server_marks_its_end(client: Client, subscription: Subscription) -> None:
    chunked = {"wsgi.input": io.BytesIO(LEAD), "HTTP_TRANSFER_ENCODING": "chunked"}
    assert post(client, subscription, b"", **chunked).status_code == 411
    assert not Event.objects.exists()
    assert post(client, subscription, b"", **chunked, **{"wsgi.input_terminated": True}).status_code == 200
    assert Event.objects.get().body == LEAD


@pytest.mark.parametrize("length", ["-1", "1e3", "many", "٣", "9" * 30])
def test_length_that_is_none_is_411(client: Client, subscription: Subscription, length: str) -> None:
    assert post(client, subscription, LEAD, CONTENT_LENGTH=length).status_code == 411
    assert not Event.objects.exists()


def test_body_that_broke_off_is_400_and_not_kept(client: Client, subscription: Subscription) -> None:
    shorter = {"wsgi.input": io.BytesIO(LEAD[:-1])}
    assert post(client, subscription, LEAD, **shorter).status_code == 400
    assert not Event.objects.exists()


def test_asgi_server_is_answered_alike(subscription: Subscription, settings: Any) -> None:
    @async_to_sync
    async def send(body: bytes, **extra: Any) -> int:
        answer = await AsyncClient().generic("POST", path_of(subscription), body, "application/json", **extra)
        status: int = answer.status_code
        return status

    settings.ZENVIA_WEBHOOKS = {"MAX_BODY_BYTES": 1000}
    assert send(LEAD) == 200
    assert Event.objects.get().body == LEAD
    assert send(envelope(text="x" * 1000)) == 413
    assert send(b"") == 400


class BrokenChunk(Exception):
    """What a server raises of its own for a chunk that is none; gunicorn's is no OSError."""


class Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise BrokenChunk


def test_a_chunk_that_is_none_is_a_bad_request(client: Client, subscription: Subscription) -> None:
    chunked: dict[str, Any] = {"wsgi.input": Broken(), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    assert post(client, subscription, b"", HTTP_TRANSFER_ENCODING="chunked", **chunked).status_code == 400


@pytest.mark.parametrize("setting", [{"DIGEST_KEY": ""}, {"MAX_BODY_BYTES": "many"}, {"STORED_HEADERS": 5}])
def test_a_wrong_setting_is_no_500_and_shows_no_token(
    client: Client, subscription: Subscription, settings: Any, caplog: pytest.LogCaptureFixture, setting: dict[str, Any]
) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, **setting}
    answer = post(client, subscription, payload("lead_created"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert next(iter(setting)) in caplog.text
    assert subscription.token not in caplog.text
