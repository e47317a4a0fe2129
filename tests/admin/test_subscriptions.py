from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.utils.timezone import now

from tests.support.admin_pages import ADD, AT_ZENVIA, LIST, add, confirm, hidden, said, use_api, user_with
from tests.support.factories import make_event, make_subscription
from tests.support.wire import Wire, says
from zenvia_webhooks.admin.forms import AddSubscriptionForm
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

TOPICS = ["lead.created", "quote.updated", "interaction.resolved"]


@pytest.fixture
def zenvia(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key="key-of-the-tests") as sandbox:
        use_api(settings, sandbox.api_url)
        yield sandbox


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_all_topics_are_ticked_and_become_a_row_each(
    admin_client: Client, zenvia: Sandbox, atomic_requests: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    page = admin_client.get(ADD).content.decode()
    assert len(re.findall(r'name="topics"[^>]* checked', page)) == 3
    response = add(admin_client, topics=TOPICS)
    rows = Subscription.objects.order_by("pk")
    assert [(row.topics, row.status, row.remote_id) for row in rows] == [
        ([topic], "active", f"subscription{number}") for number, topic in enumerate(TOPICS, 1)
    ]
    assert [level for level, _ in said(response)] == ["success"] * 3
    assert LogEntry.objects.count() == 3


def test_who_may_add_or_delete_and_nothing_more_is_told_how_it_went(client: Client, zenvia: Sandbox) -> None:
    client.force_login(user_with("add_subscription", "delete_subscription"))
    added = add(client)
    deleted = client.post(f"{LIST}{Subscription.objects.get().pk}/delete/", {"post": "yes"}, follow=True)
    for response in (added, deleted):
        assert (response.status_code, [level for level, _ in said(response)]) == (200, ["success"])


def test_what_was_shown_is_exactly_what_is_sent(admin_client: Client, zenvia: Sandbox) -> None:
    page = admin_client.get(ADD)
    tokens = re.search(r'name="drawn" value="([^"]+)"', page.content.decode())
    assert tokens is not None
    shown = next(preview for preview in page.context["previews"] if preview.topics == ["lead.created"])
    admin_client.post(ADD, {"account": "default", "topics": ["lead.created"], "drawn": tokens[1]})
    sent = zenvia.requests[-1]
    assert [request.method for request in zenvia.requests] == ["GET", "POST"]
    assert shown.request.splitlines()[0] == f"{sent.method} {zenvia.url}{sent.path}"
    assert shown.request.splitlines()[-1] == sent.body.decode()
    assert json.loads(sent.body)["callbackUrl"] == shown.callback_url
    assert shown.callback_url in page.content.decode()
    assert "key-of-the-tests" not in page.content.decode()


def test_a_refusal_stays_with_zenvias_words_and_can_be_tried_again(admin_client: Client, settings: Any) -> None:
    with Wire() as wire:
        use_api(settings, wire.api_url)
        wire.script("GET", says(200, []))
        wire.script("POST", says(403, '{"message": "this key may not subscribe", "code": "SCOPE"}'))
        response = add(admin_client)
    row = Subscription.objects.get()
    assert row.status == "failed"
    assert "this key may not subscribe" in row.last_error
    assert said(response)[0][0] == "error"
    assert "this key may not subscribe" in said(response)[0][1]
    assert "Register again" in response.content.decode()
    with Sandbox(api_key="key-of-the-tests") as sandbox:
        use_api(settings, sandbox.api_url)
        response = admin_client.post(f"{LIST}{row.pk}/do/register-again/", follow=True)
    row.refresh_from_db()
    assert (row.status, row.last_error) == ("active", "")
    assert said(response)[0][0] == "success"


def test_an_unknown_outcome_is_pending_and_is_settled_by_a_button(admin_client: Client, settings: Any) -> None:
    with Wire() as wire:
        use_api(settings, wire.api_url)
        wire.script("GET", says(200, []), says(503))
        wire.script("POST", says(503))
        response = add(admin_client)
    row = Subscription.objects.get()
    assert row.status == "pending"
    assert said(response)[0][0] == "warning"
    assert "Look at Zenvia again" in response.content.decode()
    with Sandbox(api_key="key-of-the-tests") as sandbox:
        use_api(settings, sandbox.api_url)
        sandbox.add(["lead.created"], row.registered_url)
        admin_client.post(f"{LIST}{row.pk}/do/register-again/")
        assert [request.method for request in sandbox.requests] == ["GET"]
    row.refresh_from_db()
    assert row.status == "active"


def test_what_is_there_already_is_looked_for_where_it_is_written(admin_client: Client, settings: Any) -> None:
    """A replica may not know yet what was added a moment ago."""
    drawn = hidden(admin_client, ADD, "drawn")
    make_subscription()
    settings.DATABASE_ROUTERS = ["tests.support.lag.NoReplica"]
    data = QueryDict(urlencode({"account": "default", "topics": "lead.created", "drawn": drawn}))
    form = AddSubscriptionForm(data)
    assert not form.is_valid()
    assert "has a subscription already" in str(form.errors)


def test_a_form_that_was_sent_already_registers_nothing(admin_client: Client, zenvia: Sandbox) -> None:
    tokens = re.search(r'name="drawn" value="([^"]+)"', admin_client.get(ADD).content.decode())
    assert tokens is not None
    for topic in ("lead.created", "quote.updated"):
        response = admin_client.post(ADD, {"account": "default", "topics": [topic], "drawn": tokens[1]})
    assert "was sent already" in response.content.decode()
    assert len(zenvia.subscriptions) == 1


@pytest.mark.parametrize("tokens", ["", "forged", "eyJsZWFkLmNyZWF0ZWQiOiAiMCJ9:1:2"])
def test_tokens_of_somebodys_own_are_refused(admin_client: Client, zenvia: Sandbox, tokens: str) -> None:
    assert admin_client.post(ADD, {"account": "default", "topics": TOPICS, "drawn": tokens}).status_code == 200
    assert not Subscription.objects.exists()
    assert zenvia.requests == []


def test_a_topic_that_has_a_subscription_is_not_registered_beside_it(admin_client: Client, zenvia: Sandbox) -> None:
    add(admin_client)
    response = add(admin_client, topics=TOPICS)
    assert "lead.created has a subscription already" in response.content.decode()
    assert Subscription.objects.count() == 1


def test_manual_sends_nothing_and_shows_the_url(admin_client: Client, zenvia: Sandbox) -> None:
    response = add(admin_client, manual="on")
    row = Subscription.objects.get()
    assert (row.status, row.is_manual, zenvia.requests) == ("active", True, [])
    assert row.callback_url in response.content.decode()
    assert "registered manually" in response.content.decode()


@pytest.mark.parametrize("how", ["button", "action"])
def test_deactivating_asks_zenvia_first(admin_client: Client, zenvia: Sandbox, how: str) -> None:
    add(admin_client)
    row = Subscription.objects.get()
    if how == "button":
        asking = admin_client.get(f"{LIST}{row.pk}/do/deactivate/")
    else:
        asking = admin_client.post(LIST, {"action": "deactivate_selected", "_selected_action": [row.pk]})
    assert "without Zenvia&#x27;s yes" in asking.content.decode() or "without Zenvia's yes" in asking.content.decode()
    row.refresh_from_db()
    assert row.status == "active"
    confirm(admin_client, asking)
    row.refresh_from_db()
    assert (row.status, zenvia.subscriptions) == ("inactive", [])
    assert admin_client.post(row.callback_url[len("https://crm.example.com") :]).status_code == 404


def test_deleting_asks_zenvia_first(admin_client: Client, zenvia: Sandbox) -> None:
    add(admin_client)
    response = admin_client.post(f"{LIST}{Subscription.objects.get().pk}/delete/", {"post": "yes"}, follow=True)
    assert said(response)[0][0] == "success"
    assert not Subscription.objects.exists()
    assert zenvia.subscriptions == []
    assert LogEntry.objects.latest("pk").is_deletion()


@pytest.mark.parametrize("verb", ["delete/", "do/deactivate/"])
def test_without_zenvias_yes_the_row_and_its_token_live_on(admin_client: Client, settings: Any, verb: str) -> None:
    row = Subscription.objects.create(topics=["lead.created"], remote_id="subscription1", status="active")
    with Wire() as wire:
        use_api(settings, wire.api_url)
        for method in ("DELETE", "GET"):
            wire.script(method, says(503))
        response = admin_client.post(f"{LIST}{row.pk}/{verb}", {"post": "yes"}, follow=True)
    assert said(response)[0][0] == "error"
    row.refresh_from_db()
    assert row.accepts(row.token)
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("path", [AT_ZENVIA, ADD])
def test_a_wrong_setting_is_a_message(admin_client: Client, settings: Any, path: str) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"API_KEY": "two words"}}}
    page = admin_client.get(path, follow=True)
    assert page.status_code == 200
    assert "without spaces" in page.content.decode()


@pytest.mark.parametrize("base", ["http://crm.example.com", "https://crm.example.com/path", 5])
def test_a_wrong_callback_url_hides_no_row(admin_client: Client, settings: Any, base: object) -> None:
    url = f"https://crm.example.com/zenvia/webhook/{'a' * 64}/"
    row = Subscription.objects.create(topics=["lead.created"], status="active", registered_url=url)
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": 5, "CALLBACK_BASE_URL": base}
    for path in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/delete/"):
        assert "lead.created" in admin_client.get(path).content.decode()
    assert "must be a dict" in admin_client.get(AT_ZENVIA).content.decode()


@pytest.mark.parametrize("alias", ["default", "gone"])
def test_without_a_callback_url_the_form_says_what_to_set(admin_client: Client, settings: Any, alias: str) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {alias: {"API_KEY": "key"}}}
    page = admin_client.get(ADD, follow=True).content.decode()
    assert "CALLBACK_BASE_URL" in page


def test_a_viewer_sees_neither_token_nor_buttons(client: Client, subscription: Subscription) -> None:
    client.force_login(user_with("view_subscription"))
    page = client.get(f"{LIST}{subscription.pk}/change/").content.decode()
    assert "lead.created" in page
    assert subscription.token not in page
    assert "Deactivate" not in page
    assert client.post(f"{LIST}{subscription.pk}/do/deactivate/").status_code == 403
    assert client.get(ADD).status_code == 403
    assert client.post(f"{LIST}{subscription.pk}/delete/", {"post": "yes"}).status_code == 403
    assert "deactivate_selected" not in client.get(LIST).content.decode()


def test_staff_without_permissions_sees_nothing(client: Client, subscription: Subscription) -> None:
    client.force_login(user_with())
    for path in (LIST, ADD, AT_ZENVIA, f"{LIST}{subscription.pk}/change/"):
        assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", ["999/do/deactivate/", "{pk}/do/explode/"])
def test_what_is_not_there_is_404(admin_client: Client, subscription: Subscription, path: str) -> None:
    assert admin_client.post(LIST + path.format(pk=subscription.pk)).status_code == 404


def test_a_button_is_no_link(admin_client: Client, subscription: Subscription) -> None:
    assert admin_client.get(f"{LIST}{subscription.pk}/do/register-again/").status_code == 405


def test_the_list_says_what_is_wrong_and_leads_to_events(admin_client: Client, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "QUIET_HOURS": 1}
    quiet = make_subscription(last_event_at=now() - timedelta(hours=3), last_error="Zenvia said no.\nAnd more.")
    event = make_event(subscription=quiet, status="failed")
    make_event()
    Subscription.objects.filter(pk=quiet.pk).update(last_event_at=now() - timedelta(hours=3))
    page = admin_client.get(LIST).content.decode()
    for text in ("3 hours ago", "quiet for too long", "Zenvia said no.", "1 failing", quiet.registered_url):
        assert text in page
    shown = admin_client.get(f"/admin/zenvia_webhooks/event/?subscription={quiet.pk}").context["cl"].result_list
    assert [one.pk for one in shown] == [event.pk]
    assert "And more" not in page


def test_a_viewer_gets_no_callback_url(client: Client) -> None:
    row = make_subscription()
    client.force_login(user_with("view_subscription"))
    assert row.token not in client.get(LIST).content.decode()


def test_forms_are_protected_against_forgery(subscription: Subscription, admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    for path in (ADD, f"{LIST}{subscription.pk}/do/deactivate/", f"{LIST}{subscription.pk}/delete/"):
        assert client.post(path, {"post": "yes"}).status_code == 403


def test_without_an_account_the_form_says_what_to_set(admin_client: Client, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"CALLBACK_BASE_URL": "https://crm.example.com"}
    assert "ACCOUNTS" in admin_client.get(ADD, follow=True).content.decode()
