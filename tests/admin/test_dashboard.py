"""The dashboard at the top of the app's page in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from tests.support import receivers
from tests.support.account import make_account, make_settings
from tests.support.admin_pages import user_with
from tests.support.factories import make_event, make_subscription
from zenvia_webhooks.admin.dashboard.charts import HEIGHT, chart_of
from zenvia_webhooks.admin.dashboard.figures import Span, counted, read_events, read_figures
from zenvia_webhooks.diagnosis import recent
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Recovery
from zenvia_webhooks.signals import lead_created

PAGE = "/admin/zenvia_webhooks/"
LIST = f"{PAGE}event/"
NOTE, BROKEN = "tests.support.receivers.note", "tests.support.receivers.broken"

pytestmark = pytest.mark.django_db


def shown(client: Client, address: str = PAGE) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def links(page: str) -> dict[str, str]:
    """Return the words of each link → where it leads."""
    return {
        text_of(words): unescape(address)
        for address, words in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', page, re.DOTALL)
    }


@pytest.fixture
def _outage(settings: Any) -> None:
    """Three leads, for each of which one receiver succeeded and one failed."""
    settings.ZENVIA_WEBHOOKS = {**make_settings(), "RETRY_DELAYS": [600]}
    lead_created.connect(receivers.note)
    lead_created.connect(receivers.broken)
    for _ in range(3):
        make_event()
    dispatch_due()


@pytest.mark.usefixtures("_outage")
def test_an_outage_is_told_with_its_receiver_and_every_figure_leads_to_its_list(admin_client: Client) -> None:
    page = shown(admin_client)
    text, found = text_of(page), links(page)
    assert f"{BROKEN} fails for every event that comes" in text
    assert "0 % succeeded" in text
    assert "100 % succeeded" in text
    assert "3 trying again" in found
    assert "3 have not succeeded" in found
    for words, address in found.items():
        if address.startswith(LIST):
            assert admin_client.get(address).status_code == 200, words
    listed = admin_client.get(found["3 have not succeeded"]).context["cl"].result_list
    assert len(listed) == 3
    assert found["Try all failing now …"] == f"{LIST}replay/?receiver={BROKEN}"


def test_nothing_of_the_page_is_style_or_script(admin_client: Client) -> None:
    make_event()
    page = shown(admin_client)
    dashboard = page[page.index("zenvia-dashboard") : page.index("zenvia-dashboard") + 20_000]
    assert "<svg" in dashboard
    assert not re.search(r"<script|<style| style=| on\w+=", dashboard.partition('class="app-')[0])


@pytest.mark.usefixtures("_outage")
def test_what_it_costs_does_not_grow(admin_client: Client) -> None:
    with CaptureQueriesContext(connection) as few:
        shown(admin_client)
    for _ in range(10):
        make_event()
    dispatch_due()
    with CaptureQueriesContext(connection) as many:
        shown(admin_client)
    assert len(many) == len(few)
    for query in many:
        if "zenvia_webhooks_event" in query["sql"] or "zenvia_webhooks_delivery" in query["sql"]:
            assert "LIMIT" in query["sql"] or "GROUP BY" in query["sql"] or " IN (" in query["sql"], query["sql"]


@pytest.mark.usefixtures("_outage")
def test_recent_events_are_read_once_for_figures_and_verdict(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheld = make_event("agent.updated", subscription=make_subscription(topics=["lead.created"]))
    monkeypatch.setattr(recent, "RECENT_EVENTS", 777)
    with CaptureQueriesContext(connection) as queries:
        text = text_of(shown(admin_client))
    assert f"with topics that it does not hold: '{unheld.topic}'" in text
    of_events = [query["sql"].replace('"', "").replace("`", "") for query in queries]
    reads = [sql for sql in of_events if "FROM zenvia_webhooks_event WHERE zenvia_webhooks_event.received_at" in sql]
    assert [sql.rpartition(" LIMIT ")[2] for sql in reads] == ["777"]


def test_what_the_dashboard_has_read_says_what_the_database_would_count() -> None:
    asked_for = make_subscription()
    for status, topic in (("failed", "lead.created"), ("failed", "lead.created"), ("unhandled", "agent.updated")):
        make_event(topic, subscription=asked_for, status=status)
    make_event(status="quarantined", contract="conversion")
    make_event(status="failed", received_at=now() - timedelta(days=8))
    read, in_database = counted(read_events()), recent.read_recent()
    assert sorted(read.groups) == sorted(in_database.groups)
    assert (read.is_all, in_database.is_all) == (True, True)
    assert sorted(group.number for group in read.groups) == [1, 1, 2]


@pytest.mark.usefixtures("_outage")
def test_a_bound_is_told(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "RECENT_EVENTS", 2)
    assert not read_figures(Span.of_days(1), read_events()).is_all
    assert "the newest" in text_of(shown(admin_client))


def test_bars_stand_where_events_came_in_and_add_up() -> None:
    span = Span.of_days(1)
    for hours, topic in ((0, "lead.created"), (0, "quote.updated"), (23, "lead.created")):
        make_event(topic, received_at=span.since + timedelta(hours=hours, minutes=1))
    make_event(received_at=span.since - timedelta(minutes=1))
    chart = chart_of(read_figures(span, read_events()))
    assert [number for number, bar in enumerate(chart.bars) if bar.total] == [0, 23]
    first, last = chart.bars[0], chart.bars[23]
    assert sum(piece.height for piece in first.pieces) == HEIGHT
    assert [piece.height for piece in last.pieces] == [HEIGHT // 2]
    assert {topic: number for topic, _colour, number in chart.legend} == {"lead.created": 2, "quote.updated": 1}
    assert len(Span.of_days(7).since.tzname() or "") > 0
    assert chart_of(read_figures(Span.of_days(7), read_events())).bars[-1].until > now()


def test_it_says_how_an_account_compares_with_zenvia(admin_client: Client, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = make_settings(default=make_account(CONTRACT="conversion", RECOVER=True))
    make_subscription()
    assert "not compared yet" in text_of(shown(admin_client))
    moment = now()
    row = Recovery.objects.create(
        account="default",
        runner=Recovery.Runner.TASK,
        since=moment - timedelta(days=1),
        until=moment,
        whole_until=moment,
        started_at=moment,
        seen_at=moment,
        finished_at=moment,
        counts={"leads": {"listed": 412, "here": 400, "recovered": 12}},
    )
    text = text_of(shown(admin_client))
    assert "412 of 412 leads since" in text
    assert "nothing is missing" in text
    Recovery.objects.filter(pk=row.pk).update(counts={"leads": {"listed": 412, "here": 400, "recovered": 2}})
    assert "10 are missing" in text_of(shown(admin_client))


def test_each_sees_what_they_may_view(client: Client) -> None:
    make_event()
    row = make_subscription()
    client.force_login(user_with("view_subscription"))
    page = shown(client)
    assert "zenvia-tiles" not in page
    assert f"subscription/{row.pk}/change/" in page
    user = user_with("view_event", name="other")
    client.force_login(user)
    page = shown(client)
    assert "zenvia-tiles" in page
    assert "Try all failing" not in page
    assert "subscription/" not in page
