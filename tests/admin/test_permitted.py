"""What a browser shows with and without each permission; that nothing else is obeyed is in `test_access`."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support import receivers
from tests.support.account import KEY, make_account
from tests.support.admin_pages import user_with
from tests.support.factories import make_event, make_subscription
from tests.support.webhooks import let_time_pass
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import lead_created

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.long, pytest.mark.django_db(transaction=True)]

ADMIN = "/admin/zenvia_webhooks/"
PERSON = {"name": "Ana Paz", "phone": "+5511988880001", "email": "ana@example.com"}
#: What can be pressed in a page, by its words.
PRESSED = """() => [...document.querySelectorAll("a, button, option, input[type=submit]")]
    .filter(one => one.tagName === "OPTION" || one.checkVisibility())
    .map(one => (one.innerText || one.value || "").trim())"""
REPLAY = {"Replay", "Replay …", "Replay all that match …", "Dismiss"}
CHANGE = {"Change topics …", "Rotate token …", "Deactivate …", "Register again", "Deactivate", "Copy URL"}
#: What of that does something, or leads to it.
ACTIONS = {
    *REPLAY,
    "Look at it",
    "Its events",
    "Try all failing now …",
    "Erase the person",
    "Add subscription",
    "Delete",
    *CHANGE,
}
#: Permissions → what they have shown to do, and whether it is shown who the people are, and a callback URL.
SHOWN: dict[str, tuple[set[str], bool, bool]] = {
    "": (set(), False, False),
    "view_event": ({"Look at it"}, False, False),
    "view_payload": (set(), False, False),
    "view_event view_payload": ({"Look at it"}, True, False),
    "replay_event": (REPLAY, False, False),
    "view_event replay_event": ({*REPLAY, "Look at it", "Try all failing now …"}, False, False),
    "view_event erase_person": ({"Look at it", "Erase the person"}, False, False),
    "view_subscription": (set(), False, False),
    "change_subscription": (CHANGE, False, True),
    "view_subscription add_subscription": ({"Add subscription"}, False, False),
    "view_subscription view_event": ({"Look at it", "Its events"}, False, False),
    "view_subscription delete_subscription": ({"Delete"}, False, False),
}


def test_only_what_somebody_may_do_and_know_is_shown(page: Any, live_server: LiveServer, settings: Any) -> None:
    with Sandbox(api_key=KEY) as zenvia:
        account = make_account(API_URL=zenvia.api_url)
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": live_server.url}
        lead_created.connect(receivers.broken)
        subscription = make_subscription(at=zenvia)
        event = make_event(data=PERSON, subscription=subscription)
        for _attempt in range(2):
            dispatch_due()
            let_time_pass()
        assert Event.objects.get().status == "retrying"
        places = ["", "event/?status=retrying", f"event/{event.pk}/change/"]
        places += [f"subscription/{place}" for place in ("", f"{subscription.pk}/change/", "at-zenvia/")]
        found = {}
        for permissions in SHOWN:
            log_in_with(page, live_server.url, permissions)
            said, pressed = "", set[str]()
            # What they get no page of is left to `test_access`.
            for place in (one for one in places if not one or one.startswith("subscr") == ("_subscr" in permissions)):
                page.goto(f"{ADMIN}{place}")
                said += page.content()
                pressed |= set(page.evaluate(PRESSED))
            people = {word for word in (*PERSON.values(), "it never works") if word in said}
            assert len(people) in (0, 4)
            found[permissions] = (pressed & ACTIONS, bool(people), subscription.token in said)
        assert found == SHOWN


def log_in_with(page: Any, address: str, permissions: str) -> None:
    client = Client()
    client.force_login(user_with(*permissions.split(), name=permissions or "nobody"))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": address}])
