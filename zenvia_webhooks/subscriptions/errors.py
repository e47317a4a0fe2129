"""Why something was not done about a subscription, in words for people."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from zenvia_webhooks.contracts.base import RemoteSubscription
from zenvia_webhooks.origins import host_of


class SubscriptionError(Exception):
    """A rule of ours refused what was asked for; the text says why."""


class ChangedMeanwhileError(SubscriptionError):
    """Somebody else has changed the row, or is just changing it."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or _("Somebody else has changed it meanwhile."))


class WouldReplaceError(SubscriptionError):
    """The call was not made, as it would cut off `foreign`: what others have registered, all of them."""

    def __init__(self, foreign: Sequence[RemoteSubscription]) -> None:
        self.foreign = list(foreign)
        hosts = ", ".join(dict.fromkeys(host_of(remote.callback_url) for remote in foreign))
        super().__init__(
            _("Nothing was sent: it would cut off what Zenvia has registered for %(hosts)s.") % {"hosts": hosts}
        )


class StillRegisteredError(SubscriptionError):
    """Zenvia still lists what it should remove, or may: our row and its token live on."""


class NotConfirmedError(StillRegisteredError):
    """Zenvia's answer to a removal was no yes; with `outcome_unknown`, it may be removed all the same."""

    def __init__(self, text: str, *, outcome_unknown: bool) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(text)
