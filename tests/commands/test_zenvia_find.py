from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import load_command_class
from django.test import Client
from django.utils.timezone import now

from tests.support import receivers
from tests.support.commands import run
from tests.support.webhooks import arrived, post
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.erasure.erase import erase
from zenvia_webhooks.erasure.person import by_text
from zenvia_webhooks.management.commands import zenvia_find
from zenvia_webhooks.models import Delivery, Event, Subscription
from zenvia_webhooks.signals import lead_created, quote_updated

pytestmark = pytest.mark.django_db

ANA = {"leadId": "ana", "name": "Ana", "email": "ana@example.com", "phone": "+5511987654321"}


def find(*arguments: str) -> str:
    printed, error = run("zenvia_find", *arguments)
    assert error == ""
    return printed


def test_it_tells_what_came_what_each_receiver_did_and_what_comes_next() -> None:
    lead_created.connect(receivers.create_customer)
    quote_updated.connect(receivers.broken)
    lead = arrived(**ANA)
    dispatch_due()
    quote = arrived("quote.updated", leadId="ana")
    dispatch_due()
    waiting = arrived("interaction.resolved", leadId="ana")
    lines = find("ana").splitlines()
    result = lead.deliveries.get().result
    assert [line.partition(" came on ")[0] for line in lines if not line.startswith(" ")] == [
        f"#{waiting.pk} Conversation closed (interaction.resolved):",
        f"#{quote.pk} Quote changed (quote.updated):",
        f"#{lead.pk} New lead (lead.created):",
    ]
    told = "\n".join(lines)
    assert "Next: a worker hands it to every receiver." in told
    assert "tests.support.receivers.broken failed in attempt 1 of 9 and runs again on " in told
    assert "RuntimeError: it never works" in told
    assert "Next: the receivers that failed run again." in told
    assert "tests.support.receivers.create_customer succeeded on " in told
    assert f" and returned {result}." in told
    assert "Next: nothing; it is done." in told


@pytest.mark.parametrize(
    ("columns", "delivery", "sentences"),
    [
        ({"status": "failed"}, {"status": "failed", "attempts": 9}, ["given up on", "after attempt 9", "replay it"]),
        ({"status": "failed"}, {"status": "gone"}, ["no worker knows it any more"]),
        ({"status": "dispatched"}, {"status": "dismissed"}, ["it does not run", "it is done"]),
        ({"status": "retrying", "next_attempt_at": now() - timedelta(hours=1)}, {}, ["Run: manage.py zenvia_doctor"]),
        ({"status": "unhandled"}, None, ["no receiver was connected for it"]),
        ({"status": "dispatched", "same_as": 99}, None, ["#99 about the same object"]),
        ({"status": "dispatched", "origin": "recovered"}, None, ["its webhook never came"]),
    ],
)
def test_each_outcome_has_its_sentence(
    columns: dict[str, Any], delivery: dict[str, Any] | None, sentences: list[str]
) -> None:
    event = arrived(**ANA)
    Event.objects.about("ana")  # so that it has its keys
    Event.objects.filter(pk=event.pk).update(**{"next_attempt_at": None, **columns})
    if delivery is not None:
        Delivery.objects.create(event=event, receiver="crm.save", **{"finished_at": now(), **delivery})
        if not delivery:
            Delivery.objects.update(next_attempt_at=now())
    told = find("ana")
    assert not [sentence for sentence in sentences if sentence not in told], told


def test_where_nothing_is_found_it_says_how_the_subscriptions_are(subscription: Subscription) -> None:
    told = find("nobody@example.com")
    assert told.startswith("No event is about that.\n")
    assert f"Nothing has ever come for {subscription} #{subscription.pk}." in told
    assert "Every subscription is as it should be." in told
    arrived(**ANA)
    Subscription.objects.update(status="missing", last_event_at=now())
    told = find("nobody@example.com")
    assert "The last event for " in told
    assert "Zenvia no longer lists lead.created" in told
    assert "erased" not in told


def test_what_was_erased_is_not_found() -> None:
    arrived(**ANA)
    erase(by_text("ana"))
    assert find("ana").startswith("No event is about that.\n")


def test_quarantined_bodies_are_read_if_that_is_wanted(
    client: Client, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zenvia_find, "READ_AT_ONCE", 2)
    for body in (b'{"n": "Jo\\u00e3o"}', "João Silva".encode(), b"5511987654321", b"nothing", b"ANA@example.com"):
        post(client, subscription, body)
    assert "5 events were not understood: --quarantined" in find("joão")
    told = find("joão", "--quarantined")
    assert told.count("quarantined, has this text") == 2
    for text in ("+55 (11) 98765-4321", "ana@EXAMPLE.com"):
        assert find(text, "--quarantined").count("quarantined, has this text") == 1
    assert find("nobody", "--quarantined").startswith("No event is about that.\n")


def test_the_audit_log_has_who_asked_and_not_for_whom(caplog: pytest.LogCaptureFixture) -> None:
    arrived(**ANA)
    with caplog.at_level(logging.INFO, "zenvia_webhooks.audit"):
        find("ana@example.com")
        run("zenvia_replay_events", "--no-input")
        run("zenvia_purge_events")
    said = [record.message for record in caplog.records if record.name == "zenvia_webhooks.audit"]
    assert [line.partition(" by ")[0] for line in said] == ["zenvia_find", "zenvia_purge_events"]
    assert said[0].endswith(": told of 1 events")
    assert "ana" not in caplog.text


@pytest.mark.parametrize("command", ["zenvia_find", "zenvia_erase_person"])
def test_it_says_how_a_number_is_given(command: str) -> None:
    """A shell takes a bare one apart, or refuses it."""
    usage = load_command_class("zenvia_webhooks", command).create_parser("manage.py", command).format_help()
    assert "TEXT" in usage.partition("\n\n")[0]
    assert '"(11) 98765-4321"' in " ".join(usage.split())


def test_an_empty_text_is_refused() -> None:
    assert "Give a phone number" in run("zenvia_find", " ")[1]


def test_of_many_the_newest_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zenvia_find, "MOST_TOLD", 1)
    arrived(**ANA)
    newest = arrived("quote.updated", leadId="ana")
    told = find("ana")
    assert told.startswith(f"#{newest.pk} ")
    assert told.endswith("Of 2 events, the newest 1.\n")
