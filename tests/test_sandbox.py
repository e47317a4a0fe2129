"""The stand-in Zenvia, over real HTTP: DESIGN 1.1, its page, and what it refuses."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.sandbox.samples import sample_payload

KEY = "the-key"
BEARER = {"Authorization": f"Bearer {KEY}"}


class Webhook(HTTPServer):
    """A callback URL that keeps what it gets and answers as it is told."""

    status = 200
    answer = b'{"status": "accepted", "event": 1}'

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), WebhookHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/zenvia/webhook/0123abcd/"


class WebhookHandler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers.items()), body))
        if self.server.status == 0:  # hang up
            return
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere/")
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_args: Any) -> None:
        """Print nothing."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY) as running:
        yield running


@pytest.fixture
def unreachable() -> Iterator[str]:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/zenvia/webhook/5ec2e7/"


def create(sandbox: Sandbox, **changes: Any) -> requests.Response:
    body = {"topic": "lead.created", "callbackUrl": "https://crm.example.com/hook/", **changes}
    return requests.post(f"{sandbox.api_url}/subscriptions", json=body, headers=BEARER, timeout=5)


# The API


def test_a_subscription_is_created_listed_and_deleted(sandbox: Sandbox) -> None:
    assert sandbox.api_url == sandbox.url + "/v1"
    expected = {
        "id": "subscription1",
        "topic": "lead.created",
        "callbackUrl": "https://crm.example.com/hook/",
    }

    created = create(sandbox)
    assert (created.status_code, created.json()) == (201, expected)
    assert created.headers["Content-Type"].startswith("application/json")

    listed = requests.get(f"{sandbox.api_url}/subscriptions", headers=BEARER, timeout=5)
    assert (listed.status_code, listed.json()) == (200, [expected])
    one = sandbox.subscriptions[0]
    assert (one.id, one.topics, one.callback_url) == (
        "subscription1",
        ("lead.created",),
        "https://crm.example.com/hook/",
    )

    address = f"{sandbox.api_url}/subscriptions/subscription1"
    deleted = requests.delete(address, headers=BEARER, timeout=5)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert requests.delete(address, headers=BEARER, timeout=5).status_code == 404
    assert sandbox.subscriptions == []
    assert create(sandbox).json()["id"] == "subscription2"  # an id is never given twice


def test_each_call_is_recorded_as_it_was_sent(sandbox: Sandbox) -> None:
    create(sandbox)
    requests.get(f"{sandbox.api_url}/subscriptions?page=2", headers={"Authorization": "Bearer no"}, timeout=5)
    first, second = sandbox.requests
    assert (first.method, first.path, first.status) == ("POST", "/v1/subscriptions", 201)
    assert first.body == b'{"topic": "lead.created", "callbackUrl": "https://crm.example.com/hook/"}'
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.headers["Content-Type"] == "application/json"
    assert (second.method, second.path, second.status) == ("GET", "/v1/subscriptions?page=2", 401)
    assert KEY not in repr(first)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}, {"Authorization": f"Basic {KEY}"}],
)
def test_a_missing_or_wrong_key_is_answered_401(sandbox: Sandbox, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        answer = requests.request(method, f"{sandbox.api_url}/subscriptions", headers=headers, timeout=5)
        assert answer.status_code == 401
        assert sorted(answer.json()) == ["code", "message"]
        assert KEY not in answer.text
    assert sandbox.subscriptions == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'["lead.created"]',
        b'{"topic": "lead.created"}',
        b'{"callbackUrl": "https://crm.example.com/"}',
        b'{"topic": 1, "callbackUrl": "https://crm.example.com/"}',
        b'{"topic": "\\ud800", "callbackUrl": "https://crm.example.com/"}',
        b'{"topic": "lead.created", "callbackUrl": "crm.example.com"}',
        b'{"topic": "lead.created", "callbackUrl": "javascript:alert(1)"}',
        b'{"topic": "lead.created", "callbackUrl": "http://[crm/"}',
    ],
)
def test_a_body_that_cannot_be_used_is_answered_400(sandbox: Sandbox, body: bytes) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = requests.post(f"{sandbox.api_url}/subscriptions", data=body, headers=headers, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert sandbox.subscriptions == []


def test_another_content_type_is_answered_400(sandbox: Sandbox) -> None:
    body = json.dumps({"topic": "lead.created", "callbackUrl": "https://crm.example.com/"})
    for kind, status in (("text/plain", 400), ("application/json; charset=utf-8", 201)):
        headers = {**BEARER, "Content-Type": kind}
        answer = requests.post(f"{sandbox.api_url}/subscriptions", data=body, headers=headers, timeout=5)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/v1/nothing", 404, None),
        ("GET", "/v2/subscriptions", 404, None),
        ("DELETE", "/v1/subscriptions/", 404, None),
        ("PUT", "/v1/subscriptions", 405, "GET, POST"),
        ("GET", "/v1/subscriptions/subscription1", 405, "DELETE"),
        ("POST", "/", 405, "GET, HEAD"),
        ("DELETE", "/send", 405, "POST"),
    ],
)
def test_unknown_paths_and_methods(sandbox: Sandbox, method: str, path: str, status: int, allow: str | None) -> None:
    answer = requests.request(method, sandbox.url + path, headers=BEARER, timeout=5)
    assert (answer.status_code, answer.headers.get("Allow")) == (status, allow)
    assert answer.json()["message"]


def test_hundred_callers_at_once_each_get_an_id_of_their_own(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(lambda _: create(sandbox).json()["id"], range(100)))
    assert len(set(ids)) == len(sandbox.subscriptions) == len(sandbox.requests) == 100


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Length": "many"}, b"", b"400"),
        ({"Content-Length": "-1"}, b"", b"400"),
        ({"Content-Length": "9" * 5000}, b"", b"413"),
        ({"Content-Length": "1048577"}, b"", b"413"),
        ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", b"411"),
        ({"Content-Length": "10"}, b"short", b"400"),
    ],
)
def test_a_body_of_no_known_length(sandbox: Sandbox, headers: dict[str, str], body: bytes, status: bytes) -> None:
    host, port = sandbox.url.removeprefix("http://").split(":")
    lines = [f"{name}: {value}" for name, value in {"Host": host, **headers}.items()]
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall("\r\n".join(["POST /v1/subscriptions HTTP/1.1", *lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").readline().split()[1] == status


def test_a_failure_of_its_own_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    def report(line: str) -> None:
        raise RuntimeError(f"inner words: {line}")

    with Sandbox(api_key=KEY, report=report) as sandbox:
        answer = create(sandbox)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "inner words" not in answer.text
    assert "inner words" in caplog.text


def test_one_port_holds_one_sandbox(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=port).open()


def test_a_closed_sandbox_gives_its_port_back_and_can_still_be_read() -> None:
    with Sandbox(api_key=KEY) as first:
        create(first)
        port = int(first.url.rpartition(":")[2])
    assert len(first.subscriptions) == 1
    with Sandbox(api_key=KEY, port=port) as second:
        assert create(second).status_code == 201


# Sending


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


# The page


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
    assert form == {"subscription": "subscription1", "topic": "lead.created"}

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


# Other people's pages


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
def test_a_form_on_another_page_sends_nothing(sandbox: Sandbox, webhook: Webhook, origin: str) -> None:
    sandbox.add(["lead.created"], webhook.url)
    form = {"subscription": "subscription1", "topic": "lead.created"}
    answer = requests.post(f"{sandbox.url}/send", data=form, headers={"Origin": origin}, timeout=5)
    assert answer.status_code == 403
    assert webhook.got == []


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("[::1]:8090", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8090", 403),
        ("127.0.0.1@evil.example", 403),
        ("[", 403),
        ("", 403),
    ],
)
def test_only_names_of_this_machine_are_answered(sandbox: Sandbox, host: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=5)
    connection.request("GET", "/", headers={"Host": host})
    with connection.getresponse() as answer:
        assert answer.status == status
        assert (b"Subscriptions" in answer.read()) is (status == 200)
    connection.close()


# Samples


def test_a_sample_lead_has_the_published_shape_and_is_new_each_time() -> None:
    samples = [sample_payload("lead.created") for _ in range(50)]
    for sample in samples:
        assert list(sample) == ["topic", "eventTime", "data"]
        assert sample["topic"] == "lead.created"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", sample["eventTime"])
        assert list(sample["data"]) == ["leadId", "name", "email", "phone"]
        assert all(isinstance(value, str) for value in sample["data"].values())
        assert re.fullmatch(r"[a-z.]+@example\.com", sample["data"]["email"])
        assert re.fullmatch(r"\+\d{11,15}", sample["data"]["phone"])
    assert len({sample["data"]["leadId"] for sample in samples}) == 50


def test_fields_go_over_what_is_made_up() -> None:
    assert sample_payload("lead.created", leadId="12345", note="x")["data"].items() >= {
        ("leadId", "12345"),
        ("note", "x"),
    }
    assert sample_payload("interaction.resolved")["data"]["status"] == "resolved"
    assert sample_payload("quote.updated", status="accepted")["data"]["status"] == "accepted"
    assert sample_payload("visit.booked", topic="walk")["data"] == {"topic": "walk"}
