"""What can be done in the admin can be done under each of the themes that are used most."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import open_page
from tests.support.host import answers, environment, free_port, wait_for
from tests.support.paths import ROOT
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.browser

THEMES = ["", "admin_interface", "grappelli", "jazzmin", "simpleui", "unfold"]
#: If it names a folder, every page is pictured there.
PICTURES = os.environ.get("TEST_PICTURES")


@pytest.fixture(scope="module", params=THEMES, ids=lambda theme: theme or "django")
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def zenvia(theme: str) -> Iterator[Sandbox]:
    with Sandbox(api_key="key-of-the-tests") as sandbox:
        yield sandbox


@contextmanager
def serving(theme: str, zenvia: Sandbox, folder: Path) -> Iterator[tuple[str, str]]:
    """Run the host of this theme; give its address, and the key of a session."""
    address = f"127.0.0.1:{free_port()}"
    known = {
        "DJANGO_SETTINGS_MODULE": "tests.sites.theme_settings",
        "PYTHONPATH": str(ROOT),
        "SITE_THEME": theme,
        "SITE_FOLDER": str(folder),
        "SITE_ZENVIA": zenvia.api_url,
        "SITE_URL": f"http://{address}",
    }
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.sites.theme_server", address],
            cwd=ROOT,
            env={**environment(), **known},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert server.stdout is not None
            key = server.stdout.readline().strip()
            assert key, (folder / "server.log").read_text()
            wait_for(lambda: answers(f"http://{address}/admin/"), (folder / "server.log").read_text)
            yield f"http://{address}", key
        finally:
            server.kill()
            server.communicate()


@pytest.fixture(scope="module")
def page(theme: str, zenvia: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A page of somebody who may do everything, under this theme."""
    with (
        serving(theme, zenvia, tmp_path_factory.mktemp("site")) as (address, key),
        open_page(base_url=address, viewport={"width": 1280, "height": 900}) as page,
    ):
        page.set_default_timeout(10_000)
        page.context.add_cookies([{"name": "sessionid", "value": key, "url": address}])
        yield page


def picture(page: Any, theme: str, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{theme or 'django'}-{name}.png")


def wait_for_badge(page: Any, status: str) -> None:
    """Wait until the page shows a row of this status: a click's next page may still be on its way."""
    page.locator(f".zenvia-badge.zenvia-{status}").first.wait_for()


def test_event_is_replayed(page: Any, theme: str) -> None:
    page.goto("/admin/zenvia_webhooks/event/1/change/")
    picture(page, theme, "event")
    wait_for_badge(page, "retrying")
    page.get_by_role("link", name="Replay").click()
    page.wait_for_selector("text=has not succeeded for 1 event")
    picture(page, theme, "replay")
    page.click("input[value='Replay']")
    page.wait_for_selector(".zenvia-progress")
    picture(page, theme, "replaying")


def brightness(colour: str) -> float:
    """Return the relative luminance of a CSS colour such as "rgb(65, 118, 144)", as WCAG 2 defines it."""
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_buttons_can_be_read_and_do_not_overlap(page: Any) -> None:
    for path in ("event/1/change/", "subscription/", "subscription/1/change/"):
        page.goto(f"/admin/zenvia_webhooks/{path}")
        right = 0.0
        for button in page.locator(".zenvia-button").all():
            style = "one => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
            dark, bright = sorted(map(brightness, button.evaluate(style)))
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, button.inner_text()
            box = button.bounding_box()
            assert box["x"] >= right
            # Nor do they stick to the window's edge.
            assert min(box["x"], box["y"]) >= 8
            right = box["x"] + box["width"]
            # Wide enough for its word.
            assert box["width"] > 50
        assert right


def test_subscription_is_changed_and_removed(page: Any, theme: str, zenvia: Sandbox) -> None:
    page.goto("/admin/zenvia_webhooks/subscription/")
    picture(page, theme, "subscriptions")
    page.get_by_role("link", name="Registered at Zenvia").click()
    page.wait_for_selector(".zenvia-table")
    picture(page, theme, "at-zenvia")

    page.goto("/admin/zenvia_webhooks/subscription/1/change/")
    picture(page, theme, "subscription")
    before = zenvia.subscriptions[0].callback_url
    page.get_by_role("link", name="Rotate token").click()
    picture(page, theme, "rotate")
    page.click("input[value='Rotate token']")
    page.wait_for_selector("text=it is good as well")
    assert [row.callback_url == before for row in zenvia.subscriptions] == [False]

    page.get_by_role("link", name="Change topics").click()
    page.locator("input[value='Change topics']").wait_for()
    picture(page, theme, "topics")
    page.go_back()
    page.get_by_role("link", name="Deactivate").click()
    picture(page, theme, "deactivate")
    page.click("input[value='Deactivate']")
    wait_for_badge(page, "inactive")
    picture(page, theme, "deactivated")
    assert zenvia.subscriptions == []


def test_subscription_is_added(page: Any, theme: str, zenvia: Sandbox) -> None:
    page.goto("/admin/zenvia_webhooks/subscription/")
    page.locator("#content, main, body").first.get_by_role("link", name="Add subscription", exact=True).click()
    page.uncheck("input[value='lead.created']")
    page.uncheck("input[value='quote.updated']")
    # The page's own script runs, too.
    wait_for(lambda: page.locator(".zenvia-preview:visible").count() == 1, seconds=10)
    picture(page, theme, "add")
    page.click("input[value='Register']")
    wait_for_badge(page, "active")
    assert [row.topics for row in zenvia.subscriptions] == [("interaction.resolved",)]
