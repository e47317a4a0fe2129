from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict

from django import forms
from django.db import router
from django.http import QueryDict
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.preview import Preview, preview
from zenvia_webhooks.admin.signing import sign, unsign
from zenvia_webhooks.admin.topics import Offer, ask, explain, published
from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import get_contract, help_center
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import SubscriptionQuerySet, new_token

#: Ticked from the start: those with signals of their own.
USUAL_TOPICS = (*help_center.TOPICS, "interaction.created")
#: Stands for a topic where one token is for all of them.
ALL = ""
#: A month of two good tokens is a rotation that was forgotten.
MOST_HOURS = 31 * 24


class Drawn(TypedDict):
    """What is decided when the form is shown, and holds when it is sent."""

    #: Topic, or `ALL` → token.
    tokens: dict[str, str]
    #: Account → what it may choose from.
    offers: dict[str, Offer]


class AddSubscriptionForm(forms.Form):
    """Which topics to register for which account.

    Tokens and topics are settled when the form is shown, and come back with it signed: what was shown is what is sent,
    and Zenvia is not asked again.
    """

    account = forms.ChoiceField(label=_("Account"))
    topics = forms.MultipleChoiceField(label=_("Topics"), widget=forms.CheckboxSelectMultiple)
    manual = forms.BooleanField(
        label=_("Registered manually"),
        required=False,
        help_text=_(
            "Nothing is sent to Zenvia. For accounts whose key Zenvia's API refuses: register the callback URLs below "
            "in Zenvia's own pages."
        ),
    )
    drawn = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, shown: QueryDict | None = None) -> None:
        """Take `data` to be registered, or what the form `shown` has now to be shown anew.

        Raises ZenviaConfigurationError where nothing could be registered.
        """
        self.accounts = conf.accounts
        if not self.accounts:
            raise ZenviaConfigurationError(
                _("Add an account to ZENVIA_WEBHOOKS['ACCOUNTS'], such as {'default': {'API_KEY': ...}}.")
            )
        sent = data or shown or QueryDict()
        came_back: Drawn | None = unsign("add", sent, "drawn")
        self.is_too_old = came_back is None
        self.is_asking = data is None and shown is None
        self.what_is_drawn = came_back or self._draw()
        self.chosen = self.accounts.get(sent.get("account", "")) or next(iter(self.accounts.values()))
        offer = self.what_is_drawn["offers"].get(self.chosen.alias) or Offer(topics=published(self.chosen), error="")
        ticked = USUAL_TOPICS if self.is_asking else sent.getlist("topics")
        self.ticked = [topic for topic in offer["topics"] if topic in ticked]
        self.is_manual = "manual" in sent
        initial = {"account": self.chosen.alias, "topics": self.ticked, "manual": self.is_manual}
        super().__init__(data, initial={**initial, "drawn": sign("add", self.what_is_drawn)})
        self.offer_note = explain(offer)
        self.fields["account"].choices = [(alias, alias) for alias in self.accounts]  # type: ignore[attr-defined]
        self.fields["topics"].choices = [(topic, label(topic)) for topic in offer["topics"]]  # type: ignore[attr-defined]
        self.fields["topics"].help_text = _how_many(self.chosen)

    def _draw(self) -> Drawn:
        # A form that came back too old is not to be sent, so Zenvia need not be asked for it.
        known = {alias: Offer(topics=published(account), error="") for alias, account in self.accounts.items()}
        offers = ask(self.accounts.values()) if self.is_asking else known
        topics = dict.fromkeys(topic for offer in offers.values() for topic in offer["topics"])
        return Drawn(tokens={topic: new_token() for topic in (*topics, ALL)}, offers=offers)

    def clean_drawn(self) -> Drawn:
        if self.is_too_old:
            raise forms.ValidationError(_("This form was open for too long. Open it anew."))
        if _rows().filter(token__in=self.what_is_drawn["tokens"].values()).exists():
            raise forms.ValidationError(_("This form was sent already. Open it anew to register more."))
        return self.what_is_drawn

    def clean(self) -> None:
        chosen = self.cleaned_data
        if "account" not in chosen or "topics" not in chosen:
            return
        # Shown early; whoever adds looks once more, alone.
        for row in _rows().in_use(chosen["account"], chosen["topics"]):
            self.add_error("topics", str(subscriptions.taken(row)))

    @property
    def rows(self) -> dict[str, list[str]]:
        """Token → topics of the rows that it adds."""
        each = subscriptions.topics_per_row(self.chosen.alias, self.ticked)
        return {self._token(topics): topics for topics in each}

    @property
    def advice(self) -> str:
        """What to know about the topics that are ticked now; empty for nothing."""
        return subscriptions.advice(self.chosen.alias, self.ticked) if self.ticked else ""

    @property
    def previews(self) -> list[Preview]:
        """What is sent for the topics that are ticked now."""
        return [preview(self.chosen, topics, token) for token, topics in self.rows.items()]

    def _token(self, topics: list[str]) -> str:
        # By what stays the same while topics are ticked: a URL may have been copied.
        key = topics[0] if get_contract(self.chosen.contract).TOPICS_PER_SUBSCRIPTION == 1 else ALL
        return self.what_is_drawn["tokens"][key]


def _rows() -> SubscriptionQuerySet:
    # Not from a replica, which may not know yet what was added a moment ago.
    return Subscription.objects.using(router.db_for_write(Subscription))


def _how_many(account: Account) -> str:
    contract = get_contract(account.contract)
    if contract.REPLACES:
        return gettext(
            "All in one subscription: Zenvia has one for each API key. Should another system's be registered, you are "
            "asked before it is cut off."
        )
    size = contract.TOPICS_PER_SUBSCRIPTION
    if size is None:
        return gettext("All in one subscription.")
    return ngettext("One subscription each.", "Up to %(size)s topics a subscription.", size) % {"size": size}


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
        came_back: Offer | None = unsign("topics", data, "offer") if data else None
        offer = came_back or ask([account])[account.alias]
        super().__init__(data, initial={"topics": subscription.topics, "offer": sign("topics", offer)})
        self.offer_note = explain(offer)
        topics = dict.fromkeys((*offer["topics"], *subscription.topics))
        self.fields["topics"].choices = [(topic, label(topic)) for topic in topics]  # type: ignore[attr-defined]
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
        return {"overlap": timedelta(hours=self.cleaned_data["hours"])}
