"""The page "Registered at Zenvia"."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from tests.support.admin_pages import AT_ZENVIA, KEY, LIST, add, apply, buttons, said, use_api, user_with
from tests.support.wire import Wire, says
from zenvia_webhooks.callback import callback_url
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import new_token
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def zenvia(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as sandbox:
        use_api(settings, sandbox.api_url)
        yield sandbox


def registered(zenvia: Sandbox, **columns: Any) -> Subscription:
    """Return an active row that Zenvia lists."""
    row = Subscription(topics=["lead.created"], status="active", **columns)
    row.registered_url = row.callback_url
    row.remote_id = zenvia.add(["lead.created"], row.registered_url).id
    row.save()
    return row


def test_our_rows_and_a_foreign_ones_are_told_apart(admin_client: Client, zenvia: Sandbox) -> None:
    add(admin_client)
    zenvia.add(["lead.created"], "https://user:password@other.example.com/hook?secret=1")
    page = admin_client.get(AT_ZENVIA).content.decode()
    row = Subscription.objects.get()
    assert "another system" in page
    assert "other.example.com" in page
    assert "this site" in page
    for kept_back in (row.token, "secret", "password@", "/hook", KEY):
        assert kept_back not in page
    assert buttons(admin_client) == []


def test_a_foreign_ones_odd_url_is_no_error(admin_client: Client, zenvia: Sandbox) -> None:
    zenvia.add(["lead.created"], "http://[bad/x")
    zenvia.add(["<script>"], "https://<script>.example.com/hook")
    page = admin_client.get(AT_ZENVIA)
    assert page.status_code == 200
    assert b"&lt;script&gt;.example.com" in page.content
    assert b"<script>.example" not in page.content


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_one_without_a_row_is_adopted(
    admin_client: Client, zenvia: Sandbox, atomic_requests: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    token = new_token()
    remote = zenvia.add(["lead.created"], callback_url(token))
    (line,) = buttons(admin_client)
    response = apply(admin_client, line)
    row = Subscription.objects.get()
    assert (row.token, row.remote_id, row.status) == (token, remote.id, "active")
    assert said(response)[0][0] == "success"
    assert LogEntry.objects.get().is_addition()
    assert {request.method for request in zenvia.requests} == {"GET"}


def test_one_too_many_is_removed(admin_client: Client, zenvia: Sandbox) -> None:
    row = registered(zenvia)
    zenvia.add(["lead.created"], row.registered_url)
    (line,) = buttons(admin_client)
    response = apply(admin_client, line)
    assert [one.id for one in zenvia.subscriptions] == [row.remote_id]
    assert said(response)[0][0] == "success"


def test_one_too_many_of_a_row_that_is_not_settled_is_not_said_to_be_removed(
    admin_client: Client, zenvia: Sandbox
) -> None:
    row = registered(zenvia)
    zenvia.add(["lead.created"], row.registered_url)
    Subscription.objects.update(status="missing")
    line = next(key for key in buttons(admin_client) if key.startswith("remove/"))
    ((level, text),) = said(apply(admin_client, line))
    assert (level, len(zenvia.subscriptions)) == ("error", 2)
    assert f"#{row.pk} must be settled first" in text
    apply(admin_client, *buttons(admin_client))
    assert [one.id for one in zenvia.subscriptions] == [row.remote_id]


def test_one_that_is_gone_is_registered_again_once_that_is_believed(admin_client: Client, zenvia: Sandbox) -> None:
    row = registered(zenvia)
    zenvia.remove(row.remote_id)
    (line,) = buttons(admin_client)
    apply(admin_client, line)
    row.refresh_from_db()
    assert (row.status, row.absent_since is not None, zenvia.subscriptions) == ("active", True, [])
    Subscription.objects.update(absent_since=now() - timedelta(hours=1))
    (line,) = buttons(admin_client)
    response = apply(admin_client, line)
    row.refresh_from_db()
    assert [one.id for one in zenvia.subscriptions] == [row.remote_id]
    assert (row.status, said(response)[0][0]) == ("active", "success")


def test_several_are_carried_out_at_once(admin_client: Client, zenvia: Sandbox) -> None:
    for topic in ("lead.created", "quote.updated"):
        zenvia.add([topic], callback_url(new_token()))
    zenvia.add(["interaction.resolved"], callback_url(new_token()))
    # A button does its own line alone.
    apply(admin_client, buttons(admin_client)[-1])
    assert [row.topics for row in Subscription.objects.all()] == [["interaction.resolved"]]
    assert "Do all 2" in admin_client.get(AT_ZENVIA).content.decode()
    assert len(said(apply(admin_client, *buttons(admin_client)))) == 2
    assert Subscription.objects.filter(status="active").count() == 3


def test_what_is_no_longer_called_for_is_not_done(admin_client: Client, zenvia: Sandbox) -> None:
    remote = zenvia.add(["lead.created"], callback_url(new_token()))
    (line,) = buttons(admin_client)
    zenvia.remove(remote.id)
    ((level, text),) = said(apply(admin_client, line))
    assert (level, "changed meanwhile" in text) == ("warning", True)
    assert not Subscription.objects.exists()


def test_another_key_that_does_not_list_a_row_is_no_alarm(admin_client: Client, zenvia: Sandbox) -> None:
    row = registered(zenvia, last_event_at=now() - timedelta(minutes=3))
    zenvia.remove(row.remote_id)
    assert "Not listed by this API key, last event 3 minutes ago" in admin_client.get(AT_ZENVIA).content.decode()
    assert buttons(admin_client) == []
    # Beat takes note of it.
    Subscription.objects.update(absent_since=now() - timedelta(hours=2))
    page = admin_client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "Not listed by this API key, last event 3 minutes ago." in page
    assert "active, not listed" in page
    assert buttons(admin_client) == []


def test_zenvias_error_is_shown_with_the_contract_that_works(admin_client: Client, settings: Any) -> None:
    with Wire() as wire:
        use_api(settings, wire.api_url)
        wire.script("GET", says(404), says(200))
        page = admin_client.get(AT_ZENVIA).content.decode()
    assert "GET /subscriptions was answered 404" in page
    assert "set CONTRACT to &#x27;conversion&#x27;" in page


def test_an_error_of_the_comparison_is_a_message(admin_client: Client, settings: Any) -> None:
    with Wire() as wire:
        use_api(settings, wire.api_url)
        wire.script("GET", says(503))
        response = apply(admin_client, "adopt/adoptable/help_center//1")
    assert said(response)[0][0] == "error"
    assert admin_client.post(f"{AT_ZENVIA}apply/", {"account": "gone", "line": "x"}).status_code == 302


def test_a_viewer_has_no_buttons(client: Client, zenvia: Sandbox) -> None:
    client.force_login(user_with("view_subscription"))
    zenvia.add(["lead.created"], callback_url(new_token()))
    assert b"without a row" in client.get(AT_ZENVIA).content
    assert buttons(client) == []
    assert client.post(f"{AT_ZENVIA}apply/").status_code == 403
    assert client.get(f"{AT_ZENVIA}apply/").status_code == 405
