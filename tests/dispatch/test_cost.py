"""What handing out an event costs the database."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, IntegrityError, OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from tests.support import receivers
from tests.support.webhooks import arrived, let_time_pass
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import event_received, lead_created

#: For each receiver: begin, its own insert, our lock, our insert, commit; then the event.
QUERIES = 2 * 5 + 1
#: For a whole claim.
QUERIES_OF_A_CLAIM = 12


@pytest.mark.django_db(transaction=True)
def test_a_new_event_takes_a_fixed_number_of_queries() -> None:
    for signal, receiver in ((lead_created, receivers.create_customer), (event_received, receivers.flaky)):
        signal.connect(receiver)
    for number in range(10):
        arrived(leadId=str(number))
    with CaptureQueriesContext(connection) as queries:
        assert dispatch_due() == 10
    assert Event.objects.filter(status=Event.Status.DISPATCHED).count() == 10
    assert len(queries) <= QUERIES_OF_A_CLAIM + 10 * QUERIES


@pytest.mark.django_db(transaction=True)
def test_a_success_that_was_committed_in_spite_of_an_error_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_created.connect(receivers.create_customer)
    event = arrived()
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    commit, broken = wrapper._commit, threading.Event()

    def commit_and_break() -> None:
        commit()
        if receivers.calls and not broken.is_set():
            broken.set()
            raise OperationalError("the connection broke before the answer came")

    monkeypatch.setattr(wrapper, "_commit", commit_and_break)
    with pytest.raises(IntegrityError):
        dispatch_due()
    let_time_pass()
    dispatch_due()
    event.refresh_from_db()
    assert (event.status, event.deliveries.get().status) == ("dispatched", "succeeded")
    assert receivers.calls == [("create_customer", event.pk)]
