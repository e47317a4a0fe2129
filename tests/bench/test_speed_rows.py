"""The bench's events that are written by SQL: like those that webhooks store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from django.db import connection

from bench.speed import rows
from bench.speed.site import Site
from tests.support import receivers
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

# VACUUM runs in no transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


class Here:
    """The part of a site that is asked, over the tests' own database."""

    next = 1

    def execute(self, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    def ask_all(self, statement: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return [value for (value,) in cursor.fetchall()]

    def ask(self, statement: str) -> Any:
        return self.ask_all(statement)[0]


def written(write: Callable[[Site], None]) -> list[Event]:
    """Have copies of an event written that was handed out; return them."""
    lead_created.connect(receivers.note)
    original = arrived()
    dispatch_due()
    write(cast(Site, Here()))
    return list(Event.objects.exclude(pk=original.pk))


def test_what_is_finished_has_what_belongs_to_it() -> None:
    copies = written(lambda site: rows.copy_finished(site, 3, 200))
    assert [(event.status, event.deliveries.count(), event.keys.exists()) for event in copies] == [
        ("dispatched", 1, True)
    ] * 3


def test_what_is_due_is_handed_out() -> None:
    written(lambda site: rows.copy_due(site, 3))
    receivers.calls.clear()
    assert (dispatch_due(), len(receivers.calls)) == (3, 3)
