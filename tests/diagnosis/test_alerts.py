"""What is mailed to the site's managers: what, how often, in which language, and what a mail server can do to us."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import django
import pytest
from django.core import mail
from django.db.models import F
from django.utils import translation

from tests.diagnosis.test_deliveries import SAVE, delivered, failed
from tests.support.factories import make_subscription
from tests.support.webhooks import arrived
from zenvia_webhooks.diagnosis import Verdict, alerts
from zenvia_webhooks.models import Delivery, Event, Subscription, TaskRun
from zenvia_webhooks.tasks import send_alerts

pytestmark = pytest.mark.django_db

PERSON = "Ana Silva"


@pytest.fixture(autouse=True)
def _managers(settings: Any) -> None:
    # By its address alone from Django 6.0 on.
    settings.MANAGERS = ["sales@example.com"] if django.VERSION >= (6, 0) else [("Sales", "sales@example.com")]


def hours_pass(hours: float) -> None:
    TaskRun.objects.update(started_at=F("started_at") - timedelta(hours=hours))


def outage(number: int = 3) -> None:
    failed(number, error=f"shop.errors.PriceListError: no price for {PERSON} <ana@example.com>")


def test_an_outage_is_mailed_once_and_again_the_next_day() -> None:
    delivered(1)
    assert send_alerts() == 0
    outage()
    assert send_alerts() == 1
    [message] = mail.outbox
    assert message.to == ["sales@example.com"]
    # Prefix and site, so that one inbox can serve several.
    start = f"[Django] crm.example.com: {SAVE} fails for every event that comes: 3 deliveries with PriceListError"
    assert message.subject.startswith(start)
    assert "Look at event #" in str(message.body)
    assert PERSON not in message.subject + str(message.body)
    assert "ana@" not in message.subject + str(message.body)
    for hours in (0.5, 1, 20):
        hours_pass(hours)
        assert send_alerts() == 0
    hours_pass(3)
    assert send_alerts() == 1
    # What is over and comes back is news.
    Delivery.objects.update(status="succeeded")
    hours_pass(2)
    assert send_alerts() == 0
    outage()
    assert send_alerts() == 1


def test_each_kind_is_a_mail_of_its_own_and_what_is_new_of_it_waits_for_its_hour() -> None:
    make_subscription(status="missing")
    delivered(1)
    outage()
    arrived()
    Event.objects.order_by("-pk").filter(deliveries=None).update(status="quarantined", next_attempt_at=None)
    assert send_alerts() == 3
    failed(3, "shop.receivers.quote")
    Subscription.objects.update(status="active")
    assert send_alerts() == 0
    hours_pass(1.1)
    assert send_alerts() == 1
    assert "shop.receivers.quote" in str(mail.outbox[-1].body)


def test_subscription_that_is_quiet_is_mailed(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "QUIET_HOURS": 1}
    make_subscription()
    Subscription.objects.update(created_at=F("created_at") - timedelta(hours=2))
    assert send_alerts() == 1
    assert "Nothing came for" in mail.outbox[0].subject


def test_of_two_workers_one_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    outage()
    is_due = alerts._is_due

    def while_another_sends(*args: Any) -> bool:
        monkeypatch.setattr(alerts, "_is_due", is_due)
        assert alerts.send() == 1
        return is_due(*args)

    monkeypatch.setattr(alerts, "_is_due", while_another_sends)
    assert alerts.send() == 0
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("off", ["ALERTS", "MANAGERS"])
def test_nothing_is_looked_at_where_nobody_wants_it(settings: Any, django_assert_num_queries: Any, off: str) -> None:
    outage()
    settings.MANAGERS = [] if off == "MANAGERS" else settings.MANAGERS
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ALERTS": off != "ALERTS"}
    with django_assert_num_queries(0):
        assert send_alerts() == 0


def test_language_is_the_sites_whatever_the_process_speaks(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = []

    def look(_areas: Any) -> Verdict:
        spoken.append(translation.get_language())
        return Verdict(problems=())

    monkeypatch.setattr(alerts, "verdict", look)
    settings.LANGUAGE_CODE = "es"
    with translation.override("pt-br"):
        send_alerts()
        assert translation.get_language() == "pt-br"
    assert spoken == ["es"]


def test_mail_server_that_fails_is_a_line_in_the_log_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any) -> None:
        raise ConnectionRefusedError(PERSON)

    outage()
    with monkeypatch.context() as patched:
        patched.setattr(alerts, "mail_managers", refuse)
        assert send_alerts() == 0
    assert "an alert about failing-receiver could not be mailed: ConnectionRefusedError; manage.py" in caplog.text
    assert PERSON not in caplog.text
    assert send_alerts() == 0
    hours_pass(0.2)
    assert send_alerts() == 1


def test_mail_server_that_is_silent_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(alerts, "mail_managers", lambda *_args: ended.wait(30))
    monkeypatch.setattr(alerts, "SECONDS", 0.05)
    outage()
    assert send_alerts() == 0
    ended.set()
    assert "could not be mailed: TimeoutError" in caplog.text
