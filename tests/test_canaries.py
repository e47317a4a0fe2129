"""Every secret and every datum of a person, looked for where it must not turn up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.support import receivers
from tests.support.people import CANARIES, all_that_is_stored, bodies, planted
from tests.support.webhooks import path_of
from zenvia_webhooks import signals
from zenvia_webhooks.client import ZenviaClient
from zenvia_webhooks.conf import conf
from zenvia_webhooks.erasure.erase import erase
from zenvia_webhooks.erasure.person import by_text
from zenvia_webhooks.models import Delivery, EventKey, Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.tasks import dispatch_events
from zenvia_webhooks.webhook import views

pytestmark = pytest.mark.django_db

KEY = "canary-api-key"
PREVIOUS = "c0ffee11" * 8
#: Their loggers have levels of their own, or are asked before the root.
COMPONENTS = ("", "django", "django.request", "django.template", "celery", "kombu", "urllib3", "zenvia_webhooks")


def found_in(text: str) -> set[str]:
    """Return what of a person, and which secrets, a text holds."""
    tokens = Subscription.objects.values_list("token", flat=True)
    secrets = {
        "the key": KEY,
        "the previous token": PREVIOUS,
        **{f"token {number}": t for number, t in enumerate(tokens)},
    }
    return {name for name, canary in {**CANARIES, **secrets}.items() if canary in text}


def post_all(client: Client, subscription: Subscription) -> list[int]:
    extra: Any = {"REMOTE_ADDR": CANARIES["address"], "HTTP_USER_AGENT": CANARIES["header"]}
    path = path_of(subscription)
    return [client.generic("POST", path, body, "application/json", **extra).status_code for body in bodies()]


@pytest.fixture
def subscription(settings: Any) -> Any:
    """One that is registered at a stand-in Zenvia, and whose token has been changed."""
    with Sandbox(api_key=KEY) as sandbox:
        account = {"API_KEY": KEY, "API_URL": sandbox.api_url, "CONTRACT": "conversion"}
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": "https://crm.example.com"}
        call_command("zenvia_register_subscription", "--topic", "lead.created")
        row = Subscription.objects.get()
        call_command("zenvia_change_subscription", str(row.pk), "--rotate")
        Subscription.objects.update(previous_token=PREVIOUS)
        row.refresh_from_db()
        yield row


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Log at DEBUG from here on; give what was logged: the lines, and what they were made of."""
    for name in COMPONENTS:
        caplog.set_level(logging.DEBUG, name)
    return lambda: caplog.text + "".join(repr(vars(record)) for record in caplog.records)


def test_in_no_log_and_nothing_that_is_printed(
    everything_logged: Callable[[], str], subscription: Subscription, client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    signals.event_received.connect(receivers.broken)
    signals.lead_created.connect(receivers.create_customer)
    assert post_all(client, subscription) == [200] * 5 + [400]
    assert post_all(client, subscription) == [200] * 5 + [400]
    assert client.post(path_of(subscription).replace(subscription.token, PREVIOUS[::-1])).status_code == 404
    dispatch_events.apply()
    assert Delivery.objects.filter(status="retrying").count() == 5
    call_command("zenvia_sync_subscriptions")
    logged, printed = everything_logged(), capfd.readouterr()
    for one in ("is quarantined", "/notifications/subscriptions", "it never works", "unknown token"):
        assert one in logged
    assert found_in(logged + printed.out + printed.err) == set()


def test_in_no_repr(subscription: Subscription) -> None:
    client = ZenviaClient()
    events = planted(subscription)
    EventKey.objects.create(event=events[0], kind=EventKey.Kind.LEAD, digest=bytes(16))
    rows = [*events, *Delivery.objects.all(), *EventKey.objects.all(), subscription]
    values = [value for event in events for value in (event.lead, event.quote, event.interaction)]
    call = client.contract.create_call(["lead.created"], subscription.callback_url, {})
    others = [conf.accounts, client, client.list_subscriptions(), call]
    assert found_in("".join(f"{one} {one!r}" for one in (*rows, *values, *others))) == set()


@pytest.mark.parametrize("is_debug", [False, True])
def test_in_no_answer_that_something_went_wrong(
    subscription: Subscription,
    client: Client,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    is_debug: bool,
) -> None:
    settings.DEBUG = is_debug

    def fails(*args: Any, **kwargs: Any) -> Any:
        raise LookupError

    monkeypatch.setattr(views, "store", fails)
    extra: Any = {"REMOTE_ADDR": CANARIES["address"], "HTTP_USER_AGENT": CANARIES["header"]}
    answer = client.generic("POST", path_of(subscription), next(bodies()), "application/json", **extra)
    assert answer.status_code == 503
    assert found_in(answer.content.decode()) == set()


def test_in_no_redirect(subscription: Subscription, client: Client, admin_client: Client) -> None:
    ids = [event.pk for event in planted(subscription)]
    pages = [f"/admin/zenvia_webhooks/event/{pk}/change/" for pk in ids]
    to_login = [client.get(page)["Location"] for page in pages]
    replayed = admin_client.post(
        "/admin/zenvia_webhooks/event/", {"action": "replay_selected", "_selected_action": ids}
    )
    assert replayed.status_code == 302
    assert found_in(" ".join([*to_login, str(replayed.headers)])) == set()


def test_after_an_erasure_in_no_table(subscription: Subscription, admin_client: Client) -> None:
    events = planted(subscription)
    for event in events:
        admin_client.get(f"/admin/zenvia_webhooks/event/{event.pk}/change/")
    assert found_in(all_that_is_stored()) >= set(CANARIES)
    erased = erase(by_text(CANARIES["phone"]))
    selected = {"action": "erase_selected", "_selected_action": [event.pk for event in events], "erase": "yes"}
    admin_client.post("/admin/zenvia_webhooks/event/", selected)
    # What was not understood has no number.
    assert sorted(erased.events) == [event.pk for event in events[:-1]]
    assert found_in(all_that_is_stored()) & set(CANARIES) == set()
