"""The sandbox's page: what it shows, its buttons, and other people's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.callbacks import BEARER, KEY, Webhook, create
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.sandbox.page import LISTINGS


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


def test_the_page_shows_subscriptions_and_escapes_them(sandbox: Sandbox) -> None:
    empty = requests.get(sandbox.url, timeout=5)
    assert "zenvia_register_subscription" in empty.text
    create(sandbox, topic="<script>alert(1)</script>", callbackUrl='https://crm.example.com/"><b>')
    page = requests.get(sandbox.url, timeout=5)
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "subscription1" in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert KEY not in page.text
    assert requests.head(sandbox.url, timeout=5).status_code == 200


def test_the_pages_button_sends_an_event_and_shows_the_answer(sandbox: Sandbox, webhook: Webhook) -> None:
    webhook.answer = b"<i>thanks</i>"
    create(sandbox, callbackUrl=webhook.url)
    page = requests.get(sandbox.url, timeout=5).text
    assert '<form method="post" action="/send">' in page
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', page))
    assert form == {"subscription": "subscription1"}
    form["topic"] = re.findall(r'<option value="([^"]+)">', page)[0]

    result = requests.post(f"{sandbox.url}/send", data=form, headers={"Origin": sandbox.url}, timeout=5)
    assert result.status_code == 200
    assert re.search(r"answered 200</strong> in \d+ ms", result.text)
    assert "&lt;i&gt;thanks&lt;/i&gt;" in result.text
    again = requests.get(result.url, timeout=5)  # pressing Enter in the address bar
    assert (again.status_code, again.url) == (200, sandbox.url + "/")
    assert len(webhook.got) == 1


def test_send_answers_json_to_who_asks_for_it(sandbox: Sandbox, webhook: Webhook, unreachable: str) -> None:
    sandbox.add(["lead.created"], webhook.url)
    sandbox.add(["lead.created"], unreachable)

    def send(**form: str) -> tuple[int, dict[str, Any]]:
        headers = {"Accept": "application/json"}
        answer = requests.post(f"{sandbox.url}/send", data=form, headers=headers, timeout=5)
        return answer.status_code, answer.json()

    status, answer = send(subscription="subscription1", topic="lead.created")
    assert status == 200
    assert sorted(answer) == ["body", "milliseconds", "status"]
    assert (answer["status"], json.loads(answer["body"])["status"]) == (200, "accepted")
    assert isinstance(answer["milliseconds"], int)

    status, answer = send(subscription="subscription2", topic="lead.created")
    assert (status, list(answer)) == (502, ["error"])
    assert send(subscription="subscription9")[0] == 404
    assert send(topic="lead.created")[0] == 400


def test_a_failing_webhook_is_shown_on_the_page(sandbox: Sandbox, webhook: Webhook, unreachable: str) -> None:
    webhook.status = 503
    sandbox.add(["lead.created"], webhook.url)
    sandbox.add(["lead.created"], unreachable)
    failed = requests.post(f"{sandbox.url}/send", data={"subscription": "subscription1"}, timeout=5)
    assert '<strong class="bad">answered 503</strong>' in failed.text
    lost = requests.post(f"{sandbox.url}/send", data={"subscription": "subscription2"}, timeout=5)
    assert lost.status_code == 502
    assert "can&#x27;t be reached" in lost.text


def test_the_buttons_for_doubles_send_one_event_several_times(sandbox: Sandbox, webhook: Webhook) -> None:
    create(sandbox, callbackUrl=webhook.url)
    form = {"subscription": "subscription1", "topic": "lead.created"}
    early = requests.post(f"{sandbox.url}/send", data={**form, "how": "again"}, timeout=5)
    assert (early.status_code, "has sent nothing" in early.text) == (404, True)
    for how in ("twice", "again"):
        assert requests.post(f"{sandbox.url}/send", data={**form, "how": how}, timeout=5).status_code == 200
    assert len(webhook.got) == 3
    assert len({body for _headers, body in webhook.got}) == 1


def test_the_pages_form_has_calls_go_wrong(sandbox: Sandbox) -> None:
    form = {"next": "2", "method": "GET", "fault": "503"}
    page = requests.post(f"{sandbox.url}/fail", data=form, timeout=5)
    assert (page.status_code, page.url) == (200, f"{sandbox.url}/")
    assert "Still to come: 2 GET calls: 503" in page.text
    assert create(sandbox).status_code == 201
    answers = [requests.get(f"{sandbox.api_url}/subscriptions", headers=BEARER, timeout=5) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert "Still to come" not in requests.get(sandbox.url, timeout=5).text


@pytest.mark.parametrize(
    "fields", [{}, {"fault": "?"}, {"next": "0"}, {"next": "-1"}, {"next": "9" * 5000}, {"next": "a"}]
)
def test_a_form_that_makes_no_sense_plans_nothing(sandbox: Sandbox, fields: dict[str, str]) -> None:
    form = {"fault": "503", **fields} if fields else {}
    answer = requests.post(f"{sandbox.url}/fail", data=form, timeout=5)
    assert (answer.status_code, sandbox.faults) == (400, [])


def test_the_page_offers_what_is_subscribed_and_the_messaging_platforms(sandbox: Sandbox, webhook: Webhook) -> None:
    made = sandbox.add(["prospects", "interactions", "visits"], webhook.url, "conversion")
    page = requests.get(sandbox.url, timeout=5).text
    offered = re.findall(r'<option value="([^"]+)">([^<]+)', page.partition("</table>")[0])
    assert offered[0] == ("lead.created|phone|conversion", "New lead (lead.created): phone")
    for value in ("lead.archived|archived|conversion", "interaction.created|note|conversion", "visits||conversion"):
        assert value in dict(offered)
    assert ("interaction.resolved|closed|messaging", "Conversation closed (interaction.resolved)") in offered
    assert not any(value.startswith(("quote.", "agent.")) for value, _text in offered)

    headers = {"Accept": "application/json"}
    for topic, _text in offered:
        form = {"subscription": made.id, "topic": topic}
        assert requests.post(f"{sandbox.url}/send", data=form, headers=headers, timeout=5).status_code == 200
    bodies = [json.loads(body) for _headers, body in webhook.got]
    assert len(bodies) == len(offered)
    assert {body["topic"] for body in bodies if "topic" in body} == {"prospects", "interactions", "visits"}
    assert {body["type"] for body in bodies if "topic" not in body} >= {"MESSAGE", "CONVERSATION_STATUS", "CONTACT"}
    unheard = {"subscription": made.id, "topic": "interaction.created|song|conversion"}
    assert "no kind" in requests.post(f"{sandbox.url}/send", data=unheard, timeout=5).text


def test_the_pages_form_has_the_lists_go_wrong(sandbox: Sandbox) -> None:
    for name, listing in LISTINGS.items():
        requests.post(f"{sandbox.url}/listing", data={"listing": name}, timeout=5)
        assert sandbox.listing == listing
    assert (
        '<option value="give half a page" selected>give half a page</option>'
        in requests.get(sandbox.url, timeout=5).text
    )
    assert requests.post(f"{sandbox.url}/listing", data={"listing": "?"}, timeout=5).status_code == 400


# Other people's pages


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_form_on_another_page_sends_nothing(sandbox: Sandbox, webhook: Webhook, origin: str) -> None:
    sandbox.add(["lead.created"], webhook.url)
    form = {"subscription": "subscription1", "topic": "lead.created"}
    answer = requests.post(f"{sandbox.url}/send", data=form, headers={"Origin": origin}, timeout=5)
    assert answer.status_code == 403
    planned = requests.post(f"{sandbox.url}/fail", data={"fault": "503"}, headers={"Origin": origin}, timeout=5)
    assert (planned.status_code, sandbox.faults) == (403, [])
    assert webhook.got == []
