"""HTML and script in every field of a payload, a header and an error: inert in admin, API and sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support.browser import open_page
from tests.support.factories import make_subscription
from tests.support.people import CANARIES, planted
from zenvia_webhooks.models import Event
from zenvia_webhooks.sandbox import Sandbox

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

HOSTILE = """'"></pre></textarea><b data-owned></b><script>owned = 1</script><img src=x onerror="owned = 1">"""
POLICY = "default-src 'self'"


def under_the_policy(route: Any) -> None:
    """Answer as the server does, with a policy under which nothing inline runs, and that the browser complains by."""
    answer = route.fetch()
    # A header of the page's own is as strict; of two, each must be met.
    route.fulfill(response=answer, headers={"content-security-policy": POLICY, **answer.headers})


def test_nothing_of_a_strangers_becomes_part_of_a_page(
    live_server: LiveServer, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = {name: f"{HOSTILE}{canary}" for name, canary in CANARIES.items()} | {"address": CANARIES["address"]}
    subscription = make_subscription(
        topics=[HOSTILE], remote_id=HOSTILE, last_error=HOSTILE, status="failed", account=HOSTILE
    )
    events = planted(subscription, hostile)
    events[0].deliveries.filter(status="failed").update(receiver=HOSTILE)
    Event.objects.filter(pk=events[1].pk).update(topic=HOSTILE[:100])
    admin, api = f"{live_server.url}/admin/zenvia_webhooks", f"{live_server.url}/zenvia/api"
    paths = [f"{admin}/event/", f"{admin}/subscription/", f"{admin}/subscription/{subscription.pk}/change/"]
    lead, _message, picture, _note, quote, quarantined = events
    paths += [f"{admin}/event/{event.pk}/change/" for event in (lead, picture, quarantined)]
    paths += [f"{api}/events/{event.pk}/" for event in (picture, quote)]
    # Playwright runs a loop of its own in this thread, in which Django would not touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with Sandbox(api_key="key-of-the-tests") as sandbox, open_page() as page:
        sandbox.add([HOSTILE], f"https://crm.example.com/{HOSTILE}")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.route(lambda url: "/static/" not in url, under_the_policy)
        page.context.add_cookies(
            [{"name": "sessionid", "value": admin_client.cookies["sessionid"].value, "url": live_server.url}]
        )
        for path in [*paths, f"{sandbox.url}/"]:
            page.goto(path)
            assert "data-owned" in page.inner_text("body"), path
            assert page.locator("[data-owned]").count() == 0, path
            assert page.evaluate("typeof owned") == "undefined", path
            assert complaints == [], path
