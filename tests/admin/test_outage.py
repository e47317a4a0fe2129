"""An outage as whoever is on call sees it, with a web server, a worker and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.celery import app
from tests.support import receivers
from tests.support.account import make_account
from tests.support.browser import open_page
from tests.support.factories import make_subscription
from tests.support.host import wait_for
from tests.support.webhooks import envelope, post
from zenvia_webhooks import tasks
from zenvia_webhooks.dispatch import heartbeat
from zenvia_webhooks.signals import lead_created

pytestmark = [
    *(pytest.mark.browser, pytest.mark.worker, pytest.mark.once, pytest.mark.timeout(120)),
    pytest.mark.django_db(transaction=True),
]

LEADS = 4
FLAKY = "tests.support.receivers.flaky"
OVERVIEW = "/admin/zenvia_webhooks/"


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    """Keep the worker from setting up logging, which would hide warnings from every later test of this process."""

    def leave(**_kwargs: Any) -> None:
        """Stand in for Celery, which sets up nothing where somebody is connected."""

    setup_logging.connect(leave)
    yield
    setup_logging.disconnect(leave)


@pytest.fixture
def page(
    settings: Any,
    live_server: LiveServer,
    admin_user: User,
    monkeypatch: pytest.MonkeyPatch,
    _logging_as_it_was: None,
) -> Iterator[Any]:
    """A page of somebody who may do everything, with a worker beside the web server."""
    settings.ZENVIA_WEBHOOKS = {
        "ACCOUNTS": {"default": make_account()},
        "CALLBACK_BASE_URL": live_server.url,
        "RETRY_DELAYS": [3600, 3600],
    }
    # A worker of this process's own beginning, which notes at once who is connected in it.
    monkeypatch.setattr(heartbeat, "_written_at", {})
    lead_created.connect(receivers.flaky)
    lead_created.connect(receivers.note)
    # Playwright runs a loop of its own in this thread, in which Django would not touch the database.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with (
        start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30),
        open_page(base_url=live_server.url, viewport={"width": 1280, "height": 900}) as page,
    ):
        tasks.dispatch_events.delay(sweep=True)  # as beat does
        page.goto("/admin/")
        page.fill("#id_username", admin_user.username)
        page.fill("#id_password", "password")
        page.click("input[type=submit]")
        yield page
        # Within Playwright's loop, Django has other connections than outside, and nobody else would close them.
        connections.close_all()


def calls(name: str) -> int:
    return sum(called == name for called, _event in receivers.calls)


def verdict(page: Any) -> str:
    page.goto(OVERVIEW)
    return str(page.inner_text(".zenvia-verdict"))


def cut_off(page: Any, *addresses: str) -> list[tuple[str, int, bool]]:
    """Return the pages, the width of the window, and whether the sidebar is open, where something does not fit in."""
    found = []
    wider = "one => one !== null && one.scrollWidth > one.clientWidth"
    for address, is_open in product(addresses, (True, False)):
        page.evaluate("is => localStorage.setItem('django.admin.navSidebarIsOpen', is)", str(is_open).lower())
        page.goto(address)
        for width in (1280, 1236, 1200, 1024, 768, 600, 390):
            page.set_viewport_size({"width": width, "height": 900})
            parts = ("document.documentElement", "document.querySelector('.results')")
            found += [(address, width, is_open) for part in parts if page.evaluate(f"({wider})({part})")]
    page.set_viewport_size({"width": 1280, "height": 900})
    return found


def begin_at_one_line(page: Any, *selectors: str) -> bool:
    """Tell whether what these show begins at the same distance from the left."""
    # A field's edge is what one sees of it, a text's is behind its padding.
    padding = "one.matches('input, select') ? 0 : parseFloat(getComputedStyle(one).paddingLeft)"
    begins = f"one => one.getBoundingClientRect().x + ({padding})"
    return len({page.locator(one).evaluate(begins) for one in selectors}) == 1


def test_an_outage_is_seen_and_mended_in_a_few_clicks(page: Any, client: Client) -> None:
    receivers.failures_left = 10**6
    subscription = make_subscription()
    for number in range(LEADS):
        data = {"leadId": str(number), "name": "Ana Paz", "email": "ana.paz.de.albuquerque.cavalcanti@example.com"}
        assert post(client, subscription, envelope(**data)).status_code == 200
    wait_for(lambda: (calls("flaky"), calls("note")) == (LEADS, LEADS))

    wait_for(lambda: f"{FLAKY} fails for every event" in verdict(page))
    assert page.locator(".zenvia-verdict-broken").count() == 1
    page.click("text=Look at it >> nth=0")
    page.click("#result_list >> text=Ana Paz >> nth=0")
    page.wait_for_selector(".zenvia-story >> text=RuntimeError: the price list is not there yet")

    assert cut_off(page, page.url, OVERVIEW, f"{OVERVIEW}event/", f"{OVERVIEW}subscription/") == []

    receivers.failures_left = 0
    page.goto(OVERVIEW)
    page.click("text=Try all failing now >> nth=0")
    page.wait_for_selector(f"text={FLAKY} has not succeeded for {LEADS} events")
    assert begin_at_one_line(page, ".zenvia-choice legend", ".field-receiver > div > label")
    assert begin_at_one_line(page, ".zenvia-choice input >> nth=0", ".zenvia-choice select")
    page.click("input[value=Replay]")
    page.wait_for_selector("text=Done: a worker runs the receivers now.")

    wait_for(lambda: verdict(page) == "Nothing is wrong.", lambda: verdict(page), seconds=15)
    assert (calls("flaky"), calls("note")) == (2 * LEADS, LEADS)
