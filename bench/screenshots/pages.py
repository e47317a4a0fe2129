"""Every page of ours, and how a person comes to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.screenshots.site import Site

#: The app's own page: the dashboard.
OURS = "/admin/zenvia_webhooks/"
EVENTS, SUBSCRIPTIONS = f"{OURS}event/", f"{OURS}subscription/"
TEST_EVENT = f"{SUBSCRIPTIONS}{{active}}/test-event/"
#: The receiver that is out of order.
ERP = "sales.receivers.send_to_erp"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, as somebody sees it while the site is in a state."""

    name: str
    #: Takes a browser's page and the site.
    open: Callable[[Any, Site], object]
    #: One of `Site.sessions`.
    who: str = "admin"
    #: One of `server.STATES`; empty for the one that it begins in, where a receiver is out of order.
    state: str = ""

    @property
    def is_admin(self) -> bool:
        return self.name != "sandbox"


def at(address: str) -> Callable[[Any, Site], object]:
    """Return what opens an address, with the ids of the site's rows put in."""
    return lambda page, site: page.goto(site.url + address.format(**site.shown))


def pressing(address: str, *steps: Callable[[Any], object]) -> Callable[[Any, Site], object]:
    """Return what opens an address and then takes some steps, of which the last leads to another page."""

    def come(page: Any, site: Site) -> None:
        page.goto(site.url + address.format(**site.shown))
        for step in steps[:-1]:
            step(page)
        with page.expect_navigation():
            steps[-1](page)

    return come


def click(selector: str) -> Callable[[Any], object]:
    return lambda page: page.click(selector)


def add_of_the_other_contract(page: Any, site: Site) -> None:
    page.goto(f"{site.url}{SUBSCRIPTIONS}add/")
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.select_option("#id_account", "showroom")
    page.wait_for_selector("input[value='agent.created']")


SUBMIT = click("#content input[type=submit]")
PAGES = (
    Page(name="dashboard", open=at(OURS)),
    Page(name="dashboard-7-days", open=at(f"{OURS}?days=7")),
    Page(name="events", open=at(EVENTS)),
    Page(name="events-filtered", open=at(f"{EVENTS}?receiver={ERP}&status=retrying")),
    Page(name="events-searched", open=at(f"{EVENTS}?q={{phone}}")),
    Page(name="event", open=at(f"{EVENTS}{{fine}}/change/")),
    Page(name="event-failing", open=at(f"{EVENTS}{{failing}}/change/")),
    Page(name="event-given-up", open=at(f"{EVENTS}{{given_up}}/change/")),
    Page(name="event-quarantined", open=at(f"{EVENTS}{{quarantined}}/change/")),
    Page(name="event-recovered", open=at(f"{EVENTS}{{recovered}}/change/")),
    Page(name="event-dismissed", open=at(f"{EVENTS}{{dismissed}}/change/")),
    Page(name="event-erased", open=at(f"{EVENTS}{{erased}}/change/")),
    Page(name="event-history", open=at(f"{EVENTS}{{failing}}/history/")),
    Page(name="replay", open=pressing(f"{EVENTS}{{failing}}/change/", click("#content .zenvia-buttons a"))),
    Page(name="replay-all", open=at(f"{EVENTS}replay/?receiver={ERP}")),
    Page(name="erase", open=pressing(f"{EVENTS}{{failing}}/change/", click(".zenvia-buttons button"))),
    Page(name="subscription-active", open=at(f"{SUBSCRIPTIONS}{{active}}/change/")),
    Page(name="add", open=at(f"{SUBSCRIPTIONS}add/")),
    Page(name="add-conversion", open=add_of_the_other_contract),
    Page(name="confirm", open=pressing(f"{SUBSCRIPTIONS}{{conversion}}/do/rotate/", SUBMIT)),
    Page(name="rotate", open=at(f"{SUBSCRIPTIONS}{{active}}/do/rotate/")),
    Page(name="change-topics", open=at(f"{SUBSCRIPTIONS}{{conversion}}/do/change-topics/")),
    Page(name="deactivate", open=at(f"{SUBSCRIPTIONS}{{active}}/do/deactivate/")),
    Page(name="subscription-history", open=at(f"{SUBSCRIPTIONS}{{active}}/history/")),
    Page(name="viewer-dashboard", open=at(OURS), who="viewer"),
    Page(name="viewer-events", open=at(EVENTS), who="viewer"),
    Page(name="viewer-event", open=at(f"{EVENTS}{{failing}}/change/"), who="viewer"),
    Page(name="viewer-subscription", open=at(f"{SUBSCRIPTIONS}{{active}}/change/"), who="viewer"),
    Page(name="sandbox", open=lambda page, site: page.goto(site.sandbox)),
    Page(name="dashboard-troubled", open=at(OURS), state="troubled"),
    Page(name="subscriptions", open=at(SUBSCRIPTIONS), state="troubled"),
    *(
        Page(name=f"subscription-{name}", open=at(f"{SUBSCRIPTIONS}{{{name}}}/change/"), state="troubled")
        for name in ("failed", "missing", "foreign")
    ),
    Page(name="delete", open=at(f"{SUBSCRIPTIONS}{{foreign}}/delete/"), state="troubled"),
    Page(name="at-zenvia", open=at(f"{SUBSCRIPTIONS}at-zenvia/"), state="troubled"),
    Page(name="replay-progress", open=at(f"{EVENTS}replay/progress/"), state="replaying"),
    Page(name="replay-busy", open=at(f"{EVENTS}replay/?receiver={ERP}"), state="replaying"),
    Page(name="replay-done", open=at(f"{EVENTS}replay/progress/"), state="replayed"),
    Page(name="dashboard-healthy", open=at(OURS), state="healthy"),
    Page(name="dashboard-healthy-7-days", open=at(f"{OURS}?days=7"), state="healthy"),
    Page(name="events-healthy", open=at(EVENTS), state="healthy"),
    Page(name="set-up", open=at(f"{SUBSCRIPTIONS}set-up/"), state="healthy"),
    Page(name="test-event", open=at(TEST_EVENT), state="healthy"),
    Page(name="test-event-sent", open=pressing(TEST_EVENT, SUBMIT), state="healthy"),
    Page(name="test-event-arrived", open=at(TEST_EVENT), state="worked"),
    Page(name="first-time", open=at(OURS), state="empty"),
    Page(name="set-up-first", open=at(f"{SUBSCRIPTIONS}set-up/"), state="empty"),
)
