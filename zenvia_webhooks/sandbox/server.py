"""The sandbox as one thing: start it, look at what it was asked, have it send an event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.sandbox import conversion, help_center, page
from zenvia_webhooks.sandbox.handler import HOST, Server
from zenvia_webhooks.sandbox.messages import RecordedRequest, Reply, Request
from zenvia_webhooks.sandbox.registry import Registration, Registry
from zenvia_webhooks.sandbox.samples import sample_payload
from zenvia_webhooks.sandbox.sender import Answer, encode, post_event

USER_AGENT = "zenvia-sandbox (django-zenvia-webhooks)"


class Sandbox:
    """Stand in for Zenvia, over real HTTP on this machine's own address; it speaks both of the published APIs.

    `api_key` is the key that callers must send. `port` 0 picks a free one. `wire_topics` is the account's
    setting `WIRE_TOPICS` (canonical → wire), so that a renamed topic gets its sample too. `report` is called
    with a line for each call and each event sent, from several threads.

        with Sandbox(api_key="key") as sandbox:
            account = {"API_KEY": "key", "API_URL": sandbox.api_url, "CONTRACT": "help_center"}  # or "conversion"
            settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}}

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
        self._wire_topics = wire_topics or {}
        self._report = report or (lambda _line: None)
        self._registry = Registry()
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

    def send(self, remote_id: str, topic: str | None = None, /, **fields: Any) -> Answer:
        """Post a sample event to a registration's callback URL.

        `topic` is a wire string, by default the registration's first; `fields` go into the object that it is about.
        The envelope is of the API in which the registration was made; under `conversion`, `topic` may name a type, too,
        as canonical topics do: "interaction.created".
        Returns an answer with `status`, `body` and `milliseconds`.

        Raises LookupError where there is no such registration, ConnectionError where no answer came.
        """
        registration = self._registry.get(remote_id)
        if registration is None:
            raise LookupError(f"The sandbox has no subscription {remote_id!r}.")
        wire = topic or registration.topics[0]
        payload = self._sample(registration, wire, fields)
        try:
            answer = post_event(registration.callback_url, encode(payload), user_agent=USER_AGENT)
        except (ConnectionError, ValueError) as error:
            self._report(f"sent {wire} to {remote_id}: {error}")
            raise
        self._report(f"sent {wire} to {remote_id}: answered {answer.status} in {answer.milliseconds} ms")
        return answer

    def _sample(self, registration: Registration, topic: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        contract = get_contract(registration.contract)
        if registration.contract != conversion.NAME:
            canonical = contract.canonical_topic(topic, self._wire_topics)
            return {**sample_payload(canonical, registration.contract, **fields), "topic": topic}
        canonical = topic if "." in topic else contract.canonical_topic(topic, self._wire_topics)
        wire = contract.wire_topic(topic, self._wire_topics)
        sample = sample_payload(canonical, registration.contract, **fields)
        return {**sample, "topic": wire, "subscriptionId": registration.id}

    def open(self) -> None:
        """Take the port; `serve_forever()` then answers. Raises OSError where the port is taken."""
        self._server = Server(self._port, self._respond)

    def serve_forever(self) -> None:
        """Answer requests in this thread until an exception, such as Ctrl-C, ends it."""
        self._running.serve_forever()

    def close(self) -> None:
        """Give the port back. What was registered can still be read."""
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
            api = conversion if conversion.speaks(request) else help_center
            reply = api.answer(request, self._registry, self._api_key)
            self._registry.record(RecordedRequest(**vars(request), status=reply.status))
            # Without the query, which may hold a key, and nothing that a terminal would obey.
            self._report(f"{request.method} {quote(request.route, safe='/%')} answered {reply.status}")
        return reply
