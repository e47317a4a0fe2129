"""What a contract lists of what happened: the calls, their answers, and the webhook that each object would have had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.contracts.calls import Call
from zenvia_webhooks.contracts.lenient import first_text, instant

#: Objects of one page: the most that is recommended.
PAGE_SIZE = 1000
#: A page of 1,000 prospects was measured at 1 to 6 MB.
MAX_PAGE_BYTES = 16 * 1024 * 1024
#: The longest id that is kept.
MAX_ID_LENGTH = 255


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One object of a list."""

    id: str
    created_at: datetime
    #: When that happened by which the list is asked for; the same as `created_at` for a list of what was created.
    happened_at: datetime
    #: None where it does not say.
    lead_id: str | None
    #: As it came. Not in `repr()`: it tells of a person.
    data: Mapping[str, Any] = field(repr=False)

    @property
    def status(self) -> str | None:
        """What it has become, such as "accepted"."""
        return first_text(self.data, "status")


@dataclass(frozen=True, kw_only=True)
class ObjectList:
    """One of the lists of what happened, asked for by one of its dates."""

    #: For people, such as "quotes accepted"; no other list has the same.
    name: str
    #: "lead", "interaction" or "quote", as in an event's topic.
    resource: str
    path: str
    #: Under which key a webhook has the object.
    key: str
    #: "created" of the parameters `createdAfter` and `createdBefore`.
    date: str = "created"
    #: Under which key an object has that date, and when it was created.
    date_key: str = "createdAt"
    created_key: str = "createdAt"

    @property
    def is_of_creations(self) -> bool:
        """Whether it is asked for by the date of creation, in whose order it comes."""
        return self.date == "created"

    def call(self, since: datetime, until: datetime, *, before: str | None = None) -> Call:
        """Ask for a page: the newest from `since` to `until`, or those created before the object of that id."""
        params = {
            f"{self.date}After": timestamp(since),
            f"{self.date}Before": timestamp(until),
            "limit": str(PAGE_SIZE),
            **({} if before is None else {"before": before}),
        }
        return Call(method="GET", path=self.path, params=params, max_answer_bytes=MAX_PAGE_BYTES)

    def read(self, reply: object) -> list[Listed]:
        """Read a bare array. Raises ValueError, without a word of the objects, for what is none."""
        if not isinstance(reply, list):
            raise ValueError(format_lazy(_("a list of {name} was due"), name=self.name))
        return [self._read_one(item) for item in reply]

    def _read_one(self, item: object) -> Listed:
        data = item if isinstance(item, dict) else {}
        named, created_at = first_text(data, "id"), instant(data.get(self.created_key))
        happened_at = instant(data.get(self.date_key))
        if named is None or len(named) > MAX_ID_LENGTH or not named.isprintable() or not created_at or not happened_at:
            text = _('{name} with "id", "{created}" and "{date}" were due')
            raise ValueError(format_lazy(text, name=self.name, created=self.created_key, date=self.date_key))
        lead_id = named if self.resource == "lead" else first_text(data, "prospectId")
        return Listed(id=named, created_at=created_at, happened_at=happened_at, lead_id=lead_id, data=data)

    def envelope(self, one: Listed, lead: Mapping[str, Any] | None, *, wire_topic: str, is_new: bool) -> dict[str, Any]:
        """Return the webhook that it would have had; `lead` is the prospect as Zenvia lists it, if it is known.

        Without what only a delivery has: `subscriptionId`, `received`, `sent`, `attempts`.
        """
        about = {} if self.resource == "lead" or lead is None else {"prospect": dict(lead)}
        return {
            "topic": wire_topic,
            "type": "created" if is_new else "updated",
            **about,
            "updatedAt": timestamp(one.happened_at),
            # Known of interactions alone: it is the interaction's id.
            **({"operationId": one.id} if self.resource == "interaction" else {}),
            self.key: dict(one.data),
        }


def timestamp(moment: datetime) -> str:
    """Return a time as Zenvia writes it: UTC, with milliseconds and "Z"."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
