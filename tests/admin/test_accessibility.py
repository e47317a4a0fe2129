"""Every page of ours for people who see little, see no colours, or use no mouse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench.screenshots.browsing import Tab, tab
from bench.screenshots.pages import PAGES, Page
from bench.screenshots.site import running
from tests.support.browser import FLAGS, chromium, look_in

playwright = pytest.importorskip("playwright.sync_api")
#: axe-core itself, as one script.
AXE = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.long, pytest.mark.timeout(180)]

#: Those that have no part which another has not, and what is Django's alone.
LEFT_OUT = {"dashboard-7-days", "dashboard-healthy-7-days", "viewer-dashboard", "event-given-up", "event-recovered"}
LEFT_OUT |= {"event-dismissed", "events", "events-healthy", "events-searched", "viewer-events", "subscription-missing"}
LEFT_OUT |= {"subscription-failed", "replay-all", "replay-done", "add-conversion", "event-history"}
LEFT_OUT |= {"subscription-history", "test-event", "set-up"}
#: Django's own, as `test_what_is_left_out_is_djangos` shows.
DJANGOS = [".breadcrumbs", "#searchbar"]
#: What is another in another theme.
COLOURS = ["color-contrast", "link-in-text-block"]
BACKGROUND = """() => {
    const colour = getComputedStyle(document.body).backgroundColor;
    const seen = colour === "rgba(0, 0, 0, 0)" ? getComputedStyle(document.documentElement).backgroundColor : colour;
    return seen.match(/[0-9.]+/g).slice(0, 3).map(Number);
}"""
#: Where everything that one can press stands.
BY_KEYBOARD = {
    "dashboard",
    "event-failing",
    "replay",
    "subscriptions",
    "subscription-active",
    "add",
    "at-zenvia",
    "sandbox",
}
#: Note what gets the focus and how it then looks; return how many presses of a key lead through the page.
WATCH = """() => {
    const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary";
    const all = [...document.querySelectorAll(kinds)].filter(one => one.checkVisibility({visibilityProperty: true}));
    const look = one => {
        const style = getComputedStyle(one);
        return ["outlineStyle", "boxShadow", "backgroundColor", "borderColor", "color"].map(key => style[key]).join();
    };
    const before = new Map(all.map(one => [one, look(one)])), reached = new Set();
    document.addEventListener("focusin", ({target}) => look(target) !== before.get(target) && reached.add(target));
    document.activeElement.blur();
    window.watched = () => all
        // Of a choice of one, a key leads to that which is chosen, and arrows to the others.
        .filter(one => document.querySelector("#content, main").contains(one) && one.type !== "radio")
        .filter(one => !reached.has(one))
        .map(one => `not reached by Tab: ${one.outerHTML.slice(0, 150)}`);
    return all.length + 2;
}"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=FLAGS)
        with (
            running(tmp_path_factory.mktemp("site"), "pt-br", events=25) as site,
            tab(browser, site, "pt-BR", viewport={"width": 1280, "height": 900}) as one,
        ):
            yield one
        browser.close()
    # Under a strict policy, axe-core may not write the styles that it would.
    assert [fault for fault in one.faults if not fault.startswith("console: Applying inline style")] == []


def violations(page: Any, *rules: str) -> list[str]:
    """Return what axe-core finds, by all of its rules or by these."""
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    # A sandbox's page has no part of Django's.
    left_out = [[one] for one in DJANGOS if page.query_selector(one)]
    run = "([left, options]) => axe.run({exclude: left}, options).then(found => found.violations)"
    found = page.evaluate(run, [left_out, {"resultTypes": ["violations"], **only}])
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def opened(one: Tab) -> Iterator[Page]:
    """Yield each page when the tab is at it."""
    for page in PAGES:
        if page.name not in LEFT_OUT:
            look_in(one.page, "light")
            one.open(page)
            one.page.evaluate(AXE)
            yield page


def test_no_page_has_a_violation_and_each_follows_the_systems_colours(one: Tab) -> None:
    found = []
    for page in opened(one):
        found += [f"{page.name}: {line}" for line in violations(one.page)]
        light = one.page.evaluate(BACKGROUND)
        look_in(one.page, "dark")
        found += [f"{page.name}, dark: {line}" for line in violations(one.page, *COLOURS)]
        assert [max(light) > 200, max(one.page.evaluate(BACKGROUND)) < 60] == [True, True], page.name
        if page.name in BY_KEYBOARD:
            found += [f"{page.name}: {line}" for line in out_of_reach(one.page)]
        if page.name == "event":
            found += shut_by_keyboard(one.page)
    assert found == []


def out_of_reach(page: Any) -> list[str]:
    """Go through a page by the Tab key; return what of ours was not reached, or did not show that it was."""
    number = page.evaluate(WATCH)
    for _number in range(number):
        page.keyboard.press("Tab")
    found: list[str] = page.evaluate("() => watched()")
    return found


def shut_by_keyboard(page: Any) -> list[str]:
    """Return what does not open or close by a key."""
    found = []
    # The inner ones first, while they can be seen.
    for summary in reversed(page.locator("#content summary").all()):
        before = summary.evaluate("one => one.parentElement.open")
        summary.focus()
        page.keyboard.press("Enter")
        if summary.evaluate("one => one.parentElement.open") == before:
            found.append(f"not opened or closed: {summary.inner_html()}")
    return found


def test_what_is_left_out_is_djangos(one: Tab) -> None:
    """The host's own list has violations in the same parts, and in no others."""
    one.page.goto(f"{one.site.url}/admin/crm/contact/")
    one.page.evaluate(AXE)
    within = "part => axe.run(part).then(found => found.violations.length)"
    assert {part: one.page.evaluate(within, part) for part in DJANGOS} == dict.fromkeys(DJANGOS, 1)
    assert violations(one.page) == []
