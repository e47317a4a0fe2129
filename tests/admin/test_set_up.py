"""From an empty database to a test event that reached its receiver, by what the pages say alone: real processes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import look_in, open_page
from tests.support.host import Host, free_port, wait_for
from zenvia_webhooks.sandbox import Sandbox

#: axe-core itself, as one script.
AXE = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT

pytestmark = [*(pytest.mark.browser, pytest.mark.worker, pytest.mark.once, pytest.mark.long), pytest.mark.timeout(180)]

#: What a newcomer has after the quickstart's first steps: no account, no callback URL; the admin and its user.
NOTHING_YET = """
del ZENVIA_WEBHOOKS
LANGUAGE_CODE = "en"
import os
"""
URLS = """
from django.contrib import admin
urlpatterns += [path("admin/", admin.site.urls)]
"""
ADMIN = "from django.contrib.auth.models import User; User.objects.create_superuser('ana', password='password')"
OVERVIEW = "/admin/zenvia_webhooks/"
EVERY_STEP = ["Registered", "Received", "Stored", "Broker", "Worker", "shop.receivers.create_customer"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "host", Path(sys.executable))
    add(host, "host/settings.py", NOTHING_YET)
    add(host, "host/urls.py", URLS)
    host.shell(ADMIN)
    yield host
    host.stop()


@pytest.fixture
def page(host: Host) -> Iterator[Any]:
    """A page of somebody who is logged in."""
    host.start_web()
    with open_page(base_url=host.url, viewport={"width": 1280, "height": 900}) as page:
        page.goto("/admin/")
        page.fill("#id_username", "ana")
        page.fill("#id_password", "password")
        page.click("input[type=submit]")
        yield page


def is_accessible(page: Any) -> None:
    """Have axe-core look at our part of a page, in light and dark."""
    for scheme in ("light", "dark"):
        look_in(page, scheme)
        page.evaluate(AXE)
        found = page.evaluate("axe.run('#content')")["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    look_in(page, "light")


def add(host: Host, name: str, text: str) -> None:
    with (host.folder / name).open("a") as file:
        file.write(f"\n{text}\n")


def states(page: Any) -> dict[str, str]:
    """Return title → state of each line that the page shows."""
    heads = page.locator(".zenvia-step > .zenvia-step-head")
    return dict(head.rsplit("\n", 1) if "\n" in head else head.rsplit(" ", 1) for head in heads.all_inner_texts())


def line(page: Any, title: str) -> Any:
    return page.locator(".zenvia-step", has=page.locator(f"strong:text-is('{title}')"))


def not_done(page: Any) -> list[str]:
    return [title for title, state in states(page).items() if state != "done"]


def send(page: Any, topic: str) -> None:
    """Go to the page of the topic's subscription and press the button; what then changes does so by itself."""
    page.goto(f"{OVERVIEW}subscription/")
    page.click(f"#result_list a:has-text('{topic}')")
    page.click("a:has-text('Send a test event')")
    page.select_option("#id_topic", topic)
    page.click("input[value='Send a test event']")


def is_said(page: Any, title: str, text: str) -> None:
    line(page, title).locator(f"text={text}").wait_for()


def is_green(page: Any) -> None:
    page.wait_for_selector("#zenvia-live:text('The test event has reached every receiver.')")
    assert not_done(page) == []


def test_from_an_empty_database_to_green_and_what_each_step_says_if_it_is_not(host: Host, page: Any) -> None:
    with Sandbox(api_key="sandbox-key") as sandbox:
        set_up(host, page, sandbox)
        first_test_event(host, page)
        everything_is_green(page)
        a_receiver_that_raises(page)
        an_unknown_token(host, page)
        one_web_worker(host, page)
        nothing_answers(host, page)


def set_up(host: Host, page: Any, sandbox: Sandbox) -> None:
    page.goto(OVERVIEW)
    # The page tries what its tables do not tell, and shows it without a reload.
    page.wait_for_selector("text=ZENVIA_WEBHOOKS['CALLBACK_BASE_URL'] is not set")
    found = states(page)
    assert [found[title] for title in ("Key and contract", "Callback URL", "Worker", "Subscription")] == ["to do"] * 4
    assert "No worker takes messages; there never was one." in line(page, "Worker").inner_text()
    assert "celery -A host worker -B" in line(page, "Worker").locator("pre").inner_text()

    is_accessible(page)
    # What the page says, pasted; but for the port, which may be another test's.
    pasted = line(page, "Key and contract").locator("pre").nth(1).inner_text()
    add(host, "host/settings.py", pasted.replace("http://127.0.0.1:8090/v1", sandbox.api_url))
    add(host, "host/settings.py", "ZENVIA_WEBHOOKS['RETRY_DELAYS'] = [2, 2]")
    host.start_web()
    page.goto(OVERVIEW)
    page.click("text=Add subscription")
    page.uncheck("input[value='interaction.resolved']")
    page.click("input[value=Register]")
    page.wait_for_selector(".messagelist .success")


def first_test_event(host: Host, page: Any) -> None:
    """Send one without a worker, and have the page turn green by starting it."""
    page.goto(OVERVIEW)
    page.click("a:has-text('Send a test event')")
    text = page.inner_text("#zenvia-test-event")
    assert f"posts an event to {host.url}" in text
    assert "Test (do not call), its phone +5511900000000" in text
    page.click("input[value='Send a test event']")
    is_said(page, "Worker", "No worker takes messages; there never was one.")
    assert states(page)["Stored"] == "done"
    is_accessible(page)
    host.start_worker()
    is_green(page)
    assert list(states(page)) == EVERY_STEP
    assert host.shell("print(Customer.objects.get().name)") == "Test (do not call)"
    assert host.shell("print(Event.objects.get().origin)") == "test"
    assert host.shell("print(Subscription.objects.exclude(last_event_at=None).exists())") == "False"


def everything_is_green(page: Any) -> None:
    page.goto(OVERVIEW)
    page.wait_for_selector(".zenvia-dashboard")
    assert page.locator("#zenvia-set-up").count() == 0
    page.click(".zenvia-dashboard >> text=Set up")

    def is_all() -> bool:
        page.click("text=Look again")
        return "9 of 9 are done." in page.inner_text("#content")

    wait_for(is_all, lambda: page.inner_text("#content"))  # beat's first sweep


def a_receiver_that_raises(page: Any) -> None:
    send(page, "quote.updated")
    is_said(page, "shop.receivers.fails_twice", "It failed, and is attempted again.")
    assert "RuntimeError: not yet" in line(page, "shop.receivers.fails_twice").inner_text()
    assert states(page)["shop.receivers.sibling"] == "done"
    is_green(page)  # at its third attempt


def an_unknown_token(host: Host, page: Any) -> None:
    # What Zenvia was told, and what this site knows, differ.
    unknown = f"{host.url}/zenvia/webhook/{'0' * 64}/"
    host.shell(f"Subscription.objects.filter(topics=['lead.created']).update(registered_url='{unknown}')")
    send(page, "lead.created")
    is_said(page, "Received", "does not know this subscription's token: 404.")
    assert states(page)["Stored"] == "to come"


def one_web_worker(host: Host, page: Any) -> None:
    host.shell("Subscription.objects.filter(topics=['lead.created']).update(registered_url='')")
    host.start_web(one_worker=True)
    # Without the browser, which keeps connections at the ready: each would hold up the one worker.
    address = page.url
    form = page.request.get(address).text()
    csrf = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[0]
    page.request.post(address, form={"csrfmiddlewaretoken": csrf, "topic": "lead.created"})
    wait_for(lambda: "its one web worker was busy with this page" in page.request.get(address).text(), host.logs)
    wait_for(lambda: "It succeeded" in page.request.get(address).text(), host.logs)


def nothing_answers(host: Host, page: Any) -> None:
    address = page.url
    add(host, "host/settings.py", f"ZENVIA_WEBHOOKS['CALLBACK_BASE_URL'] = 'http://127.0.0.1:{free_port()}'")
    host.start_web()
    page.goto(address)
    page.click("input[value='Send a test event']")
    is_said(page, "Received", "can't be reached: is the site running, and is this its address?")
