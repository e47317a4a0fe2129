"""The interface of a contract, and what passes through it on the way to Zenvia and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from django.utils.functional import Promise

from zenvia_webhooks.contracts.calls import Call as Call
from zenvia_webhooks.contracts.calls import Credentials as Credentials
from zenvia_webhooks.contracts.listing import ObjectList
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote


@dataclass(frozen=True, kw_only=True)
class RemoteSubscription:
    """A subscription as Zenvia lists it."""

    #: Zenvia's id.
    id: str
    #: Canonical topics.
    topics: tuple[str, ...]
    #: Not in `repr()`: it ends in a token.
    callback_url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What the envelope of a webhook says."""

    #: Canonical topic.
    topic: str
    #: In UTC; None where Zenvia did not say, or not in a way that can be read.
    occurred_at: datetime | None


class Envelope(Protocol):
    """The form in which one of Zenvia's APIs posts its notifications. A module with these names is one.

    `wire_topics` is always the account's own `WIRE_TOPICS` (canonical → wire).
    """

    NAME: str
    #: Canonical topics that are known, or expected, to arrive in it: for samples and documents.
    ARRIVING: Sequence[str]

    def recognise(self, envelope: Mapping[str, Any]) -> bool:
        """Tell whether a webhook's JSON object is a notification of this form, and of no other."""
        ...

    def read_notification(
        self, envelope: Mapping[str, Any], wire_topics: Mapping[str, str], resolved_statuses: Sequence[str]
    ) -> Notification:
        """Read a recognised envelope; never raises. `resolved_statuses` are in lower case."""
        ...

    def identity(self, envelope: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the envelope without what changes from one delivery attempt to the next."""
        ...

    def data(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        """Return the business object of a recognised envelope; never raises."""
        ...

    def object_id(self, topic: str, envelope: Mapping[str, Any]) -> str | None:
        """Return what `data` is, such as "lead:65c2390c"; None where it does not say, or is none; never raises.

        The same for every notification about it, and for no other object of the account's.
        """
        ...

    # Of an event's topic and envelope; never raise.

    def lead(self, topic: str, envelope: Mapping[str, Any]) -> Lead | None: ...

    def quote(self, topic: str, envelope: Mapping[str, Any]) -> Quote | None: ...

    def interaction(self, topic: str, envelope: Mapping[str, Any]) -> Interaction | None: ...


class Contract(Envelope, Protocol):
    """One of Zenvia's published APIs. A module with these names is one.

    `wire_topics` goes before `TOPICS`.
    Readers of replies raise ValueError, with a text for people, on what they can't read.
    """

    #: Base address, without a slash at the end.
    API_URL: str
    #: Canonical topic → wire topic, of those that Zenvia is known to have, in the order to offer them.
    TOPICS: Mapping[str, str]
    #: How many topics one subscription holds; None where there is no limit.
    TOPICS_PER_SUBSCRIPTION: int | None
    #: Whether a new subscription deactivates every other one, a foreign one included.
    REPLACES: bool
    #: The lists of what happened; empty where none is published.
    LISTS: Sequence[ObjectList]

    def credentials(self, api_key: str) -> Credentials: ...

    def wire_topic(self, topic: str, wire_topics: Mapping[str, str]) -> str:
        """Return what Zenvia calls a canonical topic where it is subscribed to."""
        ...

    def canonical_topic(self, wire: str, wire_topics: Mapping[str, str]) -> str:
        """Return what we call a topic of Zenvia's where it is subscribed to."""
        ...

    def list_call(self) -> Call: ...

    def create_call(self, topics: Sequence[str], callback_url: str, wire_topics: Mapping[str, str]) -> Call:
        """Raise ValueError for a number of topics that one subscription can't hold."""
        ...

    def delete_call(self, remote_id: str) -> Call: ...

    def topics_call(self) -> Call | None:
        """Ask which topics there are; None where there is no such call."""
        ...

    def check_call(self) -> Call:
        """Make the cheapest call that only a good API key is answered well."""
        ...

    def read_list(self, reply: object, wire_topics: Mapping[str, str]) -> list[RemoteSubscription]: ...

    def read_subscription(self, reply: object, wire_topics: Mapping[str, str]) -> RemoteSubscription: ...

    def read_topics(self, reply: object, wire_topics: Mapping[str, str]) -> list[str]:
        """Read the answer to `topics_call` as canonical topics."""
        ...

    def lead_call(self, lead_id: str) -> Call | None:
        """Ask for one lead, as the list of leads has it; None where there is no such call."""
        ...

    def hint(self, status: int, *, is_empty: bool) -> str | Promise:
        """Return what else is known about an HTTP status, for people; empty for nothing.

        `is_empty` tells that the answer has no body.
        """
        ...

    def advice(self, topics: Collection[str], wire_topics: Mapping[str, str], *, wants_resolved: bool) -> str:
        """Return what people should know who have these canonical topics subscribed, or are about to.

        `wants_resolved` tells that `interaction_resolved` has a receiver. Empty for nothing.
        """
        ...
