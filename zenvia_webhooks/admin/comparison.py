"""What Zenvia itself lists, set beside our rows, and what must be done about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import router
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.approval import approved, question
from zenvia_webhooks.admin.verbs import after_commit, described, tell
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts.words import label
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.redaction import redact_tokens
from zenvia_webhooks.subscriptions import Action, Kind, Step

BUTTONS: dict[Action, str | Promise] = {
    Action.WAIT: gettext_lazy("Update the row"),
    Action.ACTIVATE: gettext_lazy("Update the row"),
    Action.END: gettext_lazy("Update the row"),
    Action.LOSE: gettext_lazy("Mark as missing"),
    Action.REGISTER: gettext_lazy("Register again"),
    Action.REMOVE: gettext_lazy("Remove at Zenvia"),
    Action.ADOPT: gettext_lazy("Adopt"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the plan, as it is shown."""

    step: Step

    @property
    def kind(self) -> str | Promise:
        return self.step.kind.label

    @property
    def button(self) -> str | Promise:
        return BUTTONS.get(self.step.action, "")

    @property
    def topics(self) -> str:
        remote, row = self.step.remote, self.step.subscription
        return ", ".join(map(label, remote.topics if remote else row.topics if row else ()))

    @property
    def look(self) -> str:
        """How the line's badge looks: what is alive, or may yet turn up, is no alarm."""
        is_alarm = self.step.action in (Action.LOSE, Action.REGISTER)
        return "pending" if self.step.kind == Kind.MISSING and not is_alarm else self.step.kind

    @property
    def token(self) -> str:
        """The first letters of our token, by which two of our callback URLs are told apart; no foreign one's."""
        return redact_tokens(subscriptions.token_of(self.step.url) or "")


@dataclass(frozen=True, kw_only=True)
class Account:
    """The plan for one account, or why there is none."""

    alias: str
    lines: list[Line]
    error: str = ""

    @property
    def to_do(self) -> int:
        return sum(bool(line.button) for line in self.lines)


def plan_all() -> list[Account]:
    """Ask Zenvia for every account. Raises nothing of Zenvia's; changes nothing."""
    try:
        return [_plan(alias) for alias in conf.aliases()]
    except ZenviaConfigurationError as error:
        return [Account(alias="", lines=[], error=str(error))]


def _plan(alias: str) -> Account:
    try:
        steps = subscriptions.current_plan(alias)
    except (ZenviaError, ZenviaConfigurationError) as error:
        return Account(alias=alias, lines=[], error=subscriptions.explain(error, alias))
    return Account(alias=alias, lines=[Line(step=step) for step in steps])


def apply(
    model_admin: ModelAdmin[Any], request: HttpRequest, alias: str, keys: Collection[str], response: HttpResponse
) -> HttpResponse:
    """Do what was shown where it is still called for, after the commit; or return the page that asks first."""
    account = _plan(alias)
    steps = [line.step for line in account.lines if line.button and line.step.key in keys]
    if account.error or len(steps) < len(keys):
        text = account.error or _("Something has changed meanwhile: look again.")
        model_admin.message_user(request, text, messages.ERROR if account.error else messages.WARNING)
    rows = [step.subscription for step in steps if step.subscription and step.action == Action.REGISTER]
    if (page_that_asks := question(model_admin, request, rows)) is not None:
        return page_that_asks

    def work() -> None:
        for step in steps:
            tell(model_admin, request, step.name, partial(_apply, model_admin, request, step))

    after_commit(work)
    return response


def _apply(model_admin: ModelAdmin[Any], request: HttpRequest, step: Step) -> tuple[int, str]:
    if not subscriptions.reconcile(step.account, only=step, approved=approved(request)):
        return messages.WARNING, _("Something has changed meanwhile: look again.")
    if step.action == Action.REMOVE:
        return messages.SUCCESS, _("Removed at Zenvia: %(subscription)s.") % {"subscription": step.name}
    rows = Subscription.objects.using(router.db_for_write(Subscription))
    if step.action == Action.ADOPT:
        adopted = rows.get(token=subscriptions.token_of(step.url))
        model_admin.log_addition(request, adopted, [{"added": {}}])
        return described(adopted)
    row = rows.filter(pk=step.subscription.pk).first() if step.subscription else None
    if row is None:
        return messages.SUCCESS, _("%(subscription)s: deleted, at Zenvia too.") % {"subscription": step.name}
    if step.action == Action.REGISTER:
        model_admin.log_change(request, row, str(BUTTONS[step.action]))
    return described(row)
