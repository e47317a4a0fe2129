"""What Zenvia itself lists, set beside our rows, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.calls import after_commit, attempt, described, tell
from zenvia_webhooks.admin.jobs import Job
from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.redaction import redact_tokens
from zenvia_webhooks.subscriptions import Action, Kind, Step

KINDS: dict[Kind, str | Promise] = {
    Kind.OURS: gettext_lazy("this site"),
    Kind.PENDING: gettext_lazy("not registered"),
    Kind.MISSING: gettext_lazy("not listed"),
    Kind.CHANGED: gettext_lazy("other topics"),
    Kind.EXTRA: gettext_lazy("one too many"),
    Kind.ADOPTABLE: gettext_lazy("without a row"),
    Kind.STRANGER: gettext_lazy("another system"),
}
BUTTONS: dict[Action, str | Promise] = {
    Action.WAIT: gettext_lazy("Take note"),
    Action.ACTIVATE: gettext_lazy("Take note"),
    Action.LOSE: gettext_lazy("Mark as missing"),
    Action.REGISTER: gettext_lazy("Register again"),
    Action.REMOVE: gettext_lazy("Remove at Zenvia"),
    Action.ADOPT: gettext_lazy("Adopt"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a comparison, as it is shown."""

    step: Step

    @property
    def key(self) -> str:
        """What the line's button sends: the same line of a later comparison has the same."""
        row, remote = self.step.subscription, self.step.remote
        return f"{self.step.action}/{self.step.kind}/{row.pk if row else ''}/{remote.id if remote else ''}"

    @property
    def kind(self) -> str | Promise:
        return KINDS[self.step.kind]

    @property
    def button(self) -> str | Promise:
        return BUTTONS.get(self.step.action, "")

    @property
    def topics(self) -> str:
        remote, row = self.step.remote, self.step.subscription
        return ", ".join(remote.topics if remote else row.topics if row else ())

    @property
    def look(self) -> str:
        """How the line's badge looks: what is alive, or may yet turn up, is no alarm."""
        is_alarm = self.step.action in (Action.LOSE, Action.REGISTER)
        return "pending" if self.step.kind == Kind.MISSING and not is_alarm else self.step.kind

    @property
    def host(self) -> str:
        return self.step.host

    @property
    def token(self) -> str:
        """The first letters of our token, by which two of our callback URLs are told apart; no stranger's."""
        remote, row = self.step.remote, self.step.subscription
        token = subscriptions.token_of(remote.callback_url if remote else row.registered_url if row else "")
        return redact_tokens(token or "")


@dataclass(frozen=True, kw_only=True)
class Account:
    """A comparison with what Zenvia lists under one account's key, or why there is none."""

    alias: str
    lines: list[Line]
    error: str = ""

    @property
    def to_do(self) -> int:
        return sum(bool(line.button) for line in self.lines)


def compare_all() -> list[Account]:
    """Ask Zenvia for every account. Raises nothing of Zenvia's; changes nothing."""
    try:
        return [_compare(alias) for alias in conf.aliases()]
    except ZenviaConfigurationError as error:
        return [Account(alias="", lines=[], error=str(error))]


def _compare(alias: str) -> Account:
    try:
        comparison = subscriptions.compare(alias)
    except (ZenviaError, ZenviaConfigurationError) as error:
        return Account(alias=alias, lines=[], error=subscriptions.explain(error, alias))
    return Account(alias=alias, lines=[Line(step=step) for step in comparison.lines])


def carry_out(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    alias: str,
    keys: Collection[str],
    response: HttpResponseRedirect,
) -> None:
    """Compare anew after the commit, and do what was shown where it is still called for; see `calls.attempt`."""

    def call() -> None:
        account = _compare(alias)
        lines = [line for line in account.lines if line.button and line.key in keys]
        if account.error or len(lines) < len(keys):
            text = account.error or _("Something has changed meanwhile: look again.")
            model_admin.message_user(request, text, messages.ERROR if account.error else messages.WARNING)
        for line in lines:
            row = line.step.subscription
            if row is not None and line.step.action == Action.REGISTER:
                attempt(model_admin, request, row, Job(verb="carry-out"), response if len(lines) == 1 else None)
            else:
                tell(model_admin, request, line.step.name, partial(_do, model_admin, request, line.step))

    after_commit(call)


def _do(model_admin: ModelAdmin[Any], request: HttpRequest, step: Step) -> tuple[int, str]:
    if step.action == Action.ADOPT and step.remote is not None:
        row = subscriptions.adopt(step.account, step.remote)
        model_admin.log_addition(request, row, [{"added": {}}])
        return described(row)
    subscriptions.carry_out(step)
    if step.action == Action.REMOVE or step.subscription is None:
        return messages.SUCCESS, _("%(subscription)s: removed at Zenvia.") % {"subscription": step.name}
    step.subscription.refresh_from_db()
    return described(step.subscription)
