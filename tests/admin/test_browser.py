"""The admin in a real browser, against a real web server and a stand-in Zenvia."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from tests.support import receivers
from tests.support.account import KEY, make_account
from tests.support.browser import log_in
from zenvia_webhooks import signals
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.replay import job
from zenvia_webhooks.sandbox import Sandbox

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

SUBSCRIPTIONS = "/admin/zenvia_webhooks/subscription/"


@pytest.fixture
def zenvia(settings: Any, live_server: LiveServer) -> Iterator[Sandbox]:
    """A stand-in Zenvia, and an account of either contract there."""
    with Sandbox(api_key=KEY) as sandbox:
        account = make_account(API_URL=sandbox.api_url)
        settings.ZENVIA_WEBHOOKS = {
            "ACCOUNTS": {"default": account, "second": {**account, "CONTRACT": "conversion"}},
            "CALLBACK_BASE_URL": live_server.url,
        }
        yield sandbox


@pytest.fixture
def page(page: Any, admin_user: User, zenvia: Sandbox) -> Any:
    log_in(page)
    return page


def rotate(page: Any, zenvia: Sandbox) -> None:
    """Rotate the token of the subscription whose page is open, the only one that Zenvia has."""
    (before,) = zenvia.subscriptions
    page.click("text=Rotate token")
    page.fill("#id_hours", "2")
    page.click("input[value='Rotate token']")
    page.wait_for_selector(".messagelist .success")
    (rotated,) = zenvia.subscriptions
    assert rotated.callback_url != before.callback_url
    assert "it is good as well" in page.inner_text(".field-old_url")
    assert zenvia.send(rotated.id).status == 200


def deactivate(page: Any, zenvia: Sandbox) -> None:
    """Deactivate the subscription whose page is open, after having shrunk from it once."""
    registered = zenvia.subscriptions
    page.click("a:has-text('Deactivate')")
    page.click("text=No, leave it")
    assert zenvia.subscriptions == registered
    page.click("a:has-text('Deactivate')")
    page.click("input[value='Deactivate']")
    page.wait_for_selector(".messagelist .success")
    assert zenvia.subscriptions == []


def test_from_subscribing_to_deactivating(page: Any, zenvia: Sandbox) -> None:
    signals.lead_created.connect(receivers.create_customer)
    page.click("text=Subscriptions")
    page.click("text=Add subscription")
    previews = page.locator(".zenvia-preview:visible")
    playwright.expect(previews).to_have_count(3)
    page.uncheck("input[value='quote.updated']")
    page.uncheck("input[value='interaction.resolved']")
    playwright.expect(previews).to_have_count(1)
    shown = previews.locator(".zenvia-copy").input_value()
    page.click("input[value=Register]")
    page.wait_for_selector(".messagelist .success")
    assert "registered at Zenvia as subscription1" in page.inner_text(".messagelist")
    assert Subscription.objects.get().registered_url == shown

    # The stand-in posts a lead; the worker's part is done here.
    assert zenvia.send("subscription1", name="<b>João</b>").status == 200
    dispatcher.dispatch_due()
    replay_what_has_succeeded(page)

    page.goto(f"{SUBSCRIPTIONS}at-zenvia/")
    page.click(".zenvia-table >> text=this site")
    rotate(page, zenvia)
    deactivate(page, zenvia)


def replay_what_has_succeeded(page: Any) -> None:
    """Have a receiver run again, by its name alone, with the only event that there is."""
    event = Event.objects.get()
    page.goto("/admin/zenvia_webhooks/event/")
    assert "<b>João</b>" in page.inner_text("#result_list")
    page.click("#result_list a:has-text('lead.created')")
    assert "dispatched" in page.inner_text("#content")
    assert "name <b>João</b>" in page.inner_text(".zenvia-tree")
    page.click("a:has-text('Replay')")
    page.check("input[value=again]")
    page.select_option("#id_receiver", "tests.support.receivers.create_customer")
    page.click("input[value=Replay]")
    page.wait_for_selector(".zenvia-progress")
    (turn,) = (row.state["turn"] for row in TaskRun.objects.exclude(state={}))
    assert not job.advance(turn)
    page.wait_for_selector("text=1 event is being replayed")
    dispatcher.dispatch_due()
    assert receivers.calls == [("create_customer", event.pk)] * 2


#: Chooses an account and ticks "manual".
IN_A_HURRY = """account => {
  const field = document.getElementById("id_account");
  field.value = account;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  document.getElementById("id_manual").click();
}"""


def test_manual_shows_no_request(page: Any, zenvia: Sandbox) -> None:
    for account, urls in (("default", 3), ("second", 1)):
        page.goto(f"{SUBSCRIPTIONS}add/")
        # The second change comes before the first one's answer.
        page.evaluate(IN_A_HURRY, account)
        playwright.expect(page.locator(".zenvia-copy:visible")).to_have_count(urls)
        playwright.expect(page.locator(".zenvia-request:visible")).to_have_count(0)
        page.click("input[value=Register]")
        page.wait_for_selector(".messagelist .success")
    # Which topics there are is asked; nothing is told.
    assert {call.method for call in zenvia.requests} <= {"GET"}
    rows = Subscription.objects.order_by("pk")
    assert [(row.account, row.is_manual) for row in rows] == [("default", True)] * 3 + [("second", True)]


def test_another_systems_registration_is_replaced_when_told(page: Any, zenvia: Sandbox) -> None:
    theirs = zenvia.add(["prospects"], "https://other.example.com/hook", "conversion")
    previews, agents = page.locator(".zenvia-preview"), page.locator("input[value='agent.created']")
    for answer in ("No, leave it", "Cut it off and go on"):
        page.goto(f"{SUBSCRIPTIONS}add/")
        playwright.expect(previews).to_have_count(3)
        playwright.expect(agents).to_have_count(0)
        page.select_option("#id_account", "second")
        playwright.expect(previews).to_have_count(1)
        agents.check()
        playwright.expect(previews.locator(".zenvia-request")).to_contain_text('"agents"')
        shown = previews.locator(".zenvia-copy").input_value()
        page.click("input[value=Register]")

        page.wait_for_selector("text=other.example.com")
        assert zenvia.subscriptions == [theirs]
        assert not Subscription.objects.exists()
        page.click(f"text={answer}" if answer.startswith("No") else f"input[value='{answer}']")
    page.wait_for_selector(".messagelist .success")
    (ours,) = zenvia.subscriptions
    assert ours.callback_url == shown

    rotate(page, zenvia)
    deactivate(page, zenvia)
