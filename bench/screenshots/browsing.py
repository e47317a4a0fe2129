"""A browser that opens the site's pages, and what is wrong with one as it shows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.screenshots.pages import Page
from bench.screenshots.site import Site

#: What of a page would have to be moved sideways to be read: it, and Django's frame of a list.
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll('.results')]
    .filter(one => one.scrollWidth > one.clientWidth)
    .map(one => `${one.className || one.tagName} is ${one.scrollWidth} px wide in ${one.clientWidth}`)"""

#: Colours that are on their way to another theme's are neither's.
AT_ONCE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { transition: none !important }');
    document.adoptedStyleSheets.push(sheet);
}"""


class Tab:
    """A page of a browser that notes what goes wrong in it."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page = page
        self.site = site
        self.faults: list[str] = []
        self._state = ""
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", self._said)
        page.on("response", self._answered)

    def open(self, page: Page) -> None:
        """Come to a page as its user, the site being in the page's state."""
        if page.state != self._state:
            # What is open may look for changes by itself.
            self.page.goto("about:blank")
            self.site.enter(page.state)
            self._state = page.state
        key = self.site.sessions[page.who]
        self.page.context.add_cookies([{"name": "sessionid", "value": key, "url": self.site.url}])
        page.open(self.page, self.site)
        self.page.evaluate(AT_ONCE)

    def too_wide(self) -> list[str]:
        found: list[str] = self.page.evaluate(TOO_WIDE)
        return found

    def _said(self, message: Any) -> None:
        # What a server refused is noted with its address.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")

    def _answered(self, response: Any) -> None:
        # Browsers ask for it by themselves.
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            self.faults.append(f"{response.status}: {response.url}")


@contextmanager
def tab(browser: Any, site: Site, language: str, **options: Any) -> Iterator[Tab]:
    """Give a tab of its own context: nothing is kept from one to the next."""
    context = browser.new_context(locale=language, timezone_id="America/Sao_Paulo", **options)
    try:
        yield Tab(context.new_page(), site)
    finally:
        context.close()
