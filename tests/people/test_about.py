"""`Event.objects.about`, and `zenvia_reindex_events`."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.commands import run
from tests.support.factories import make_event, make_subscription
from tests.support.webhooks import arrived
from zenvia_webhooks.conf import conf
from zenvia_webhooks.dispatch import claims
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.erasure.person import by_events
from zenvia_webhooks.models import Event, EventKey, about

pytestmark = pytest.mark.django_db

#: Country → a mobile as an event has it, five notations of it, and a neighbour's.
NUMBERS = {
    "BR": (
        "+5511987654321",
        ["+55 11 98765-4321", "5511987654321", "(011) 98765-4321", "11 8765-4321", "00 55 11 98765 4321"],
        "11 98765-4322",
    ),
    "AR": (
        "+5491123456789",
        ["+54 9 11 2345-6789", "5491123456789", "011 15-2345-6789", "11 2345-6789", "+54 11 2345 6789"],
        "11 2345-6788",
    ),
    "MX": (
        "+5215512345678",
        ["+52 1 55 1234 5678", "525512345678", "55 1234 5678", "044 55 1234 5678", "01 55 1234-5678"],
        "55 1234 5679",
    ),
}


@pytest.mark.parametrize("country", NUMBERS)
def test_a_number_is_found_in_each_notation_and_its_neighbour_is_not(country: str) -> None:
    phone, notations, neighbour = NUMBERS[country]
    event, _other = arrived(phone=phone), arrived(phone="+5521999990000")
    for notation in notations:
        assert list(Event.objects.about(notation)) == [event], notation
    assert not Event.objects.about(neighbour).exists()


def test_addresses_and_leads_ids_are_found_whatever_surrounds_them() -> None:
    event = arrived(leadId="L-1", email="Ana.Paz@Example.com")
    for text in ("ana.paz@example.com", " ANA.PAZ@EXAMPLE.COM ", "L-1", " L-1\n"):
        assert list(Event.objects.about(text)) == [event], text
    for text in ("", "  ", "l-1", "ana.paz", "ana.paz@example.co", "\x00", "\udce3", "%"):
        assert not Event.objects.about(text).exists(), text


def test_a_lead_is_found_in_each_account(settings: Any) -> None:
    events = {
        make_event(data={"leadId": "7"}, subscription=make_subscription(account=account)) for account in ("a", "b")
    }
    assert set(Event.objects.about("7")) == events


def test_what_no_worker_has_had_is_keyed_once() -> None:
    for number in range(3):
        arrived(email=f"{number}@example.com")
    dispatch_due()
    waiting = [arrived(email="new@example.com") for _ in range(2)]
    assert set(Event.objects.about("new@example.com")) == set(waiting)
    with CaptureQueriesContext(connection) as queries:
        assert Event.objects.about("new@example.com").count() == 2
    assert not [query["sql"] for query in queries if query["sql"].startswith("INSERT")]


def test_keys_are_written_of_no_more_payloads_at_once_than_a_claim_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a web process, in which a search or an erasure runs: 200 of the largest took 380 MB."""
    assert about.KEYED_AT_ONCE * conf.max_body_bytes <= claims.MAX_BYTES
    monkeypatch.setattr(about, "KEYED_AT_ONCE", 2)
    for look in (lambda: Event.objects.about("new@example.com"), lambda: by_events(Event.objects.all())):
        EventKey.objects.all().delete()
        for _ in range(3):
            arrived(email="new@example.com")
        with CaptureQueriesContext(connection) as queries:
            look()
        batches = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
        assert len(batches) == -(-Event.objects.count() // 2)


def test_a_change_of_key_is_followed_by_a_reindex(settings: Any) -> None:
    event, erased = arrived(email="ana@example.com"), arrived(email="eva@example.com")
    dispatch_due()
    make_event(status=Event.Status.QUARANTINED, next_attempt_at=None)
    Event.objects.filter(pk=erased.pk).update(status=Event.Status.ERASED, payload=None)
    of_erased = set(erased.keys.values_list("pk", flat=True))
    settings.ZENVIA_WEBHOOKS = {"DIGEST_KEY": "another"}
    assert not Event.objects.about("ana@example.com").exists()
    assert "Reindexed events: 1." in run("zenvia_reindex_events")[0]
    assert list(Event.objects.about("ana@example.com")) == [event]
    # None of the old ones is left, but of what can't be read any more.
    assert EventKey.objects.filter(event=event).count() == 3
    assert set(erased.keys.values_list("pk", flat=True)) == of_erased
