"""The sandbox's one page: its subscriptions, a button to send each an event, and what came back."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from django.template import Context, Engine

from zenvia_webhooks.sandbox.messages import RecordedRequest, Reply, Request, error_reply, json_reply
from zenvia_webhooks.sandbox.registry import Registration
from zenvia_webhooks.sandbox.sender import Answer

#: API calls shown, the newest first.
SHOWN_REQUESTS = 12

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    # No scripts, and no frame in which another page could have the buttons clicked.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Shown(Protocol):
    """What the page needs of the sandbox."""

    @property
    def api_url(self) -> str: ...

    @property
    def subscriptions(self) -> list[Registration]: ...

    @property
    def requests(self) -> list[RecordedRequest]: ...

    def send(self, remote_id: str, topic: str | None = None, /, **fields: Any) -> Answer: ...


def answer(request: Request, sandbox: Shown) -> Reply | None:
    """Answer a request for the page or its button; None where it is for neither."""
    if request.route == "/" and request.method in ("GET", "HEAD"):
        return _page(sandbox)
    if request.route == "/send" and request.method == "POST":
        return _send(request, sandbox)
    if request.route == "/send" and request.method == "GET":
        # The address bar still says so after the button was pressed.
        return Reply(status=303, headers={"Location": "/"})
    if request.route in ("/", "/send"):
        allow = "GET, HEAD" if request.route == "/" else "POST"
        return error_reply(405, "method_not_allowed", f"{request.method} is not possible here.", allow=allow)
    return None


def _send(request: Request, sandbox: Shown) -> Reply:
    # A form on any other site could press the button too; browsers say where a form is from.
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers.get('Host')}":
        return error_reply(403, "forbidden", "This form is not the sandbox's own.")
    fields = parse_qs(request.body.decode("utf-8", "replace"))
    remote_id, topic = fields.get("subscription", [""])[0], fields.get("topic", [""])[0]
    if not remote_id or not topic.isprintable():
        return _result(request, sandbox, 400, {"error": "The form needs 'subscription' and may have 'topic'."})
    heading = {"subscription": remote_id, "topic": topic}
    try:
        came_back = sandbox.send(remote_id, topic or None)
    except LookupError:
        text = f"There is no subscription {remote_id!r} here (any more)."
        return _result(request, sandbox, 404, {**heading, "error": text})
    except (ConnectionError, ValueError) as error:
        return _result(request, sandbox, 502, {**heading, "error": str(error)})
    shown = {
        "status": came_back.status,
        "body": came_back.body,
        "milliseconds": came_back.milliseconds,
    }
    if _wants_json(request):
        return json_reply(200, shown)
    return _page(sandbox, {**heading, **shown, "body": came_back.excerpt, "ok": came_back.ok})


def _result(request: Request, sandbox: Shown, status: int, result: dict[str, object]) -> Reply:
    if _wants_json(request):
        return json_reply(status, {"error": result["error"]})
    return _page(sandbox, result, status=status)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _page(sandbox: Shown, result: dict[str, object] | None = None, *, status: int = 200) -> Reply:
    calls = [
        # Text, as no locale may put its thousands separator in. Without the query, which may hold a key.
        {
            "time": f"{call.received_at.astimezone():%H:%M:%S}",
            "method": call.method,
            "route": call.route,
            "status": str(call.status),
            "ok": call.status < 400,
        }
        for call in reversed(sandbox.requests[-SHOWN_REQUESTS:])
    ]
    shown = result and {key: str(value) if type(value) is int else value for key, value in result.items()}
    context = {
        "api_url": sandbox.api_url,
        "subscriptions": sandbox.subscriptions,
        "calls": calls,
        "result": shown,
    }
    html = _engine().get_template("zenvia_webhooks/sandbox.html").render(Context(context))
    return Reply(status=status, body=html.encode(), headers=HEADERS)


@functools.cache
def _engine() -> Engine:
    # Not the host project's engine: the sandbox runs whatever its TEMPLATES say.
    return Engine(dirs=[str(Path(__file__).parent.parent / "templates")])
