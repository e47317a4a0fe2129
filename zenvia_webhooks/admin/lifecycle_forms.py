"""What the buttons that need an answer ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks.admin.sealing import seal, unseal
from zenvia_webhooks.admin.topics import Offer, ask, explain
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.models import Subscription

#: A month of two good tokens is a rotation that was forgotten.
MOST_HOURS = 31 * 24


class OneOf(forms.RadioSelect):
    """A choice of one, for a field of several."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.getlist(name)


class ChangeTopicsForm(forms.Form):
    """Which topics a subscription is to hold."""

    topics = forms.MultipleChoiceField(label=_("Topics"), widget=forms.CheckboxSelectMultiple)
    offer = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, subscription: Subscription, data: QueryDict | None = None) -> None:
        """Ask Zenvia which topics there are, unless the form comes back with them.

        Raises ZenviaConfigurationError where the account is no more.
        """
        account = conf.account(subscription.account)
        came_back: Offer | None = unseal("topics", data, "offer") if data else None
        offer = came_back or ask([account])[account.alias]
        super().__init__(data, initial={"topics": subscription.topics, "offer": seal("topics", offer)})
        self.offer_note = explain(offer)
        topics = dict.fromkeys((*offer["topics"], *subscription.topics))
        self.fields["topics"].choices = [(topic, topic) for topic in topics]  # type: ignore[attr-defined]
        if get_contract(account.contract).TOPICS_PER_SUBSCRIPTION == 1:
            self.fields["topics"].widget = OneOf(choices=self.fields["topics"].choices)  # type: ignore[attr-defined]

    @property
    def arguments(self) -> dict[str, Any]:
        return {"topics": self.cleaned_data["topics"]}


class RotateForm(forms.Form):
    """How long the old token is to stay good."""

    hours = forms.IntegerField(
        label=_("Hours that both tokens are good"),
        initial=24,
        min_value=0,
        max_value=MOST_HOURS,
        help_text=_("0 where the old callback URL has leaked: what Zenvia still has on its way to it is then refused."),
    )

    def __init__(self, _subscription: Subscription, data: QueryDict | None = None) -> None:
        super().__init__(data)

    @property
    def arguments(self) -> dict[str, Any]:
        return {"hours": self.cleaned_data["hours"]}
