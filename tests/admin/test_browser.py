"""The admin in a real browser, against a real web server and a stand-in Zenvia."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from pytest_django.live_server_helper import LiveServer

from tests.support import receivers
from zenvia_webhooks import signals
from zenvia_webhooks.dispatch import dispatcher
from zenvia_webhooks.models import Event, Subscription, TaskRun
from zenvia_webhooks.replay import job
from zenvia_webhooks.sandbox import Sandbox

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]

#: Nothing that would look for the network.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A page of a new browser; what its console says is an error fails the test."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    # Playwright runs a loop of its own in this thread, in which Django would not touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
        # Within the loop, Django has other connections than outside, and nobody else would close them.
        connections.close_all()
    assert errors == []


@pytest.fixture
def zenvia(settings: Any, live_server: LiveServer) -> Iterator[Sandbox]:
    with Sandbox(api_key="key-of-the-tests") as sandbox:
        account = {"API_KEY": "key-of-the-tests", "API_URL": sandbox.api_url}
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": live_server.url}
        yield sandbox


def login(page: Any, live_server: LiveServer, admin_user: User) -> None:
    page.goto(f"{live_server.url}/admin/")
    page.fill("#id_username", admin_user.username)
    page.fill("#id_password", "password")
    page.click("input[type=submit]")


def test_from_subscribing_to_replaying(page: Any, live_server: LiveServer, admin_user: User, zenvia: Sandbox) -> None:
    signals.lead_created.connect(receivers.create_customer)
    login(page, live_server, admin_user)

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
    event = Event.objects.get()
    page.goto(f"{live_server.url}/admin/zenvia_webhooks/event/")
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

    page.goto(f"{live_server.url}/admin/zenvia_webhooks/subscription/at-zenvia/")
    assert "this site" in page.inner_text(".zenvia-table")
    page.click("text=this site")
    page.click("a:has-text('Deactivate')")
    page.click("input[value='Deactivate']")
    page.wait_for_selector(".messagelist .success")
    assert zenvia.subscriptions == []


def test_manual_shows_no_request(page: Any, live_server: LiveServer, admin_user: User, zenvia: Sandbox) -> None:
    login(page, live_server, admin_user)
    page.goto(f"{live_server.url}/admin/zenvia_webhooks/subscription/add/")
    page.check("#id_manual")
    playwright.expect(page.locator(".zenvia-request:visible")).to_have_count(0)
    playwright.expect(page.locator(".zenvia-copy:visible")).to_have_count(3)
    page.click("input[value=Register]")
    page.wait_for_selector(".messagelist .success")
    assert zenvia.requests == []
    assert [row.is_manual for row in Subscription.objects.all()] == [True] * 3


def test_another_systems_registration_is_replaced_when_told_and_the_token_rotated(
    page: Any, live_server: LiveServer, admin_user: User, zenvia: Sandbox, settings: Any
) -> None:
    accounts = settings.ZENVIA_WEBHOOKS["ACCOUNTS"]
    conversion = {**accounts["default"], "CONTRACT": "conversion"}
    settings.ZENVIA_WEBHOOKS = {**settings.ZENVIA_WEBHOOKS, "ACCOUNTS": {**accounts, "second": conversion}}
    theirs = zenvia.add(["prospects"], "https://other.example.com/hook", "conversion")
    login(page, live_server, admin_user)

    previews, agents = page.locator(".zenvia-preview"), page.locator("input[value='agent.created']")
    for answer in ("No, leave it", "Cut it off and go on"):
        page.goto(f"{live_server.url}/admin/zenvia_webhooks/subscription/add/")
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

    page.click("text=Rotate token")
    page.fill("#id_hours", "2")
    page.click("input[value='Rotate token']")
    page.wait_for_selector(".messagelist .success")
    (rotated,) = zenvia.subscriptions
    assert rotated.callback_url not in (shown, theirs.callback_url)
    assert "it is good as well" in page.inner_text(".field-old_url")
    assert zenvia.send(rotated.id).status == 200
