from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.conf import Account, conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.models.subscription import callback_url, new_token

SALT = "zenvia_webhooks.admin.add_subscription"
#: Seconds that a form may stay open before its tokens are drawn anew.
FORM_SECONDS = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One request as it will be sent, but for the key."""

    account: str
    topic: str
    callback_url: str
    request: str


class AddSubscriptionForm(forms.Form):
    """Which topics to register for which account.

    The tokens are drawn when the form is shown, and come back with it signed, so that what was shown is what is sent.
    """

    account = forms.ChoiceField(label=_("Account"))
    topics = forms.MultipleChoiceField(
        label=_("Topics"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("One subscription each."),
    )
    by_hand = forms.BooleanField(
        label=_("Registered by hand"),
        required=False,
        help_text=_(
            "Nothing is sent to Zenvia. For accounts whose key Zenvia's API refuses: register the callback URLs below "
            "in Zenvia's own pages."
        ),
    )
    tokens = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        """Raise ZenviaConfigurationError where nothing could be registered."""
        self.accounts = conf.accounts
        if not self.accounts:
            raise ZenviaConfigurationError(
                "Add an account to ZENVIA_WEBHOOKS['ACCOUNTS'], such as {'default': {'API_KEY': ...}}."
            )
        known = {topic: None for account in self.accounts.values() for topic in get_contract(account.contract).TOPICS}
        super().__init__(data, initial={"topics": list(known), "account": next(iter(self.accounts), None)})
        self.drawn = self._drawn(list(known))
        self.initial["tokens"] = signing.dumps(self.drawn, salt=SALT)
        self.fields["account"].choices = [(alias, alias) for alias in self.accounts]  # type: ignore[attr-defined]
        self.fields["topics"].choices = [(topic, topic) for topic in known]  # type: ignore[attr-defined]

    def _drawn(self, topics: list[str]) -> dict[str, str]:
        if self.is_bound:
            try:
                drawn: dict[str, str] = signing.loads(self.data.get("tokens", ""), salt=SALT, max_age=FORM_SECONDS)
            except signing.BadSignature:
                pass
            else:
                return drawn
        return {topic: new_token() for topic in topics}

    def clean_tokens(self) -> dict[str, str]:
        if self.data.get("tokens") and Subscription.objects.filter(token__in=self.drawn.values()).exists():
            raise forms.ValidationError(_("This form was sent already. Open it anew to register more."))
        try:
            signing.loads(self.data.get("tokens", ""), salt=SALT, max_age=FORM_SECONDS)
        except signing.BadSignature:
            raise forms.ValidationError(_("This form was open for too long. Open it anew.")) from None
        return self.drawn

    def clean(self) -> None:
        chosen = self.cleaned_data
        if not chosen or "account" not in chosen or "topics" not in chosen:
            return
        for row in Subscription.objects.in_use(chosen["account"], chosen["topics"]):
            # One that was refused is registered again, not beside it.
            self.add_error(
                "topics",
                _("%(topics)s has a subscription already, which is %(status)s: see #%(pk)s.")
                % {"topics": ", ".join(row.topics), "status": row.get_status_display(), "pk": row.pk},
            )

    def save(self) -> list[Subscription]:
        """Create the rows; nothing is registered yet."""
        account, tokens = self.cleaned_data["account"], self.cleaned_data["tokens"]
        return [
            subscriptions.add(account, topics, token=tokens[topics[0]])
            for topics in subscriptions.topics_per_row(account, self.cleaned_data["topics"])
        ]

    @property
    def previews(self) -> list[Preview]:
        return [
            self._preview(account, topics)
            for account in self.accounts.values()
            for topics in subscriptions.topics_per_row(account.alias, self.drawn)
        ]

    def _preview(self, account: Account, topics: list[str]) -> Preview:
        contract, url = get_contract(account.contract), callback_url(self.drawn[topics[0]])
        call = contract.create_call(topics, url, account.wire_topics)
        credentials = contract.credentials("••••••")
        headers = {**credentials.headers, "Content-Type": "application/json"}
        lines = [f"{call.method} {account.api_url}{call.path}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["", (call.content or b"").decode()]
        return Preview(account=account.alias, topic=topics[0], callback_url=url, request="\n".join(lines))
