"""What "Add subscription" offers, and shows before it is sent."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any

import pytest
from django.test import Client

from tests.support import receivers
from tests.support.admin_pages import ADD, KEY, add, hidden, press, use_api
from tests.support.wire import Wire, says
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.signals import interaction_resolved

pytestmark = pytest.mark.django_db(transaction=True)

PUBLISHED = ["lead.created", "quote.updated", "interaction.resolved"]
ALL = ["lead.created", "quote.updated", "interaction.created", "agent.created"]


def offered(page: Any) -> list[str]:
    return re.findall(r'name="topics" value="([^"]+)"', page.content.decode())


def preview(client: Client, drawn: str, **fields: Any) -> Any:
    """Press "Show what is sent"."""
    return client.post(ADD, {"account": "default", "drawn": drawn, "_preview": "1"} | fields)


def test_conversion_has_one_row_and_one_preview_for_all_topics(admin_client: Client, settings: Any) -> None:
    with Sandbox(api_key=KEY) as zenvia:
        use_api(settings, zenvia.api_url, CONTRACT="conversion")
        page = admin_client.get(ADD)
        assert sorted(offered(page)) == sorted(ALL)
        drawn = hidden(admin_client, ADD, "drawn")
        (shown,) = preview(admin_client, drawn, topics=ALL).context["previews"]
        asked = len(zenvia.requests)
        admin_client.post(ADD, {"account": "default", "topics": ALL, "drawn": drawn})
        (posted,) = [one for one in zenvia.requests if one.method == "POST"]
        assert "notifications/topics" not in "".join(one.path for one in zenvia.requests[asked:])
    row = Subscription.objects.get()
    assert (sorted(row.topics), row.status, shown.callback_url) == (sorted(ALL), "active", row.callback_url)
    first, last = shown.request.splitlines()[0], shown.request.splitlines()[-1]
    assert first == f"POST {zenvia.url}{posted.path.partition('?')[0]}?api-key=••••••"
    assert last == posted.body.decode()
    assert len(json.loads(last)["topics"]) == 4


def test_a_url_that_was_shown_stays_while_topics_are_ticked(admin_client: Client, settings: Any) -> None:
    for contract in ("help_center", "conversion"):
        with Sandbox(api_key=KEY) as zenvia:
            use_api(settings, zenvia.api_url, CONTRACT=contract)
            drawn = hidden(admin_client, ADD, "drawn")
            before = preview(admin_client, drawn, topics=["lead.created", "quote.updated"]).context["previews"]
            after = preview(admin_client, drawn, topics=["quote.updated"]).context["previews"]
        assert before[-1].callback_url == after[0].callback_url
    assert not Subscription.objects.exists()


def test_the_preview_is_no_registration_and_asks_nobody(admin_client: Client, settings: Any) -> None:
    with Sandbox(api_key=KEY) as zenvia:
        use_api(settings, zenvia.api_url, CONTRACT="conversion")
        drawn = hidden(admin_client, ADD, "drawn")
        asked = len(zenvia.requests)
        page = preview(admin_client, drawn, topics=["lead.created"], manual="on")
        assert len(zenvia.requests) == asked == 1
    assert b"What to register at Zenvia" in page.content
    assert b"POST http" not in page.content
    assert KEY not in page.content.decode()


def test_a_form_that_is_too_old_asks_nobody(admin_client: Client, settings: Any) -> None:
    with Sandbox(api_key=KEY) as zenvia:
        use_api(settings, zenvia.api_url, CONTRACT="conversion")
        page = admin_client.post(ADD, {"account": "default", "topics": ALL, "drawn": "forged"})
        assert zenvia.requests == []
    assert b"open for too long" in page.content
    assert offered(page) == ALL


def test_each_account_has_its_own_topics(admin_client: Client, settings: Any) -> None:
    with Sandbox(api_key=KEY) as zenvia:
        one = {"API_KEY": KEY, "API_URL": zenvia.api_url}
        accounts = {"default": one, "second": one | {"CONTRACT": "conversion"}}
        settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": accounts}
        page = admin_client.get(ADD)
        assert (offered(page), len(page.context["previews"])) == (PUBLISHED, 3)
        drawn = hidden(admin_client, ADD, "drawn")
        page = preview(admin_client, drawn, account="second", topics=ALL[:2])
        assert (sorted(offered(page)), len(page.context["previews"])) == (sorted(ALL), 1)
        # Without JavaScript, the first account's topics may be sent for the second.
        refused = add(admin_client, account="default", topics=["agent.created"])
        assert b"agent.created is not one of the available choices" in refused.content
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("answer", [says(503), says(200, "<html>"), says(200, {}), says(200, [])])
def test_without_zenvias_answer_the_published_topics_are_offered(
    admin_client: Client, settings: Any, answer: Any
) -> None:
    with Wire() as wire:
        use_api(settings, wire.api_url, CONTRACT="conversion")
        wire.script("GET", answer)
        page = admin_client.get(ADD)
    assert (page.status_code, offered(page)) == (200, ALL)


def test_without_a_key_the_published_topics_are_offered(admin_client: Client, settings: Any) -> None:
    use_api(settings, "https://conversion.example.com/v1", CONTRACT="conversion", API_KEY=None)
    page = admin_client.get(ADD)
    assert offered(page) == ALL
    assert b"has no API_KEY" in page.content


def test_a_silent_zenvia_holds_the_form_up_no_longer_than_one_timeout(admin_client: Client, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        one = {"API_KEY": KEY, "API_URL": url, "CONTRACT": "conversion", "TIMEOUT": 1}
        settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": dict.fromkeys("abcdefgh", one)}
        started = time.monotonic()
        page = admin_client.get(ADD)
        # Eight accounts, each of which would take a second.
        assert time.monotonic() - started < 6
    assert offered(page) == ALL
    assert b"no whole answer" in page.content


def test_topics_of_zenvias_are_escaped(admin_client: Client, settings: Any) -> None:
    with Wire() as wire:
        use_api(settings, wire.api_url, CONTRACT="conversion")
        wire.script("GET", says(200, [{"name": "<script>alert(1)</script>"}]))
        page = admin_client.get(ADD)
    assert b"&lt;script&gt;" in page.content
    assert b"<script>alert" not in page.content


def test_a_second_subscription_of_one_key_is_refused_in_the_form(admin_client: Client, settings: Any) -> None:
    with Sandbox(api_key=KEY) as zenvia:
        use_api(settings, zenvia.api_url, CONTRACT="conversion")
        add(admin_client)
        row = Subscription.objects.get()
        response = add(admin_client, topics=["quote.updated"])
        assert len(zenvia.subscriptions) == 1
    assert f"#{row.pk} has it: change the topics of that one instead" in response.content.decode()
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize("has_receiver", [True, False])
def test_who_wants_what_is_resolved_is_told_where_archives_come_from(
    admin_client: Client, settings: Any, has_receiver: bool
) -> None:
    if has_receiver:
        interaction_resolved.connect(receivers.note)
    where = "a lead that is archived"
    with Sandbox(api_key=KEY) as zenvia:
        use_api(settings, zenvia.api_url, CONTRACT="conversion")
        drawn = hidden(admin_client, ADD, "drawn")
        told = [
            where in preview(admin_client, drawn, topics=topics).content.decode()
            for topics in (["interaction.created"], ["interaction.created", "lead.created"], [])
        ]
        assert told == [has_receiver, False, False]
        # Said before it is sent, and again once it is done.
        assert (where in add(admin_client, topics=["interaction.created"]).content.decode()) is has_receiver
        row = Subscription.objects.get()
        changed = press(admin_client, row.pk, "change-topics", topics=["interaction.created", "lead.created"])
    row.refresh_from_db()
    assert (row.status, row.topics) == ("active", ["interaction.created", "lead.created"])
    assert where not in changed.content.decode()
