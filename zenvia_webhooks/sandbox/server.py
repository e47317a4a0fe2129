"""The sandbox as one thing: start it, look at what it was asked, have it send an event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.parse import quote

from django.utils.translation import gettext as _

from zenvia_webhooks.sandbox import conversion, help_center, page
from zenvia_webhooks.sandbox.faults import Fault, FaultOptions, Faults
from zenvia_webhooks.sandbox.handler import HOST, Server
from zenvia_webhooks.sandbox.history import History
from zenvia_webhooks.sandbox.listing import Listing
from zenvia_webhooks.sandbox.messages import RecordedRequest, Reply, Request
from zenvia_webhooks.sandbox.outbox import Habits, Outbox
from zenvia_webhooks.sandbox.prospects import Prospects
from zenvia_webhooks.sandbox.registry import Registration, Registry
from zenvia_webhooks.sandbox.sender import Answer


class Sandbox:
    """Stand in for Zenvia, over real HTTP on this machine's own address; it speaks both of the published APIs.

    `api_key` is the key that callers must send. `port` 0 picks a free one. `wire_topics` is the account's
    setting `WIRE_TOPICS` (canonical → wire), so that a renamed topic gets its sample too. `report` is called
    with a line for each call and each event sent, from several threads.

        with Sandbox(api_key="key") as sandbox:
            account = {"API_KEY": "key", "API_URL": sandbox.api_url, "CONTRACT": "help_center"}  # or "conversion"
            settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}

    `history` has things happen at Zenvia, at any time and without a webhook; the calls of `conversion` list them, and
    `deliver` posts their webhooks later. `listing` and `habits` say how lists and deliveries go wrong: assign to them.

        envelope = sandbox.history.happen("lead.created", at=an_hour_ago)
        sandbox.listing = Listing(cursors=False)         # a server that ignores `before`
        sandbox.habits = Habits(pairs_every=500)         # two of the same at once, now and then
        sandbox.deliver(subscription.remote_id, envelope)

    Raises OSError, on entering, where the port is taken.
    """

    def __init__(
        self,
        api_key: str = "sandbox-key",
        port: int = 0,
        *,
        wire_topics: Mapping[str, str] | None = None,
        report: Callable[[str], object] | None = None,
    ) -> None:
        self._api_key = api_key
        self._port = port
        self._report = report or (lambda _line: None)
        self._registry = Registry()
        self._faults = Faults()
        #: What happened at Zenvia.
        self.history = History()
        self._prospects = Prospects(self.history.store)
        self._outbox = Outbox(self._registry, self.history, wire_topics or {}, self._report)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the page, without a slash at the end. Known once the sandbox is open."""
        return f"http://{HOST}:{self._running.server_port}"

    @property
    def api_url(self) -> str:
        """What an account's `API_URL` must be to use this sandbox."""
        return f"{self.url}/v1"

    @property
    def subscriptions(self) -> list[Registration]:
        """What is registered now, as a copy: each has `id`, `topics` (wire strings), `callback_url`, `contract`."""
        return self._registry.registrations

    @property
    def requests(self) -> list[RecordedRequest]:
        """The API calls so far, oldest first, as a copy: `method`, `path`, `headers`, `body`, `status`."""
        return self._registry.requests

    def add(self, topics: Sequence[str], callback_url: str, contract: str = "help_center") -> Registration:
        """Register wire topics without a call: what somebody else did at Zenvia. Replaces nothing."""
        return self._registry.add(topics, callback_url, contract)

    def remove(self, remote_id: str) -> None:
        """Forget a registration without a call: what somebody else did at Zenvia."""
        self._registry.remove(remote_id)

    @property
    def listing(self) -> Listing:
        """How the lists of `conversion` behave."""
        return self._prospects.listing

    @listing.setter
    def listing(self, value: Listing) -> None:
        self._prospects.listing = value

    @property
    def habits(self) -> Habits:
        """How webhooks are delivered beyond once each."""
        return self._outbox.habits

    @habits.setter
    def habits(self, value: Habits) -> None:
        self._outbox.habits = value

    def send(self, remote_id: str, topic: str | None = None, kind: str | None = None, /, **fields: Any) -> Answer:
        """Have something happen and post it to a registration's callback URL: see `Outbox.send`."""
        return self._outbox.send(remote_id, topic, kind, **fields)

    def send_at_once(
        self, remote_id: str, topic: str | None = None, kind: str | None = None, /, **fields: Any
    ) -> list[Answer]:
        """Post one event several times at the same moment: see `Outbox.send_at_once`."""
        return self._outbox.send_at_once(remote_id, topic, kind, **fields)

    def deliver(self, remote_id: str, envelope: Mapping[str, Any]) -> Answer:
        """Post what happened to a registration's callback URL: see `Outbox.deliver`."""
        return self._outbox.deliver(remote_id, envelope)

    def choices(self, registration: Registration) -> dict[str, list[tuple[str, str]]]:
        """Return what may be sent to a registration: see `Outbox.choices`."""
        return self._outbox.choices(registration)

    def send_again(self, remote_id: str) -> Answer:
        """Post the latest event once more, as a later attempt: see `Outbox.send_again`."""
        return self._outbox.send_again(remote_id)

    def fail(self, **fault: Unpack[FaultOptions]) -> None:
        """Have the next calls go wrong.

            sandbox.fail(status=503, next=2)                 # refused; 401, 403, 404, 409, 429 are as easily had
            sandbox.fail(method="POST", empty=True)          # done, and answered with an empty body
            sandbox.fail(method="POST", delay=0.5)           # done, and answered late (seconds; 600: it hangs)
            sandbox.fail(method="DELETE", hang_up=True)      # done, and never answered
            sandbox.fail(path="/prospects", skip=2, html=True)  # the third call there is answered with a page

        They may be combined; several are taken in the order in which they were told: see `Fault`. Raises ValueError for
        what is no fault.
        """
        self._faults.plan(Fault(**fault))

    @property
    def faults(self) -> list[Fault]:
        """The faults that are still to come."""
        return self._faults.planned

    def heal(self) -> None:
        """Forget the faults that are still to come, and behave."""
        self._faults.clear()
        self.listing, self.habits = Listing(), Habits()

    def open(self) -> None:
        """Take the port; `serve_forever()` then answers. Raises OSError where the port is taken."""
        self._server = Server(self._port, self._respond)

    def serve_forever(self) -> None:
        """Answer requests in this thread until an exception, such as Ctrl-C, ends it."""
        self._running.serve_forever()

    def close(self) -> None:
        """Give the port back. What was registered can still be read."""
        self._faults.clear()
        if self._thread is not None:
            self._running.shutdown()
            self._thread.join()
            self._thread = None
        if self._server is not None:
            self._server.server_close()

    def __enter__(self) -> Self:
        self.open()
        self._thread = threading.Thread(
            target=self._running.serve_forever,
            # close() waits for up to one interval.
            kwargs={"poll_interval": 0.02},
            name="zenvia-sandbox",
            daemon=True,
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _running(self) -> Server:
        if self._server is None:
            raise RuntimeError("The sandbox is not open: use it in a with statement, or call open().")
        return self._server

    def _respond(self, request: Request) -> Reply:
        reply = page.answer(request, self)
        if reply is None:
            reply = self._faults.apply(request, lambda: self._answer(request))
            self._registry.record(RecordedRequest(**vars(request), status=reply.status))
            # Without the query, which may hold a key, and nothing that a terminal would obey.
            words = {"method": request.method, "path": quote(request.route, safe="/%"), "status": reply.status}
            self._report(_("%(method)s %(path)s answered %(status)d") % words)
        return reply

    def _answer(self, request: Request) -> Reply:
        if conversion.speaks(request):
            return conversion.answer(request, self._registry, self._api_key, self._prospects)
        return help_center.answer(request, self._registry, self._api_key)
