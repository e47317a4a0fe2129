"""The sandbox's events on their way to callback URLs: once, twice at the same moment, or again later."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.sandbox import conversion, history, samples
from zenvia_webhooks.sandbox.history import History
from zenvia_webhooks.sandbox.object_ids import now_in_milliseconds, timestamp
from zenvia_webhooks.sandbox.registry import Registration, Registry
from zenvia_webhooks.sandbox.sender import TIMEOUT_SECONDS, Answer, encode, post_event

USER_AGENT = "zenvia-sandbox (django-zenvia-webhooks)"
#: What a resource of the Conversion API sends where only its name is given.
USUAL = {
    "lead": "lead.created",
    "interaction": "interaction.created",
    "quote": "quote.updated",
    "agent": "agent.updated",
}


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How webhooks are delivered beyond once each: what live sites saw (ZENVIA.md 5.4). 0 is never."""

    #: Each so many, one is posted twice, `apart` seconds from each other.
    pairs_every: int = 0
    apart: float = 0.05
    #: Each so many, one is posted without waiting for its answer longer than `patience` seconds, and at once again.
    impatient_every: int = 0
    patience: float = 0.001


class Outbox:
    """Events for the registrations that there are."""

    def __init__(
        self,
        registry: Registry,
        happened: History,
        wire_topics: Mapping[str, str],
        report: Callable[[str], object],
    ) -> None:
        self.habits = Habits()
        self._registry = registry
        self._history = happened
        self._wire_topics = wire_topics
        self._report = report
        self._turns = itertools.count(1)
        #: The latest notification of each registration.
        self._sent: dict[str, dict[str, Any]] = {}

    def send(
        self,
        remote_id: str,
        topic: str | None = None,
        kind: str | None = None,
        /,
        contract: str | None = None,
        **fields: Any,
    ) -> Answer:
        """Have something happen, and post it to a registration's callback URL.

        `topic` is canonical or a wire string, by default the registration's first; `kind` one of the topic's in
        `samples.KINDS`; `fields` go into the object that it is about. The envelope is of the API in which the
        registration was made, or of `contract`: "messaging" is the messaging platform's, posted to the same URL.
        Returns an answer with `status`, `body` and `milliseconds`.

        Raises LookupError where there is no such registration, ValueError for an unknown kind, ConnectionError where
        no answer came.
        """
        return self.deliver(remote_id, self._happen(remote_id, topic, kind, contract, fields))

    def send_at_once(
        self,
        remote_id: str,
        topic: str | None = None,
        kind: str | None = None,
        /,
        *,
        times: int = 2,
        apart: float = 0.02,
        contract: str | None = None,
        **fields: Any,
    ) -> list[Answer]:
        """Post one event several times at the same moment, `apart` seconds from each other, as Zenvia does.

        Returns the answers, and raises as `send` does.
        """
        payload = self._addressed(remote_id, self._happen(remote_id, topic, kind, contract, fields))
        return self._post_at_once(payload, remote_id, times, apart)

    def send_again(self, remote_id: str) -> Answer:
        """Post a registration's latest event once more, as a later attempt.

        Under `conversion` it has one more in `attempts`, and another `sent`. Raises as `send` does, and LookupError
        where nothing has been sent.
        """
        payload = self._sent.get(remote_id)
        if payload is None:
            raise LookupError(_("The sandbox has sent nothing to %(id)r yet.") % {"id": remote_id})
        self._sent[remote_id] = _next_attempt(payload)
        return self._post(self._sent[remote_id], remote_id)

    def deliver(self, remote_id: str, envelope: Mapping[str, Any]) -> Answer:
        """Post what happened to a registration's callback URL, with the sandbox's habits; raises as `send` does."""
        payload, turn, habits = self._addressed(remote_id, envelope), next(self._turns), self.habits
        if habits.impatient_every and turn % habits.impatient_every == 0:
            try:
                return self._post(payload, remote_id, habits.patience)
            except ConnectionError:
                return self._post(_next_attempt(payload), remote_id)
        if habits.pairs_every and turn % habits.pairs_every == 0:
            return self._post_at_once(payload, remote_id, 2, habits.apart)[0]
        return self._post(payload, remote_id)

    def choices(self, registration: Registration) -> dict[str, list[tuple[str, str]]]:
        """Return contract → (topic, kind) of what may be sent to a registration: what it subscribes; and messages."""
        if registration.contract != conversion.NAME:
            own = [(topic, "") for topic in registration.topics]
        else:
            wire_topic = get_contract(registration.contract).wire_topic
            own = [
                (topic, kind)
                for topic, kinds in history.KINDS.items()
                if wire_topic(topic, self._wire_topics) in registration.topics
                for kind in kinds
            ]
            known = {wire_topic(topic, self._wire_topics) for topic in history.KINDS}
            own += [(topic, "") for topic in registration.topics if topic not in known]
        others = [(topic, kind) for topic, kinds in samples.KINDS[samples.MESSAGING].items() for kind in kinds]
        return {registration.contract: own, samples.MESSAGING: others}

    def _happen(
        self, remote_id: str, topic: str | None, kind: str | None, contract: str | None, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        registration = self._registration(remote_id)
        wire = topic or next(iter(registration.topics), None)
        if wire is None:
            raise LookupError(_("The subscription %(id)r has no topic: name one.") % {"id": remote_id})
        name = contract or registration.contract
        if name == samples.MESSAGING:
            return samples.sample_payload(wire, name, kind=kind, **fields)
        spoken = get_contract(name)
        canonical = spoken.canonical_topic(wire, self._wire_topics)
        if name != conversion.NAME:
            return {**samples.sample_payload(canonical, name, kind=kind, **fields), "topic": wire}
        # One subscribes to a whole resource; canonical topics name what happened, too.
        canonical = wire if "." in wire else USUAL.get(canonical.partition(".")[0], canonical)
        theirs = spoken.wire_topic(wire, self._wire_topics)
        if canonical not in history.KINDS:
            return {**samples.sample_payload(canonical, name, kind=kind, **fields), "topic": theirs}
        return {**self._history.happen(canonical, kind, **fields), "topic": theirs}

    def _addressed(self, remote_id: str, envelope: Mapping[str, Any]) -> dict[str, Any]:
        registration = self._registration(remote_id)
        # The messaging platform has subscriptions of its own.
        of_conversion = "subscriptionId" in envelope and "topic" in envelope
        mark = {"subscriptionId": registration.id} if of_conversion else {}
        self._sent[remote_id] = {**envelope, **mark}
        return self._sent[remote_id]

    def _registration(self, remote_id: str) -> Registration:
        registration = self._registry.get(remote_id)
        if registration is None:
            raise LookupError(_("The sandbox has no subscription %(id)r.") % {"id": remote_id})
        return registration

    def _post_at_once(self, payload: Mapping[str, Any], remote_id: str, times: int, apart: float) -> list[Answer]:
        def post(number: int) -> Answer:
            time.sleep(number * apart)
            return self._post(payload, remote_id)

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(post, range(times)))

    def _post(self, payload: Mapping[str, Any], remote_id: str, patience: float = TIMEOUT_SECONDS) -> Answer:
        registration, wire = self._registration(remote_id), payload.get("topic") or payload.get("type")
        try:
            answer = post_event(registration.callback_url, encode(payload), user_agent=USER_AGENT, patience=patience)
        except (ConnectionError, ValueError) as error:
            words = {"topic": wire, "id": remote_id, "error": error}
            self._report(_("sent %(topic)s to %(id)s: %(error)s") % words)
            raise
        words = {"topic": wire, "id": remote_id, "status": answer.status, "milliseconds": answer.milliseconds}
        self._report(_("sent %(topic)s to %(id)s: answered %(status)d in %(milliseconds)d ms") % words)
        return answer


def _next_attempt(payload: Mapping[str, Any]) -> dict[str, Any]:
    if "attempts" not in payload:
        return dict(payload)
    # What has just happened is reported a moment later: that moment may not be over yet.
    sent = max(payload["sent"], timestamp(now_in_milliseconds()))
    return {**payload, "attempts": payload["attempts"] + 1, "sent": sent}
