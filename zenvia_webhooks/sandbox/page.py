"""The sandbox's one page: its subscriptions, buttons to send each an event, what came back, and what is to go wrong."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Unpack
from urllib.parse import parse_qs

from django.template import Context, Engine
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.sandbox.faults import Fault, FaultOptions
from zenvia_webhooks.sandbox.listing import Listing
from zenvia_webhooks.sandbox.messages import RecordedRequest, Reply, Request, error_reply, json_reply
from zenvia_webhooks.sandbox.registry import Registration
from zenvia_webhooks.sandbox.sender import Answer

#: API calls shown, the newest first.
SHOWN_REQUESTS = 12

#: What the page's form names → the arguments of `Sandbox.fail`.
FAULTS: dict[str, FaultOptions] = {
    **{str(status): FaultOptions(status=status) for status in (401, 403, 404, 409, 429, 503)},
    "empty": {"empty": True},
    "HTML": {"html": True},
    "slow": {"delay": 5},
    "hangs": {"delay": 600},
    "no answer": {"hang_up": True},
}

#: What the page's form names → how the lists of `conversion` behave.
LISTINGS = {
    "as Zenvia's": Listing(),
    "ignore the cursor": Listing(cursors=False),
    "give 100 at most": Listing(cap=100),
    "oldest first": Listing(order="oldest first"),
    "in no order": Listing(order="shuffled"),
    "change their mind": Listing(changes_mind=True),
    "give half a page": Listing(short_pages=True),
}

#: What people read for these names.
WORDS: Mapping[str, Promise] = {
    "empty": _("an empty answer"),
    "HTML": _("an HTML page"),
    "slow": _("an answer after 5 s"),
    "hangs": _("no answer for 10 minutes"),
    "no answer": _("a connection that is cut off"),
    "as Zenvia's": _("behave as Zenvia's"),
    "ignore the cursor": _("ignore the cursor"),
    "give 100 at most": _("give 100 at most"),
    "oldest first": _("give the oldest first"),
    "in no order": _("give them in no order"),
    "change their mind": _("change their mind"),
    "give half a page": _("give half a page"),
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

    listing: Listing

    def choices(self, registration: Registration) -> dict[str, list[tuple[str, str]]]: ...

    def send(self, remote_id: str, topic: str | None = None, kind: str | None = None, /, **fields: Any) -> Answer: ...

    def send_at_once(
        self, remote_id: str, topic: str | None = None, kind: str | None = None, /, **fields: Any
    ) -> list[Answer]: ...

    def send_again(self, remote_id: str) -> Answer: ...

    def fail(self, **fault: Unpack[FaultOptions]) -> None: ...


def answer(request: Request, sandbox: Shown) -> Reply | None:
    """Answer a request for the page or its buttons; None where it is for neither."""
    forms = {"/send": _send, "/fail": _fail, "/listing": _listing}
    if request.route == "/" and request.method in ("GET", "HEAD"):
        return _page(sandbox)
    if request.route in forms and request.method == "POST":
        # A form on any other site could press the button too; browsers say where a form is from.
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.headers.get('Host')}":
            return error_reply(403, "forbidden", gettext("This form is not the sandbox's own."))
        fields = parse_qs(request.body.decode("utf-8", "replace"))
        return forms[request.route](request, sandbox, {name: values[0] for name, values in fields.items()})
    if request.route in forms and request.method == "GET":
        # The address bar still says so after the button was pressed.
        return Reply(status=303, headers={"Location": "/"})
    if request.route in ("/", *forms):
        allow = "GET, HEAD" if request.route == "/" else "POST"
        text = gettext("%(method)s is not possible here.") % {"method": request.method}
        return error_reply(405, "method_not_allowed", text, allow=allow)
    return None


def _send(request: Request, sandbox: Shown, fields: Mapping[str, str]) -> Reply:
    remote_id, topic, how = fields.get("subscription", ""), fields.get("topic", ""), fields.get("how")
    if not remote_id or not topic.isprintable():
        return _result(request, sandbox, 400, {"error": gettext("The form needs 'subscription' and may have 'topic'.")})
    name, kind, contract = (part or None for part in (*topic.split("|"), "", "")[:3])
    heading = {"subscription": remote_id, "topic": ": ".join(part for part in (name, kind) if part)}
    try:
        if how == "twice":
            came_back = sandbox.send_at_once(remote_id, name, kind, contract=contract)[-1]
        elif how == "again":
            came_back = sandbox.send_again(remote_id)
        else:
            came_back = sandbox.send(remote_id, name, kind, contract=contract)
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
        return _result(request, sandbox, 400, {"error": gettext("The form needs 'fault', and 'next' from 1 to 999.")})
    planned = FaultOptions(next=int(count), method=fields.get("method") or None)
    planned.update(fault)
    sandbox.fail(**planned)
    return Reply(status=303, headers={"Location": "/"})


def _listing(request: Request, sandbox: Shown, fields: Mapping[str, str]) -> Reply:
    listing = LISTINGS.get(fields.get("listing", ""))
    if listing is None:
        return _result(request, sandbox, 400, {"error": gettext("The form needs 'listing'.")})
    sandbox.listing = listing
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
        "subscriptions": [(one, _options(sandbox, one)) for one in sandbox.subscriptions],
        "listings": [(name, WORDS[name], listing == sandbox.listing) for name, listing in LISTINGS.items()],
        "calls": calls,
        "faults": [(name, WORDS.get(name, name)) for name in FAULTS],
        "planned": [str(fault) for fault in sandbox.faults],
        "result": shown,
    }
    html = _engine().get_template("zenvia_webhooks/sandbox.html").render(Context(context))
    return Reply(status=status, body=html.encode(), headers=HEADERS)


def _options(sandbox: Shown, registration: Registration) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return contract → what the form sends, and what it shows, for a subscription."""
    choices = sandbox.choices(registration)
    kinds = Counter((contract, topic) for contract, pairs in choices.items() for topic, _kind in pairs)

    def shown(contract: str, topic: str, kind: str) -> str:
        return f"{label(topic)}: {kind}" if kinds[contract, topic] > 1 else label(topic)

    return [
        (contract, [("|".join((topic, kind, contract)), shown(contract, topic, kind)) for topic, kind in pairs])
        for contract, pairs in choices.items()
    ]


@functools.cache
def _engine() -> Engine:
    # Not the host project's engine: the sandbox runs whatever its TEMPLATES say.
    templates = str(Path(__file__).parent.parent / "templates")
    return Engine(dirs=[templates], libraries={"i18n": "django.templatetags.i18n"})
