"""The buttons of a subscription's page, under both contracts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.timezone import now

from tests.support.admin_pages import KEY, LIST, add, press, said, use_api, user_with
from tests.support.wire import Wire, says
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["help_center", "conversion"])
def zenvia(settings: Any, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as sandbox:
        use_api(settings, sandbox.api_url, CONTRACT=request.param)
        yield sandbox


def calls(zenvia: Sandbox) -> list[str]:
    """Return what Zenvia was asked but for looks at its list."""
    return [f"{one.method} {one.path.partition('?')[0]}" for one in zenvia.requests if one.method != "GET"]


def page_of(client: Client, row: Subscription) -> str:
    return str(client.get(f"{LIST}{row.pk}/change/").content.decode())


def test_a_rotation_keeps_both_tokens_and_says_until_when(admin_client: Client, zenvia: Sandbox) -> None:
    add(admin_client)
    row = Subscription.objects.get()
    old = row.token
    response = press(admin_client, row.pk, "rotate", hours=2)
    row.refresh_from_db()
    assert row.token != old
    assert row.previous_token == old
    assert row.previous_token_expires_at is not None
    assert timedelta(hours=1.9) < row.previous_token_expires_at - now() < timedelta(hours=2)
    assert [one.callback_url for one in zenvia.subscriptions] == [row.callback_url]
    ((level, text),) = said(response)
    assert (level, "the previous token is good as well" in text) == ("success", True)
    assert "it is good as well" in page_of(admin_client, row)
    assert LogEntry.objects.latest("pk").get_change_message() == "Rotate token"

    before = calls(zenvia)
    page = admin_client.get(f"{LIST}{row.pk}/do/rotate/").content.decode()
    assert "Both tokens of the last rotation are good until" in page
    assert 'name="hours"' not in page
    ((level, text),) = said(press(admin_client, row.pk, "rotate", hours=2))
    assert (level, "Both tokens of the last rotation are good until" in text) == ("error", True)
    assert calls(zenvia) == before

    Subscription.objects.update(previous_token_expires_at=now())
    assert "it is good as well" not in page_of(admin_client, row)
    assert said(press(admin_client, row.pk, "rotate", hours=0))[0][0] == "success"


@pytest.mark.parametrize("hours", ["-1", "", "a day", "745"])
def test_hours_that_are_none_are_refused(admin_client: Client, zenvia: Sandbox, hours: str) -> None:
    add(admin_client)
    row = Subscription.objects.get()
    assert b"errornote" in press(admin_client, row.pk, "rotate", hours=hours).content
    assert Subscription.objects.get().token == row.token


def test_topics_are_changed_under_the_same_url(admin_client: Client, zenvia: Sandbox) -> None:
    add(admin_client)
    row = Subscription.objects.get()
    page = admin_client.get(f"{LIST}{row.pk}/do/change-topics/").content.decode()
    is_one = "/v1/subscriptions" in calls(zenvia)[0]
    assert ('type="radio"' in page) == is_one
    assert ('value="agent.created"' in page) != is_one
    wanted = ["quote.updated"] if is_one else ["quote.updated", "agent.created"]
    response = press(admin_client, row.pk, "change-topics", topics=wanted)
    row.refresh_from_db()
    assert (row.topics, row.status, said(response)[0][0]) == (wanted, "active", "success")
    (there,) = zenvia.subscriptions
    assert (there.id, there.callback_url) == (row.remote_id, row.callback_url)
    assert there.topics == (("quote.updated",) if is_one else ("quotes", "agents"))


def test_topics_that_are_none_are_refused(admin_client: Client, zenvia: Sandbox) -> None:
    add(admin_client)
    row, before = Subscription.objects.get(), calls(zenvia)
    for topics in ([], ["no.topic"]):
        assert b"errornote" in press(admin_client, row.pk, "change-topics", topics=topics).content
    assert said(press(admin_client, row.pk, "change-topics", topics=row.topics))[0][0] == "error"
    assert calls(zenvia) == before


def test_a_refused_change_leaves_all_as_it_was(admin_client: Client, settings: Any) -> None:
    row = Subscription(topics=["lead.created"], remote_id="1", status="active")
    row.registered_url = row.callback_url
    row.save()
    with Wire() as wire:
        use_api(settings, wire.api_url)
        wire.script("GET", says(200, []))
        wire.script("POST", says(403, {"message": "not <b>this</b> key", "code": "SCOPE"}))
        response = press(admin_client, row.pk, "rotate", hours=24)
    before = row.token
    row.refresh_from_db()
    assert (row.token, row.status) == (before, "active")
    ((level, text),) = said(response)
    assert (level, "not <b>this</b> key" in text) == ("warning", True)
    assert b"not &lt;b&gt;this&lt;/b&gt; key" in response.content
    assert b"<b>this</b>" not in response.content


def test_the_contract_that_works_is_named(admin_client: Client, zenvia: Sandbox, settings: Any) -> None:
    other = {"help_center": "conversion", "conversion": "help_center"}
    mine = settings.ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["CONTRACT"]
    with Wire() as wire:
        use_api(settings, wire.api_url, CONTRACT=mine)
        wire.script("POST", says(404))
        # The topics under `conversion`, whom it would cut off, the list; then the other contract's look at the key.
        refused = [says(404)] * (3 if mine == "conversion" else 1)
        wire.script("GET", *refused, says(200, []) if mine == "conversion" else says(200))
        response = add(admin_client)
    row = Subscription.objects.get()
    assert row.status == "failed"
    for text in (row.last_error, said(response)[0][1]):
        assert f"set CONTRACT to '{other[mine]}'" in text
    assert f"CONTRACT to &#x27;{other[mine]}&#x27;" in page_of(admin_client, row)


def test_the_contract_that_works_is_named_where_a_removal_fails(admin_client: Client, settings: Any) -> None:
    row = Subscription(topics=["lead.created"], status="active", remote_id="subscription1")
    row.registered_url = row.callback_url
    row.save()
    with Wire() as wire:
        use_api(settings, wire.api_url)
        for send in (press, by_deleting):
            wire.script("GET", says(404), says(200))
            assert "set CONTRACT to 'conversion'" in said(send(admin_client, row.pk, "deactivate"))[0][1]
    assert Subscription.objects.get().status == "active"


def by_deleting(client: Client, pk: int, _verb: str) -> Any:
    return client.post(f"{LIST}{pk}/delete/", {"post": "yes"}, follow=True)


def test_each_status_has_its_buttons(admin_client: Client, subscription: Subscription) -> None:
    expected = {
        "active": {"change-topics", "rotate", "deactivate"},
        "pending": {"register-again", "manual", "deactivate"},
        "failed": {"register-again", "manual", "deactivate"},
        "missing": {"register-again", "deactivate"},
        "inactive": {"register-again"},
    }
    for status, verbs in expected.items():
        Subscription.objects.update(status=status)
        page = page_of(admin_client, subscription)
        assert {verb for verb in set.union(*expected.values()) if f"/do/{verb}/" in page} == verbs


@pytest.mark.parametrize("verb", ["rotate", "change-topics"])
def test_forms_are_for_those_who_may_change(client: Client, subscription: Subscription, verb: str) -> None:
    client.force_login(user_with("view_subscription"))
    assert client.get(f"{LIST}{subscription.pk}/do/{verb}/").status_code == 403
    assert client.post(f"{LIST}{subscription.pk}/do/{verb}/", {"hours": 1}).status_code == 403


def test_a_row_whose_account_is_gone_is_a_message(admin_client: Client, settings: Any) -> None:
    row = Subscription.objects.create(topics=["lead.created"], account="gone", status="active")
    for verb in ("rotate", "change-topics", "deactivate"):
        response = admin_client.post(f"{LIST}{row.pk}/do/{verb}/", {"hours": 1}, follow=True)
        assert ("gone" in said(response)[0][1], response.status_code) == (True, 200)
    for verb in ("rotate", "change-topics"):
        response = admin_client.get(f"{LIST}{row.pk}/do/{verb}/", follow=True)
        assert ("gone" in said(response)[0][1], response.status_code) == (True, 200)
