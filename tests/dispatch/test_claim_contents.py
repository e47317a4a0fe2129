"""What a claim reads, locks and writes besides itself, and what it leaves to others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from tests.support.webhooks import arrived, due_since
from zenvia_webhooks.dispatch import claims
from zenvia_webhooks.dispatch.claims import claim_due, lock
from zenvia_webhooks.models import Event, EventKey


@pytest.mark.django_db(transaction=True)
def test_keys_that_break_its_transaction_break_the_claim() -> None:
    """As a deadlock does on MariaDB: nothing of the transaction is left, and nothing is held."""
    due_since(5)

    def roll_back(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT") and EventKey._meta.db_table in sql:
            execute("ROLLBACK", None, False, context)
            raise OperationalError("deadlock")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(roll_back), pytest.raises(OperationalError, match="deadlock"):
        claim_due(10)
    assert claim_due(10).events


@pytest.mark.django_db(transaction=True)
def test_keys_that_a_search_has_just_written_make_no_deadlock(caplog: pytest.LogCaptureFixture) -> None:
    """Who refers to an event, as its keys do, looks at its row when they commit: PostgreSQL."""
    if not connection.features.has_select_for_no_key_update:
        return
    event = arrived(leadId="1")
    is_written, is_claimed = threading.Event(), threading.Event()

    def search() -> None:
        try:
            with transaction.atomic():
                Event.objects.about("1")
                is_written.set()
                is_claimed.wait(20)
        finally:
            connection.close()

    def tell(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT"):
            is_claimed.set()
        return execute(sql, params, many, context)

    with ThreadPoolExecutor(1) as pool, connection.execute_wrapper(tell):
        searching = pool.submit(search)
        assert is_written.wait(20)
        claim = claim_due(10)
        searching.result(20)
    assert [one.pk for one in claim.events] == [event.pk]
    assert event.keys.exists()
    assert not caplog.records


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "newest"), [(10, 0), (4, 0), (4, 2)])
def test_claim_holds_no_bodies_and_only_so_much_of_what_came_in_them(
    monkeypatch: pytest.MonkeyPatch, limit: int, newest: int
) -> None:
    pks = due_since(50, 40, 30, 20)
    size = len(Event.objects.all()[0].body)
    monkeypatch.setattr(claims, "MAX_BYTES", 2 * size)
    claim = claim_due(limit, newest=newest)
    assert {event.pk for event in claim.events} == ({pks[3], pks[0]} if newest else set(pks[:2]))
    assert claim.is_full
    assert [event.get_deferred_fields() for event in claim.events] == [{"body"}] * 2
    assert [event.payload for event in claim.events] == [
        Event.objects.get(pk=event.pk).payload for event in claim.events
    ]
    monkeypatch.setattr(claims, "MAX_BYTES", 1)
    assert len(claim_due(limit).events) == 1  # however large it is


@pytest.mark.django_db
@pytest.mark.parametrize("newest", [4, 2])
@pytest.mark.parametrize(("bytes_each", "is_read"), [(0, True), (-1, False)])
def test_no_more_payloads_are_read_than_a_claim_may_hold(
    monkeypatch: pytest.MonkeyPatch, newest: int, bytes_each: int, is_read: bool
) -> None:
    due_since(50, 40, 30)
    size = len(Event.objects.all()[0].body)
    monkeypatch.setattr(claims, "MAX_BYTES", 4 * (size + bytes_each))
    read: list[Any] = []

    def note(due: Sequence[claims.Due]) -> list[claims.Due]:
        read.extend(one.columns[claims.COLUMNS.index("payload")] for one in due)
        return fitting(due)

    fitting = claims._that_fit
    monkeypatch.setattr(claims, "_that_fit", note)
    claim = claim_due(4, newest=newest)
    assert [payload is not None for payload in read] == [is_read] * 3
    assert all(event.lead is not None for event in claim.events)


@pytest.mark.django_db
@pytest.mark.parametrize("most", [claims.MAX_BYTES, 1])
def test_a_hosts_receiver_of_post_init_sees_whole_events(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    due_since(50)
    monkeypatch.setattr(claims, "MAX_BYTES", most)
    seen: list[tuple[int, str, bool]] = []

    def note(instance: Event, **kwargs: Any) -> None:
        seen.append((instance.pk, instance.status, instance.lead is None))

    post_init.connect(note, sender=Event)
    try:
        [event] = claim_due(10).events
    finally:
        post_init.disconnect(note, sender=Event)
    assert seen == [(event.pk, "pending", False)]


@pytest.mark.django_db
def test_the_databases_moment_is_known_without_a_query(django_assert_num_queries: Any) -> None:
    due_since(5)
    claim = claim_due(1)
    [event] = claim.events
    with transaction.atomic():
        before = lock(event, claim.id)
    with django_assert_num_queries(0):
        later = (claim.now(event) - before).total_seconds()
    assert -0.001 <= later < 5  # SQLite's clock knows milliseconds


@pytest.mark.django_db
def test_what_is_locked_is_claimed_by_its_id_alone() -> None:
    """Through the index of what is due, MariaDB would lock what another worker is just finishing: a deadlock."""
    due_since(5)
    with CaptureQueriesContext(connection) as queries:
        claim_due(10)
    # The first is what locks the database on SQLite.
    *_, update = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert "next_attempt_at" not in update.split(" WHERE ")[1]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_who_refers_to_an_event_and_its_claim_need_not_wait_for_each_other() -> None:
    """A recovery writes the keys of an event, and so does the claim: each waiting for the other was a deadlock."""
    due_since(5)
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM zenvia_webhooks_event FOR KEY SHARE")
        assert len(claim_due(10).events) == 1
    finally:
        other.close()
