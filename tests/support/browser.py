"""A real browser, and somebody who uses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest

#: Nothing that would look for the network.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
DESK = {"width": 1280, "height": 900}


def chromium() -> str | None:
    """Return where Chromium is; None where it is not installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@contextmanager
def open_page(**options: Any) -> Iterator[Any]:
    """Give a page of a new browser; what its console says is an error fails the test."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(**{"viewport": DESK, **options})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
    assert errors == []


def log_in(page: Any, username: str = "admin", password: str = "password") -> None:
    page.goto("/admin/")
    page.fill("#id_username", username)
    page.fill("#id_password", password)
    page.click("input[type=submit]")


def look_in(page: Any, scheme: str) -> None:
    """Show a page in its light or its dark colours, at once: a link's colour would fade from one to the other."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.getAnimations().forEach(one => one.finish())")


class Clicks:
    """Clicks on a page, counted from an address that somebody has open."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.number = page, 0
        page.goto(address)

    def on(self, what: str) -> None:
        self.page.click(what)
        self.number += 1


def cut_off(page: Any, *addresses: str) -> list[tuple[str, int, bool]]:
    """Return the addresses, the window's width, and whether the sidebar is open, where something does not fit in."""
    found = []
    wider = "one => one !== null && one.scrollWidth > one.clientWidth"
    for address, is_open in product(addresses, (True, False)):
        page.evaluate("is => localStorage.setItem('django.admin.navSidebarIsOpen', is)", str(is_open).lower())
        page.goto(address)
        for width in (1280, 1236, 1200, 1024, 768, 600, 390):
            page.set_viewport_size({"width": width, "height": 900})
            parts = ("document.documentElement", "document.querySelector('.results')")
            found += [(address, width, is_open) for part in parts if page.evaluate(f"({wider})({part})")]
    page.set_viewport_size(DESK)
    return found


def begin_at_one_line(page: Any, *selectors: str) -> bool:
    """Tell whether what these show begins at the same distance from the left."""
    # A field's edge is what one sees of it, a text's is behind its padding.
    padding = "one.matches('input, select') ? 0 : parseFloat(getComputedStyle(one).paddingLeft)"
    begins = f"one => one.getBoundingClientRect().x + ({padding})"
    return len({page.locator(one).evaluate(begins) for one in selectors}) == 1
