"""An outage as whoever is on call sees it: a host with web server, worker and beat, a stand-in Zenvia, a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.browser import Clicks, begin_at_one_line, cut_off, log_in, open_page
from tests.support.host import Host, post, running, wait_for
from zenvia_webhooks.sandbox import Sandbox

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.once, pytest.mark.long, pytest.mark.timeout(200)]

URLS = """
from django.contrib import admin
urlpatterns.append(path("admin/", admin.site.urls))
"""
SETTINGS = """
ZENVIA_WEBHOOKS["ACCOUNTS"] = {
    name: {"API_KEY": "key-of-the-host", "API_URL": "@API_URL@", "CONTRACT": contract}
    for name, contract in (("default", "help_center"), ("second", "conversion"))
}
# A second failure is a fact; the third attempt is left to a person.
ZENVIA_WEBHOOKS["RETRY_DELAYS"] = [1, 3600]
"""
RECEIVERS = """
@receiver(lead_created)
def send_to_crm(sender, event, **kwargs):
    run("send_to_crm")
    if (RUNS.parent / "crm-is-down").exists():
        raise ConnectionError(f"the CRM did not answer about {event.lead.name}")

@receiver(lead_created)
def count(sender, event, **kwargs):
    run("count")
"""
ADMIN_USER = """
from django.contrib.auth.models import User
User.objects.create_superuser("admin", password="password")
"""
REGISTER = """
from django.core.management import call_command
for account in ("default", "second"):
    call_command("zenvia_register_subscription", account=account, topic=["lead.created"])
"""
#: What an older version, which did not know the envelope, would have left of the first event.
QUARANTINE = """
Delivery.objects.filter(event=Event.objects.earliest("pk")).delete()
Event.objects.filter(pk=Event.objects.earliest("pk").pk).update(
    status="quarantined", topic="", contract="", payload=None, error="why", fingerprint=bytes(32), finished_at=None)
"""
BROKEN = "shop.receivers.send_to_crm"
INDEX, OVERVIEW, EVENTS = "/admin/", "/admin/zenvia_webhooks/", "/admin/zenvia_webhooks/event/"
SUBSCRIPTIONS = "/admin/zenvia_webhooks/subscription/"


@pytest.fixture
def zenvia() -> Iterator[Sandbox]:
    with Sandbox(api_key="key-of-the-host") as sandbox:
        yield sandbox


@pytest.fixture
def host(tmp_path: Path, zenvia: Sandbox) -> Iterator[Host]:
    """A host with an account of either contract, both subscribed to leads, and a CRM that is down."""
    host = Host(tmp_path / "site", Path(sys.executable))
    more = {"urls": URLS, "settings": SETTINGS.replace("@API_URL@", zenvia.api_url), "receivers": RECEIVERS}
    for name, text in more.items():
        with (host.folder / ("shop" if name == "receivers" else "host") / f"{name}.py").open("a") as file:
            file.write(text)
    host.shell(ADMIN_USER)
    with running(host):
        host.shell(REGISTER)
        yield host


@pytest.fixture
def page(host: Host) -> Iterator[Any]:
    with open_page(base_url=host.url) as page:
        log_in(page)
        yield page


def verdict(page: Any) -> str:
    page.goto(OVERVIEW)
    return str(page.inner_text(".zenvia-verdict"))


def runs(host: Host) -> tuple[int, int]:
    return len(host.runs("send_to_crm")), len(host.runs("count"))


def test_an_outage_is_seen_and_mended_in_a_few_clicks(page: Any, host: Host, zenvia: Sandbox) -> None:
    of_help_center, of_conversion = zenvia.subscriptions
    assert zenvia.send(of_help_center.id, name="Rui Sá").status == 200
    wait_for(lambda: runs(host) == (1, 1), host.logs)
    # Before the first event, setting up stands in its place.
    wait_for(lambda: verdict(page) == "Nothing is wrong.", lambda: verdict(page))
    is_down = host.folder / "shop" / "crm-is-down"
    is_down.touch()
    for number in range(3):
        assert zenvia.send(of_help_center.id, name="Ana Paz", phone=f"+55 11 98888-000{number}").status == 200
    assert zenvia.send(of_conversion.id, firstName="Luz Vega", phones=["+52 1 55 1234 5678"]).status == 200
    wait_for(lambda: runs(host) == (9, 5), host.logs)

    # Is everything all right? It stands on the page that one opens.
    wait_for(lambda: f"{BROKEN} fails for every event" in verdict(page), lambda: verdict(page))
    assert page.locator(".zenvia-verdict-broken").count() == 1
    assert "Ana" not in page.inner_text(".zenvia-verdict")
    find_a_lead(page)
    assert cut_off(page, page.url, OVERVIEW, EVENTS, SUBSCRIPTIONS) == []

    is_down.unlink()
    run_its_failures_again(page)
    wait_for(lambda: verdict(page) == "Nothing is wrong.", lambda: verdict(page))
    assert runs(host) == (13, 5)

    host.shell(QUARANTINE)
    post(host, urlsplit(of_help_center.callback_url).path.split("/")[-2], b'{"greeting": "hello"}')
    read_again(page)
    wait_for(lambda: runs(host) == (14, 6), host.logs)


def find_a_lead(page: Any) -> None:
    """Ask whether a customer's lead arrived, in whatever notation the number was noted, and read its story."""
    for phone, name in (
        ("(011) 98888-0001", "Ana Paz"),
        ("+52 55 1234 5678", "Luz Vega"),
        ("015512345678", "Luz Vega"),
    ):
        clicks = Clicks(page, INDEX)
        clicks.on(".model-event th a")
        page.fill("#searchbar", phone)
        page.press("#searchbar", "Enter")
        page.wait_for_url("**q=*")
        assert page.locator("#result_list tbody tr").count() == 1
        assert name in page.inner_text("#result_list")
        clicks.on("#result_list tbody th a")
        page.wait_for_selector(f".zenvia-story >> text=ConnectionError: the CRM did not answer about {name}")
        assert clicks.number <= 2


def run_its_failures_again(page: Any) -> None:
    clicks = Clicks(page, INDEX)
    clicks.on(".app-zenvia_webhooks caption a")
    clicks.on("a:has-text('Try all failing now') >> nth=0")
    page.wait_for_selector(f"text={BROKEN} has not succeeded for 4 events")
    assert begin_at_one_line(page, ".zenvia-choice legend", ".field-receiver > div > label")
    assert begin_at_one_line(page, ".zenvia-choice input >> nth=0", ".zenvia-choice select")
    clicks.on("input[value=Replay]")
    assert clicks.number <= 3
    page.wait_for_selector("text=Done: a worker runs the receivers now.")


def read_again(page: Any) -> None:
    """Read again what was not understood: one event is by now, and of the other nothing can be made."""
    assert "Events of the last 7 days that were not understood: 2." in verdict(page)
    page.click("text=Look at it")
    page.click("text=Read all that match again")
    page.wait_for_selector("text=2 events that were not understood are read again")
    page.click("input[value='Read again']")
    page.wait_for_selector("text=Done: a worker runs the receivers now.")
    page.wait_for_selector("text=1 event is understood now")
    page.wait_for_selector("text=1 event was left as it is")
    page.click("text=To the events")
    page.click("#result_list tbody th a")
    assert "It was not understood" in page.inner_text(".zenvia-story")
    assert page.locator(".zenvia-buttons a").all_inner_texts() == ["Read again …"]
