"""The sandbox lists what happened, as Zenvia does: order, cursors, windows, cap, single objects; over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.support.callbacks import KEY, Webhook
from zenvia_webhooks.sandbox import Listing, Sandbox

DAY = timedelta(days=1)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def ask(sandbox: Sandbox, path: str, key: str = KEY, **parameters: Any) -> requests.Response:
    return requests.get(f"{sandbox.api_url}{path}", params={"api-key": key, **parameters}, timeout=10)


def listed(sandbox: Sandbox, path: str = "/prospects", **parameters: Any) -> list[str]:
    answer = ask(sandbox, path, **parameters)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def pages(sandbox: Sandbox, path: str, **parameters: Any) -> list[list[str]]:
    """Return the ids of each page, as a caller reads them that believes in `before` and in a short last page."""
    found = [listed(sandbox, path, **parameters)]
    while found[-1] and len(found[-1]) == parameters["limit"] and len(found) < 50:
        found.append(listed(sandbox, path, before=found[-1][-1], **parameters))
    return found


def test_a_list_is_newest_first_and_read_by_cursor(sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    made = [
        sandbox.history.happen("lead.created", at=now - timedelta(minutes=age))["prospect"]["id"]
        for age in range(25, 0, -1)
    ]
    newest_first = made[::-1]
    assert listed(sandbox) == newest_first
    assert pages(sandbox, "/prospects", limit=10) == [newest_first[:10], newest_first[10:20], newest_first[20:]]
    assert listed(sandbox, after=made[20]) == newest_first[:4]
    assert listed(sandbox, after=made[3], before=made[6]) == [made[5], made[4]]


def test_what_is_listed_is_what_was_sent(sandbox: Sandbox, webhook: Webhook) -> None:
    registered = sandbox.add(["prospects", "interactions", "quotes"], webhook.url, "conversion")
    for topic, kind in (("lead.created", "phone"), ("interaction.created", "inbound"), ("quote.created", "pending")):
        sandbox.send(registered.id, topic, kind)
    sent = sandbox.history.happen("interaction.created", "outbound", at=datetime.now(UTC) - timedelta(hours=1))
    bodies = [json.loads(body) for _headers, body in webhook.got]
    prospect = bodies[0]["prospect"]
    assert ask(sandbox, "/prospects").json()[0]["id"] == prospect["id"]
    interactions = ask(sandbox, "/prospects/interactions").json()
    assert interactions[0] == bodies[1]["interaction"]
    assert ask(sandbox, "/prospects/quotes").json() == [bodies[2]["quote"]]
    # An outbound message has been delivered meanwhile.
    [later] = [one for one in interactions if one["id"] == sent["interaction"]["id"]]
    assert (sent["interaction"]["status"], later["status"]) == ("created", "updated")
    assert later["output"]["message"]["delivered"]
    assert later["finishedAt"] > later["createdAt"]


def test_without_dates_a_list_reaches_back_thirty_days(sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    ages = (31, 29, 1)
    old, inside, newest = [sandbox.history.happen("lead.created", at=now - age * DAY)["prospect"]["id"] for age in ages]
    assert listed(sandbox) == [newest, inside]
    assert listed(sandbox, createdAfter=(now - 32 * DAY).isoformat(), createdBefore=(now - 30 * DAY).isoformat()) == [
        old
    ]
    assert listed(sandbox, start=(now - 2 * DAY).isoformat(), end=now.isoformat()) == [newest]


def test_both_ends_of_a_span_belong_to_it(sandbox: Sandbox) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - DAY
    ids = [
        sandbox.history.happen("lead.created", at=at + timedelta(milliseconds=ms))["prospect"]["id"]
        for ms in (-1, 0, 999, 1000)
    ]
    span = {"createdAfter": at.isoformat(), "createdBefore": f"{at:%Y-%m-%dT%H:%M:%S}.999Z"}
    assert listed(sandbox, **span) == [ids[2], ids[1]]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"createdAfter": 32, "createdBefore": 0}, "31 days"),
        ({"createdAfter": 32}, "31 days"),
        ({"createdBefore": 32}, "31 days"),
        ({"createdAfter": 1, "createdBefore": 2}, "earlier"),
        ({"createdAfter": "yesterday"}, "createdAfter"),
        ({"before": "subscription1"}, "before"),
        ({"limit": "many"}, "limit"),
        ({"limit": "0"}, "limit"),
    ],
)
def test_a_query_that_cannot_be_answered(sandbox: Sandbox, parameters: dict[str, Any], words: str) -> None:
    """A number is an age in days."""
    now = datetime.now(UTC)
    sent = {key: (now - value * DAY).isoformat() if type(value) is int else value for key, value in parameters.items()}
    answer = ask(sandbox, "/prospects", **sent)
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)


def test_quotes_are_found_by_what_became_of_them(sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    for kind, age in (("accepted", 2), ("rejected", 1)):
        sandbox.history.happen("quote.created", at=now - 20 * DAY)
        sandbox.history.happen("quote.updated", kind, at=now - age * DAY)
    accepted, rejected = [row["id"] for row in reversed(ask(sandbox, "/prospects/quotes").json())]
    since = (now - 3 * DAY).isoformat()
    assert listed(sandbox, "/prospects/quotes", acceptedAfter=since) == [accepted]
    assert listed(sandbox, "/prospects/quotes", rejectedAfter=since, rejectedBefore=now.isoformat()) == [rejected]
    assert listed(sandbox, "/prospects/quotes", acceptedAfter=(now - DAY).isoformat()) == []
    assert listed(sandbox, "/prospects/quotes", createdAfter=since) == []
    assert listed(sandbox, "/prospects/quotes", status="rejected") == [rejected]


def test_filters(sandbox: Sandbox) -> None:
    first = sandbox.history.happen("lead.created", "phone")["prospect"]
    sandbox.history.happen("interaction.created", "outbound")
    taken = ask(sandbox, f"/prospect/{first['id']}").json()
    social = sandbox.history.happen("lead.created", "social")["prospect"]
    assert listed(sandbox, status="unclaimed") == [social["id"]]
    assert listed(sandbox, agent=taken["agent"]["id"]) == [first["id"]]
    assert listed(sandbox, withAgent="false") == [social["id"]]
    assert len(listed(sandbox, "/prospects/interactions", via="whatsApp")) == 1
    assert listed(sandbox, "/prospects/interactions", via="sms") == []


def test_single_objects(sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    lead = sandbox.history.happen("lead.created", "phone", at=now - DAY)["prospect"]
    first, second = [
        sandbox.history.happen("interaction.created", at=now - timedelta(hours=age))["interaction"] for age in (2, 1)
    ]
    quote = sandbox.history.happen("quote.created")["quote"]
    one = f"/prospect/{lead['id']}"
    assert ask(sandbox, one).json()["id"] == lead["id"]
    assert listed(sandbox, f"{one}/interactions") == [first["id"], second["id"]]  # oldest first
    assert ask(sandbox, f"{one}/interaction/{second['id']}").json() == second
    assert ask(sandbox, f"{one}/quote/{quote['id']}").json() == quote
    assert listed(sandbox, f"{one}/quotes") == [quote["id"]]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/prospect/{'f' * 24}", 404),
        (f"/prospect/{'f' * 24}/interactions", 404),
        ("/prospect/subscription1", 400),
        ("/prospects/visits", 404),
    ],
)
def test_what_is_not_there(sandbox: Sandbox, path: str, status: int) -> None:
    answer = ask(sandbox, path)
    assert (answer.status_code, sorted(answer.json())) == (status, ["code", "message"])
    assert ask(sandbox, path, key="wrong").status_code == 401


def test_a_note_and_a_message_are_written(sandbox: Sandbox) -> None:
    lead = sandbox.history.happen("lead.created", "phone")["prospect"]

    def write(prospect_id: str, **body: str) -> requests.Response:
        path = f"{sandbox.api_url}/prospect/{prospect_id}/interactions"
        return requests.post(path, json=body, params={"api-key": KEY}, timeout=5)

    note = write(lead["id"], type="note", content="Liga amanhã")
    assert (note.status_code, note.json()[0]["output"]) == (200, {"comment": "Liga amanhã"})
    message = write(lead["id"], type="message", content="Olá").json()[0]
    assert (message["proactive"], message["output"]["message"]["content"]) == (True, "Olá")
    assert listed(sandbox, "/prospects/interactions") == [message["id"], note.json()[0]["id"]]
    # The one 404 of Zenvia's without a body.
    unknown = write("f" * 24, type="note", content="x")
    assert (unknown.status_code, unknown.content) == (404, b"")
    assert write(lead["id"], type="dance", content="x").status_code == 400
    assert requests.put(f"{sandbox.api_url}/prospects", params={"api-key": KEY}, timeout=5).status_code == 405


def test_a_day_of_6500_interactions_is_capped_in_silence_and_can_be_paged(sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    sandbox.history.fill(now - DAY, now, messages=6500)
    assert len(listed(sandbox, "/prospects/interactions", limit=9000)) == 5000
    assert len(listed(sandbox, "/prospects/interactions")) == 5000
    found = pages(sandbox, "/prospects/interactions", limit=1000)
    assert [len(page) for page in found] == [1000] * 6 + [500]
    assert len({one for page in found for one in page}) == 6500


# What can be wrong with the lists


@pytest.fixture
def thirty(sandbox: Sandbox) -> list[str]:
    """The prospects of thirty leads of the last half hour; returns their ids, newest first."""
    now = datetime.now(UTC)
    sandbox.history.fill(now - timedelta(minutes=30), now, leads=30)
    return listed(sandbox)


def test_a_server_without_cursor_repeats_itself(sandbox: Sandbox, thirty: list[str]) -> None:
    sandbox.listing = Listing(cursors=False)
    assert listed(sandbox, limit=10, before=thirty[9]) == thirty[:10]


def test_a_server_with_its_order_broken(sandbox: Sandbox, thirty: list[str]) -> None:
    sandbox.listing = Listing(order="oldest first")
    assert listed(sandbox, limit=5) == thirty[:-6:-1]
    sandbox.listing = Listing(order="shuffled")
    page = listed(sandbox, limit=20)
    assert (set(page) == set(thirty[:20]), page == thirty[:20]) == (True, False)


def test_a_server_that_changes_its_mind_or_gives_half_a_page(sandbox: Sandbox, thirty: list[str]) -> None:
    sandbox.listing = Listing(changes_mind=True)
    answers = [listed(sandbox), listed(sandbox)]
    assert sorted(map(len, answers)) == [len(thirty) * 2 // 3, len(thirty)]
    sandbox.listing = Listing(short_pages=True)
    assert sorted(len(listed(sandbox, limit=10)) for _ in range(2)) == [5, 10]


def test_a_server_with_another_cap_and_one_that_lags(sandbox: Sandbox, thirty: list[str]) -> None:
    sandbox.listing = Listing(cap=7)
    assert listed(sandbox) == thirty[:7]
    sandbox.listing = Listing(lag=timedelta(minutes=10, seconds=30))
    assert listed(sandbox) == thirty[-len(listed(sandbox)) :]
    assert len(listed(sandbox)) < len(thirty)
    sandbox.heal()
    assert listed(sandbox) == thirty
