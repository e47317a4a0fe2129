"""What handing out an event costs the database."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import event_received, lead_created

#: For each receiver: begin, its own insert, a lock or the event's new status, the delivery's insert, commit.
QUERIES = 5
#: PostgreSQL writes the event's new status and the last receiver's delivery in one.
LESS_ON_POSTGRESQL = 1
#: For a whole claim, a new process's look for a backlog before it, and the look for stalled events after it.
QUERIES_OF_A_CLAIM = 7
#: On SQLite: a look whether anything is due, and what locks the database.
MORE_ON_SQLITE = 2


@pytest.mark.django_db(transaction=True)
def test_a_new_event_takes_a_fixed_number_of_queries() -> None:
    for signal, receiver in ((lead_created, receivers.create_customer), (event_received, receivers.flaky)):
        signal.connect(receiver)
    # One fewer than a first claim may take: after a full one, it looks for more.
    for number in range(9):
        arrived(leadId=str(number))
    with CaptureQueriesContext(connection) as queries:
        assert dispatch_due() == 9
    assert Event.objects.filter(status=Event.Status.DISPATCHED).count() == 9
    more = MORE_ON_SQLITE if connection.vendor == "sqlite" else 0
    less = LESS_ON_POSTGRESQL if connection.vendor == "postgresql" else 0
    assert len(queries) == QUERIES_OF_A_CLAIM + more + 9 * (2 * QUERIES - less)
