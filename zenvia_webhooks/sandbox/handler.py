"""HTTP for the sandbox: read a request, have it answered, write the reply."""

from __future__ import annotations

import logging
import socketserver
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from zenvia_webhooks.origins import is_loopback
from zenvia_webhooks.sandbox.messages import Reply, Request, error_reply

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
HOST = "127.0.0.1"


class Server(ThreadingHTTPServer):
    """A server on this machine's own address, one thread a request; port 0 picks a free one.

    Raises OSError where it can't listen there.
    """

    # An open connection must not keep a test or a demo from ending.
    daemon_threads = True
    request_queue_size = 128
    # On Windows, and everywhere with SO_REUSEPORT, two servers could share a port and neither would know.
    allow_reuse_address = sys.platform != "win32"
    allow_reuse_port = False

    def __init__(self, port: int, respond: Callable[[Request], Reply]) -> None:
        self.respond = respond
        super().__init__((HOST, port), Handler)

    def server_bind(self) -> None:
        # The parent looks its own name up in the DNS, which takes seconds where there is none.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        # A client that hangs up is its own business.
        if not isinstance(sys.exception(), ConnectionError):
            logger.exception("sandbox: a connection failed")  # noqa: LOG004 (called in an except block)


class Handler(BaseHTTPRequestHandler):
    server: Server  # what http.server made of us, with `respond`
    protocol_version = "HTTP/1.1"
    server_version = "zenvia-sandbox"
    sys_version = ""
    #: Seconds that a client may keep silent.
    timeout = 10

    def serve(self) -> None:
        """Answer one request, then close: an idle connection would outlive a test."""
        self.close_connection = True
        try:
            body = self._body()
            reply = body if isinstance(body, Reply) else self._answer(body)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            logger.exception("sandbox: a request failed")
            reply = error_reply(500, "internal_error", "The sandbox failed: its own log says why.")
        if not reply.hang_up:
            self._write(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815 (the parent's names)

    def _body(self) -> bytes | Reply:
        if self.headers.get("Transfer-Encoding"):
            return error_reply(411, "length_required", "Send a Content-Length.")
        length = self.headers.get("Content-Length", "0").strip()
        if not length.isascii() or not length.isdecimal():
            return error_reply(400, "bad_request", "The Content-Length is no number.")
        # Compared as text first: a number of 5000 digits is a ValueError.
        if len(length) > 12 or int(length) > MAX_BODY_BYTES:
            return error_reply(413, "too_large", f"A body may have {MAX_BODY_BYTES} bytes.")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return error_reply(400, "bad_request", "The body ended before its Content-Length.")
        return body

    def _answer(self, body: bytes) -> Reply:
        # A name of somebody else's that resolves to this machine would let their page read ours.
        if not is_loopback(_host_name(self.headers.get("Host", ""))):
            return error_reply(403, "forbidden", "This server is for its own machine: use http://127.0.0.1.")
        headers = CaseInsensitiveDict(self.headers.items())
        return self.server.respond(Request(method=self.command, path=self.path, headers=headers, body=body))

    def _write(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, _format: str, *_args: Any) -> None:
        """Print nothing: the parent shows the query, which may hold an API key."""


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
