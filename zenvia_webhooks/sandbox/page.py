"""The sandbox's one page: its subscriptions, buttons to send each an event, what came back, and what is to go wrong."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from django.template import Context, Engine

from zenvia_webhooks.sandbox.faults import Fault
from zenvia_webhooks.sandbox.messages import RecordedRequest, Reply, Request, error_reply, json_reply
from zenvia_webhooks.sandbox.registry import Registration
from zenvia_webhooks.sandbox.sender import Answer

#: API calls shown, the newest first.
SHOWN_REQUESTS = 12

#: What the page's form names → the arguments of `Sandbox.fail`.
FAULTS: dict[str, dict[str, Any]] = {
    **{str(status): {"status": status} for status in (401, 403, 404, 409, 503)},
    "empty": {"empty": True},
    "slow": {"delay": 5},
    "no answer": {"hang_up": True},
}

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

    @property
    def faults(self) -> list[Fault]: ...

    def send(self, remote_id: str, topic: str | None = None, /, **fields: Any) -> Answer: ...

    def send_at_once(self, remote_id: str, topic: str | None = None, /) -> list[Answer]: ...

    def send_again(self, remote_id: str) -> Answer: ...

    def fail(
        self,
        *,
        next: int = 1,  # noqa: A002 (as the sandbox names it)
        method: str | None = None,
        status: int | None = None,
        empty: bool = False,
        delay: float = 0,
        hang_up: bool = False,
    ) -> None: ...


def answer(request: Request, sandbox: Shown) -> Reply | None:
    """Answer a request for the page or its buttons; None where it is for neither."""
    forms = {"/send": _send, "/fail": _fail}
    if request.route == "/" and request.method in ("GET", "HEAD"):
        return _page(sandbox)
    if request.route in forms and request.method == "POST":
        # A form on any other site could press the button too; browsers say where a form is from.
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.headers.get('Host')}":
            return error_reply(403, "forbidden", "This form is not the sandbox's own.")
        fields = parse_qs(request.body.decode("utf-8", "replace"))
        return forms[request.route](request, sandbox, {name: values[0] for name, values in fields.items()})
    if request.route in forms and request.method == "GET":
        # The address bar still says so after the button was pressed.
        return Reply(status=303, headers={"Location": "/"})
    if request.route in ("/", *forms):
        allow = "GET, HEAD" if request.route == "/" else "POST"
        return error_reply(405, "method_not_allowed", f"{request.method} is not possible here.", allow=allow)
    return None


def _send(request: Request, sandbox: Shown, fields: Mapping[str, str]) -> Reply:
    remote_id, topic, how = fields.get("subscription", ""), fields.get("topic", ""), fields.get("how")
    if not remote_id or not topic.isprintable():
        return _result(request, sandbox, 400, {"error": "The form needs 'subscription' and may have 'topic'."})
    heading = {"subscription": remote_id, "topic": topic}
    try:
        if how == "twice":
            came_back = sandbox.send_at_once(remote_id, topic or None)[-1]
        else:
            came_back = sandbox.send_again(remote_id) if how == "again" else sandbox.send(remote_id, topic or None)
    except LookupError as error:
        return _result(request, sandbox, 404, {**heading, "error": str(error)})
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


def _fail(request: Request, sandbox: Shown, fields: Mapping[str, str]) -> Reply:
    fault = FAULTS.get(fields.get("fault", ""))
    count = fields.get("next", "1")
    if fault is None or not count.isascii() or not count.isdecimal() or not 0 < int(count[:4]) < 1000:
        return _result(request, sandbox, 400, {"error": "The form needs 'fault', and 'next' from 1 to 999."})
    sandbox.fail(next=int(count), method=fields.get("method") or None, **fault)
    return Reply(status=303, headers={"Location": "/"})


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
        "faults": FAULTS,
        "planned": [str(fault) for fault in sandbox.faults],
        "result": shown,
    }
    html = _engine().get_template("zenvia_webhooks/sandbox.html").render(Context(context))
    return Reply(status=status, body=html.encode(), headers=HEADERS)


@functools.cache
def _engine() -> Engine:
    # Not the host project's engine: the sandbox runs whatever its TEMPLATES say.
    return Engine(dirs=[str(Path(__file__).parent.parent / "templates")])
