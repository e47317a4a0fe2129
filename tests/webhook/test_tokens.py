"""What a process remembers of a token, and for how long."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.webhooks import envelope, post
from zenvia_webhooks.diagnosis import Area, Severity, diagnose
from zenvia_webhooks.models import Event, Subscription
from zenvia_webhooks.webhook import intake, tokens

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _forget() -> None:
    tokens.forget()


def revoke() -> None:
    Subscription.objects.update(status=Subscription.Status.INACTIVE)


def test_a_remembered_token_leaves_one_statement_a_webhook(client: Client, subscription: Subscription) -> None:
    assert post(client, subscription, envelope(n=1)).status_code == 200
    with CaptureQueriesContext(connection) as found:
        assert post(client, subscription, envelope(n=2)).status_code == 200
    statements = [query["sql"].split()[0] for query in found.captured_queries]
    assert statements == (["SELECT", "INSERT"] if connection.vendor == "mysql" else ["INSERT"])


@pytest.mark.parametrize(("seconds", "status"), [(4.9, 200), (5, 404), (-1, 404)])
def test_a_revocation_holds_after_five_seconds(
    client: Client, subscription: Subscription, monkeypatch: pytest.MonkeyPatch, seconds: float, status: int
) -> None:
    """And at once where the clock stands before the look: it was a test's."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    assert post(client, subscription, envelope(n=1)).status_code == 200
    revoke()
    monkeypatch.setattr(time, "monotonic", lambda: 1000 + seconds)
    assert post(client, subscription, envelope(n=2)).status_code == status


def test_an_unknown_token_is_not_remembered(client: Client) -> None:
    row = Subscription(topics=["lead.created"])
    assert post(client, row, envelope()).status_code == 404
    row.save()
    assert post(client, row, envelope()).status_code == 200


def test_the_moment_is_still_the_databases(client: Client, subscription: Subscription) -> None:
    for n in range(3):
        post(client, subscription, envelope(n=n))
    moments = list(Event.objects.order_by("pk").values_list("received_at", flat=True))
    assert moments == sorted(set(moments))


def test_a_subscription_that_was_deleted_meanwhile_is_unknown(client: Client, subscription: Subscription) -> None:
    post(client, subscription, envelope(n=1))
    Subscription.objects.get().delete()
    assert post(client, subscription, envelope(n=2)).status_code == 404
    assert Event.objects.count() == 1


def test_a_token_that_is_another_rows_by_now_loses_nothing(client: Client, subscription: Subscription) -> None:
    """As after a host's test, whose database was emptied and filled anew."""
    post(client, subscription, envelope(n=1))
    Subscription.objects.all().delete()
    anew = Subscription.objects.create(token=subscription.token, account="other", pk=subscription.pk + 1000)
    assert post(client, subscription, envelope(n=2)).status_code == 200
    event = Event.objects.latest("pk")
    assert (event.subscription, event.account) == (anew, "other")


def test_an_error_of_the_database_forgets(client: Client, subscription: Subscription) -> None:
    post(client, subscription, envelope(n=1))
    revoke()

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        raise OperationalError("the server is starting up")

    with connection.execute_wrapper(fail):
        assert post(client, subscription, envelope(n=2)).status_code == 503
    assert post(client, subscription, envelope(n=2)).status_code == 404


# The bound of a day


def test_a_subscription_stores_no_more_in_a_day_than_it_may(
    client: Client, subscription: Subscription, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = envelope(n=1)
    size = len(body) + intake.ROW_BYTES
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "STORED_HEADERS": [], "MAX_BYTES_PER_DAY": 2 * size}
    # What is a repetition is not stored again, and not counted.
    answers = [post(client, subscription, body) for body in (body, body, envelope(n=2), envelope(n=3))]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 86400
    assert diagnose_ids() == []  # nobody has been told yet

    # Another process, which asks the database, knows of it once this one has looked again.
    monkeypatch.setattr(tokens, "REMEMBERED_SECONDS", 0)
    assert post(client, subscription, envelope(n=3)).status_code == 429
    tokens.forget()
    assert post(client, subscription, envelope(n=3)).status_code == 429
    assert Subscription.objects.get().stored_bytes == 2 * size
    assert diagnose_ids() == ["daily-bound"]
    assert Event.objects.count() == 2

    # The next day begins at nothing.
    row = Subscription.objects.get()
    assert row.stored_on is not None
    Subscription.objects.update(stored_on=row.stored_on - timedelta(days=1))
    assert [post(client, subscription, envelope(n=n)).status_code for n in (4, 5)] == [200, 200]
    subscription.refresh_from_db()
    assert subscription.stored_bytes == size


@pytest.mark.parametrize(("headers", "most"), [({}, 40), ({"HTTP_USER_AGENT": "a" * 8000}, 3)])
def test_what_is_small_is_counted_with_its_row_and_headers(
    client: Client, subscription: Subscription, settings: Any, headers: dict[str, str], most: int
) -> None:
    """Else some bytes of a body, over and over, would fill a disk."""
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "MAX_BYTES_PER_DAY": 20_000}
    answers = [post(client, subscription, b"%d" % n, **headers).status_code for n in range(most + 1)]
    assert answers[0] == 400
    assert answers[-1] == 429


def diagnose_ids() -> list[str]:
    return [finding.id for finding in diagnose([Area.SUBSCRIPTIONS]) if finding.severity == Severity.BROKEN]
