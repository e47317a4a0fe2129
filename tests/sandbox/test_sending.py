"""The sandbox sends events: one, two at the same moment, one again; in the envelope of either contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import requests

from tests.support.callbacks import BEARER, KEY, Webhook, create
from zenvia_webhooks.contracts import get_contract, recognise
from zenvia_webhooks.sandbox import Habits, Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def test_send_posts_the_documented_shape(sandbox: Sandbox, webhook: Webhook) -> None:
    create(sandbox, callbackUrl=webhook.url)
    answer = sandbox.send("subscription1", name="João Silva")
    assert (answer.status, answer.json(), answer.ok) == (200, {"status": "accepted", "event": 1}, True)

    [(headers, body)] = webhook.got
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("zenvia-sandbox")
    assert "João Silva".encode() in body  # as Zenvia writes it, not escaped
    payload = json.loads(body)
    assert list(payload) == ["topic", "eventTime", "data"]
    assert list(payload["data"]) == ["leadId", "name", "email", "phone"]


def test_send_names_another_topic_as_the_wire_does(webhook: Webhook) -> None:
    with Sandbox(wire_topics={"quote.updated": "quote.status"}) as sandbox:
        sandbox.add(["quote.status"], webhook.url)
        sandbox.send("subscription1")
        sandbox.send("subscription1", "visit.booked", room=7)
    renamed, unheard = [json.loads(body) for _, body in webhook.got]
    assert renamed["topic"] == "quote.status"
    assert renamed["data"]["quoteId"]
    assert (unheard["topic"], unheard["data"]) == ("visit.booked", {"room": 7})


def test_send_does_not_follow_a_redirect(sandbox: Sandbox, webhook: Webhook) -> None:
    webhook.status = 307
    sandbox.add(["lead.created"], webhook.url)
    answer = sandbox.send("subscription1")
    assert (answer.status, answer.ok, len(webhook.got)) == (307, False, 1)


def test_send_to_nobody(sandbox: Sandbox, webhook: Webhook, unreachable: str) -> None:
    sandbox.add(["lead.created"], unreachable)
    with pytest.raises(ConnectionError, match="can't be reached") as caught:
        sandbox.send("subscription1")
    assert "5ec2e7" not in str(caught.value)  # the token
    sandbox.remove("subscription1")
    with pytest.raises(LookupError, match="subscription1"):
        sandbox.send("subscription1")
    webhook.status = 0
    sandbox.add(["lead.created"], webhook.url)
    with pytest.raises(ConnectionError, match="broke off"):
        sandbox.send("subscription2")


def test_a_proxy_of_the_environment_is_not_asked(
    sandbox: Sandbox, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    sandbox.add(["lead.created"], webhook.url)
    assert sandbox.send("subscription1").status == 200


def test_calls_and_events_are_reported(webhook: Webhook) -> None:
    lines: list[str] = []
    with Sandbox(api_key=KEY, report=lines.append) as sandbox:
        create(sandbox, callbackUrl=webhook.url)
        requests.get(f"{sandbox.api_url}/\x1b[2J?api-key={KEY}", headers=BEARER, timeout=5)
        sandbox.send("subscription1")
    assert lines[:2] == ["POST /v1/subscriptions answered 201", "GET /v1/%1B%5B2J answered 404"]
    assert re.fullmatch(r"sent lead.created to subscription1: answered 200 in \d+ ms", lines[2])


# The other contract


@pytest.mark.parametrize(
    ("asked", "wire", "kind"),
    [
        (None, "prospects", "created"),
        ("interactions", "interactions", "created"),
        ("interaction.resolved", "interactions", "updated"),
        ("interaction.created", "interactions", "created"),
        ("quotes", "quotes", "updated"),
        ("visits", "visits", "created"),
    ],
)
def test_an_event_is_in_the_envelope_of_its_registration(
    sandbox: Sandbox, webhook: Webhook, asked: str | None, wire: str, kind: str
) -> None:
    made = sandbox.add(["prospects", "quotes"], webhook.url, "conversion")
    assert sandbox.send(made.id, asked, note="x").ok
    [(_headers, body)] = webhook.got
    payload = json.loads(body)
    assert (payload["topic"], payload["type"], payload["attempts"]) == (wire, kind, 1)
    assert payload["subscriptionId"] == made.id
    assert recognise(payload) is get_contract("conversion")
    assert get_contract("conversion").data(payload)["note"] == "x"


# The same again


def test_doubles_are_the_same_bytes_at_the_same_moment(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["prospects"], webhook.url, "conversion")
    answers = sandbox.send_at_once(made.id, times=3, apart=0.001, firstName="Ana")
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len({body for _headers, body in webhook.got}) == 1
    assert len(webhook.got) == 3
    assert b'"Ana"' in webhook.got[0][1]


def test_a_later_attempt_is_counted_and_has_another_time(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["prospects"], webhook.url, "conversion")
    with pytest.raises(LookupError, match="has sent nothing"):
        sandbox.send_again(made.id)
    sandbox.send(made.id)
    sandbox.send_again(made.id)
    sandbox.send_again(made.id)
    first, second, third = [json.loads(body) for _headers, body in webhook.got]
    assert [one.pop("attempts") for one in (first, second, third)] == [1, 2, 3]
    times = [one.pop("sent") for one in (first, second, third)]
    assert times == sorted(times)
    assert first == second == third


def test_a_later_attempt_under_the_first_contract_is_the_same_bytes(sandbox: Sandbox, webhook: Webhook) -> None:
    create(sandbox, callbackUrl=webhook.url)
    sandbox.send("subscription1")
    sandbox.send_again("subscription1")
    assert webhook.got[0][1] == webhook.got[1][1]


def test_what_happened_before_is_delivered_later(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["prospects"], webhook.url, "conversion")
    happened = sandbox.history.happen("lead.created")
    assert webhook.got == []
    assert sandbox.deliver(made.id, happened).ok
    assert [json.loads(body) for _headers, body in webhook.got] == [{**happened, "subscriptionId": made.id}]


def test_the_messaging_platform_posts_to_the_same_url(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["interactions"], webhook.url, "conversion")
    sandbox.send(made.id, "interaction.resolved", contract="messaging")
    [(_headers, body)] = webhook.got
    payload = json.loads(body)
    assert (payload["type"], payload["conversation"]["status"]) == ("CONVERSATION_STATUS", "CONVERSATION_CLOSED")
    assert payload["subscriptionId"] != made.id  # it has subscriptions of its own


def test_every_third_event_is_posted_twice_at_once(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["prospects"], webhook.url, "conversion")
    sandbox.habits = Habits(pairs_every=3, apart=0.001)
    for _ in range(6):
        sandbox.send(made.id)
    bodies = [body for _headers, body in webhook.got]
    assert (len(bodies), len(set(bodies))) == (8, 6)


def test_now_and_then_an_answer_is_not_waited_for(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["prospects"], webhook.url, "conversion")
    sandbox.habits = Habits(impatient_every=2, patience=0.02)
    webhook.slow = 0.2
    for _ in range(2):
        sandbox.send(made.id)
    first, second, again = [json.loads(body) for _headers, body in webhook.got]
    assert [one["attempts"] for one in (first, second, again)] == [1, 1, 2]
    assert first["prospect"]["id"] != second["prospect"]["id"] == again["prospect"]["id"]
    sandbox.heal()
    assert sandbox.habits == Habits()
