"""The sandbox's events on their way to callback URLs: once, twice at the same moment, or again later."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.sandbox import conversion, conversion_samples
from zenvia_webhooks.sandbox.registry import Registration, Registry
from zenvia_webhooks.sandbox.samples import sample_payload
from zenvia_webhooks.sandbox.sender import Answer, encode, post_event

USER_AGENT = "zenvia-sandbox (django-zenvia-webhooks)"


class Outbox:
    """Sample events for the registrations that there are."""

    def __init__(self, registry: Registry, wire_topics: Mapping[str, str], report: Callable[[str], object]) -> None:
        self._registry = registry
        self._wire_topics = wire_topics
        self._report = report
        #: The latest notification of each registration.
        self._sent: dict[str, dict[str, Any]] = {}

    def send(self, remote_id: str, topic: str | None = None, /, **fields: Any) -> Answer:
        """Post a sample event to a registration's callback URL.

        `topic` is a wire string, by default the registration's first; `fields` go into the object that it is about.
        The envelope is of the API in which the registration was made; under `conversion`, `topic` may name a type, too,
        as canonical topics do: "interaction.created".
        Returns an answer with `status`, `body` and `milliseconds`.

        Raises LookupError where there is no such registration, ConnectionError where no answer came.
        """
        return self._post(self._remember(remote_id, topic, fields), remote_id)

    def send_at_once(
        self, remote_id: str, topic: str | None = None, /, *, times: int = 2, apart: float = 0.02, **fields: Any
    ) -> list[Answer]:
        """Post one sample event several times at the same moment, `apart` seconds from each other, as Zenvia does.

        Returns the answers, and raises as `send` does.
        """
        payload = self._remember(remote_id, topic, fields)

        def post(number: int) -> Answer:
            time.sleep(number * apart)
            return self._post(payload, remote_id)

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(post, range(times)))

    def send_again(self, remote_id: str) -> Answer:
        """Post a registration's latest event once more, as a later attempt.

        Under `conversion` it has one more in `attempts`, and another `sent`. Raises as `send` does, and LookupError
        where nothing has been sent.
        """
        payload = self._sent.get(remote_id)
        if payload is None:
            raise LookupError(f"The sandbox has sent nothing to {remote_id!r} yet.")
        if "attempts" in payload:
            payload = {**payload, "attempts": payload["attempts"] + 1, "sent": conversion_samples.timestamp()}
        self._sent[remote_id] = payload
        return self._post(payload, remote_id)

    def _remember(self, remote_id: str, topic: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
        registration = self._registry.get(remote_id)
        if registration is None:
            raise LookupError(f"The sandbox has no subscription {remote_id!r}.")
        wire = topic or next(iter(registration.topics), None)
        if wire is None:
            raise LookupError(f"The subscription {remote_id!r} has no topic: name one.")
        self._sent[remote_id] = self._sample(registration, wire, fields)
        return self._sent[remote_id]

    def _post(self, payload: Mapping[str, Any], remote_id: str) -> Answer:
        registration, wire = self._registry.get(remote_id), payload["topic"]
        if registration is None:
            raise LookupError(f"The sandbox has no subscription {remote_id!r}.")
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
