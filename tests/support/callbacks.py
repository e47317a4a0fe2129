"""A callback URL for the tests of the sandbox, and a registration of it."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.support.account import KEY as KEY
from zenvia_webhooks.sandbox import Sandbox

BEARER = {"Authorization": f"Bearer {KEY}"}


class Webhook(ThreadingHTTPServer):
    """A callback URL that keeps what it gets and answers as it is told."""

    status = 200
    #: Seconds until the answer.
    slow: float = 0
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
        time.sleep(self.server.slow)
        if self.server.status == 0:  # hang up
            return
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere/")
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_args: Any) -> None:
        """Print nothing."""


def create(sandbox: Sandbox, **changes: Any) -> requests.Response:
    body = {"topic": "lead.created", "callbackUrl": "https://crm.example.com/hook/", **changes}
    return requests.post(f"{sandbox.api_url}/subscriptions", json=body, headers=BEARER, timeout=5)
