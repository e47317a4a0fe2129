"""What the admin can have done about a subscription, and what it may cut off thereby."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypedDict

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.sealing import seal, unseal
from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.origins import host_of


class Stranger(TypedDict):
    """A subscription of somebody else's, as far as it may be shown."""

    id: str
    host: str
    topics: list[str]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One thing that can be done about a subscription."""

    label: str | Promise
    #: Returns what is left for a person to do, if anything.
    function: Callable[..., str | None]
    #: Whether `function` takes `replace`: nothing else ever cuts off a stranger.
    replaces: bool = True


def _rotate(subscription: Subscription, *, hours: int, replace: bool = False) -> None:
    subscriptions.rotate(subscription, overlap=timedelta(hours=hours), replace=replace)


def _carry_out(subscription: Subscription, *, replace: bool = False) -> None:
    """Do what a comparison of now says about one row."""
    for step in subscriptions.compare(subscription.account).steps:
        if step.subscription is not None and step.subscription.pk == subscription.pk:
            subscriptions.carry_out(step, replace=replace)
    subscription.refresh_from_db()


#: The name in a URL → what it does.
VERBS: dict[str, Verb] = {
    "register": Verb(label=_("Register"), function=subscriptions.register),
    "register-again": Verb(label=_("Register again"), function=subscriptions.register_again),
    "change-topics": Verb(label=_("Change topics"), function=subscriptions.change_topics),
    "rotate": Verb(label=_("Rotate token"), function=_rotate),
    "carry-out": Verb(label=_("Carry out"), function=_carry_out),
    "by-hand": Verb(label=_("Registered by hand"), function=subscriptions.register_by_hand, replaces=False),
    "deactivate": Verb(label=_("Deactivate"), function=subscriptions.deactivate, replaces=False),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A verb, with what it needs to know."""

    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)
    #: Whom a person has said, on a page that named them, that it may cut off.
    cut_off: list[Stranger] = field(default_factory=list)

    @property
    def label(self) -> str | Promise:
        return VERBS[self.verb].label

    def do(self, subscription: Subscription) -> str | None:
        """Do it; return what is left for a person to do, if anything.

        Raises what the verb does; WouldReplaceError where it would cut off anybody but those of `cut_off`.
        """
        function = VERBS[self.verb].function
        try:
            return function(subscription, **self.arguments)
        except subscriptions.WouldReplaceError as error:
            named = [(stranger["id"], stranger["host"]) for stranger in self.cut_off]
            if any((remote.id, host_of(remote.callback_url)) not in named for remote in error.strangers):
                raise
        return function(subscription, **self.arguments, replace=True)

    def naming(self, strangers: Sequence[RemoteSubscription]) -> Job:
        """Return the same job once a person has agreed that it cuts off these."""
        named = [
            Stranger(id=remote.id, host=host_of(remote.callback_url), topics=list(remote.topics))
            for remote in strangers
        ]
        # What was refused at its first call has a row that says so.
        verb = "register-again" if self.verb == "register" else self.verb
        return dataclasses.replace(self, verb=verb, cut_off=named)

    def sealed(self, subscription: Subscription) -> str:
        return seal(f"job.{subscription.pk}", dataclasses.asdict(self))

    @classmethod
    def unsealed(cls, subscription: Subscription, data: QueryDict) -> Job | None:
        """Return the job that a page has carried along for this subscription; None where it is forged or too old."""
        value = unseal(f"job.{subscription.pk}", data, "job")
        return None if value is None else cls(**value)
