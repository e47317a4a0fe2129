"""Reading quarantined events again."""

from __future__ import annotations

import pytest

from tests.support.factories import envelope, make_event
from tests.support.webhooks import seconds_away
from zenvia_webhooks import wakeup
from zenvia_webhooks.models import Event
from zenvia_webhooks.models.event import FINGERPRINT_BYTES
from zenvia_webhooks.replay.again import read_again

pytestmark = pytest.mark.django_db

#: The fingerprint of what was not understood.
FORMER = bytes(FINGERPRINT_BYTES)


def quarantined(body: bytes) -> Event:
    event = make_event(
        status=Event.Status.QUARANTINED,
        fingerprint=FORMER,
        topic="",
        contract="",
        payload=None,
        error="why",
        next_attempt_at=None,
    )
    Event.objects.filter(pk=event.pk).update(body=body)
    return event


def test_what_is_understood_now_is_due_before_what_arrives() -> None:
    event = quarantined(envelope("quote.updated", leadId="7"))
    assert read_again(event)
    event.refresh_from_db()
    assert (event.topic, event.contract, event.status, event.error) == ("quote.updated", "help_center", "pending", "")
    assert event.fingerprint != FORMER
    assert seconds_away(event.next_attempt_at) == pytest.approx(-wakeup.BULK_SECONDS, abs=5)
    assert not read_again(event)  # it is pending now


def test_what_is_still_not_understood_stays() -> None:
    event = quarantined(b"nothing")
    assert not read_again(event)
    event.refresh_from_db()
    assert (event.status, event.error) == (Event.Status.QUARANTINED, "why")


def test_what_came_again_meanwhile_is_not_handed_out_twice() -> None:
    event = quarantined(envelope(leadId="7"))
    same = make_event(data={"leadId": "7"})
    assert read_again(event)
    event.refresh_from_db()
    assert (event.status, event.same_as, event.topic) == (Event.Status.DISPATCHED, same.pk, "lead.created")
    assert event.next_attempt_at is None
