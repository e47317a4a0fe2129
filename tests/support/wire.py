"""A web server that answers as it is told: whole, broken, slow or not at all; and that counts what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes


#: The bytes of an answer, status line included, in as many parts as there are pauses; the connection then closes.
Answer = Callable[[Asked], Iterable[bytes]]


def says(status: int, body: object = b"", **headers: str) -> Answer:
    """Answer with text, bytes, or anything else as JSON; `headers` are named in Python's way."""
    whole = raw(status, body, **headers)
    return lambda _asked: [whole]


def cut_after(count: int, status: int, body: object) -> Answer:
    """Promise a whole answer, send so many bytes of its body, hang up."""
    head, _, rest = raw(status, body).partition(b"\r\n\r\n")
    return lambda _asked: [head + b"\r\n\r\n" + rest[:count]]


def hangs_up(_asked: Asked) -> Iterable[bytes]:
    """Close the connection without a word."""
    return []


def raw(status: int, body: object = b"", **headers: str) -> bytes:
    """Return an answer's bytes."""
    if isinstance(body, str):
        body = body.encode()
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Odd')}", "Connection: close"]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Wire:
    """Answer each method by its script: one answer a request, the last one again and again; 418 without one."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.answer = self._answer
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.api_url = f"http://{self.host}/v1"

    def script(self, method: str, *answers: Answer) -> None:
        with self._lock:
            self._scripts[method] = list(answers)

    def count(self, method: str) -> int:
        return sum(asked.method == method for asked in self.asked)

    def says_nothing(self, _asked: Asked) -> Iterator[bytes]:
        """Keep the connection open, in silence."""
        self._closing.wait()
        yield b""

    def drips(self, before: bytes, drop: bytes) -> Answer:
        """Send `before`, then a drop every 50 ms for as long as the other side listens."""

        def answer(_asked: Asked) -> Iterator[bytes]:
            yield before
            while not self._closing.wait(0.05):
                yield drop

        return answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, asked: Asked) -> Iterable[bytes]:
        with self._lock:
            self.asked.append(asked)
            answers = self._scripts.get(asked.method) or [says(418, "not in the script")]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer(asked)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Callable[[Asked], Iterable[bytes]]

    def handle_error(self, *_args: Any) -> None:
        """Print nothing: a client that hangs up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body)
        for part in self.server.answer(asked):
            self.wfile.write(part)

    do_GET = do_POST = do_DELETE = serve  # noqa: N815 (the parent's names)

    def log_message(self, *_args: Any) -> None:
        """Print nothing."""
