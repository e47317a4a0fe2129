"""The values of a comparison: what each line is about, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of


class Kind(StrEnum):
    """What a line of a comparison is about."""

    #: A row, and Zenvia lists it.
    OURS = "ours"
    #: A row whose outcome is not known, or that Zenvia refused, and that Zenvia does not list.
    PENDING = "pending"
    #: A row that was registered, and that Zenvia does not list.
    MISSING = "missing"
    #: A row that Zenvia lists with other topics.
    CHANGED = "changed"
    #: One of ours at Zenvia that no row needs.
    EXTRA = "extra"
    #: One at Zenvia that calls this site, without a row.
    ADOPTABLE = "adoptable"
    #: One at Zenvia that calls another site; with a row where a copied database has it.
    STRANGER = "stranger"


class Action(StrEnum):
    """What is to be done about a line."""

    KEEP = "keep"
    #: Look again: note what was seen, by which the next comparison goes.
    WAIT = "wait"
    ACTIVATE = "activate"
    #: Note that it is lost, without a call.
    LOSE = "lose"
    REGISTER = "register"
    REMOVE = "remove"
    ADOPT = "adopt"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of a comparison: a row, a subscription at Zenvia, or both."""

    account: str
    kind: Kind
    action: Action
    #: For people.
    reason: str
    subscription: Subscription | None = None
    remote: RemoteSubscription | None = None
    #: Whether Zenvia lists nothing else under the row's URLs: what a change replaced is gone.
    is_alone: bool = False

    @property
    def name(self) -> str:
        """What it is about, for people: no secret of a stranger's, no token."""
        if self.subscription is not None:
            return f"#{self.subscription.pk} {self.subscription}"
        return f"{', '.join(self.remote.topics)} ({self.account})" if self.remote else self.account

    @property
    def host(self) -> str:
        """Host of the callback URL."""
        url = self.remote.callback_url if self.remote else self.subscription.registered_url if self.subscription else ""
        return host_of(url)

    @property
    def changes_zenvia(self) -> bool:
        """Whether it takes a call that changes something at Zenvia."""
        return self.action in (Action.REGISTER, Action.REMOVE)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What Zenvia lists under an account's key, and what our rows say."""

    account: str
    lines: list[Step]

    def of(self, *kinds: Kind) -> list[Step]:
        """Return the lines of these kinds."""
        return [line for line in self.lines if line.kind in kinds]

    @property
    def steps(self) -> list[Step]:
        """Return what is to be done, in an order in which it can be."""
        return [line for line in self.lines if line.action != Action.KEEP]
