"""What can be done about a subscription: its buttons, and the work after the request's transaction is committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.approval import approved, carried, question
from zenvia_webhooks.admin.forms import ChangeTopicsForm, RotateForm
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.subscriptions.messages import overlap_ends

Status = Subscription.Status

LEVELS = {Status.ACTIVE: messages.SUCCESS, Status.INACTIVE: messages.SUCCESS, Status.PENDING: messages.WARNING}


@dataclass(frozen=True, kw_only=True)
class Verb:
    """One thing that can be done about a subscription."""

    label: str | Promise
    #: Returns what is left for a person to do, if anything.
    function: Callable[..., str | None]
    #: Whether it registers: then `function` takes `approved`, and whom it would cut off is asked about first.
    registers: bool = False
    #: What it needs to know, on a page of its own.
    form: type[ChangeTopicsForm] | type[RotateForm] | None = None


#: The name in a URL → what it does.
VERBS: dict[str, Verb] = {
    "register": Verb(label=_("Register"), function=subscriptions.register, registers=True),
    "register-again": Verb(label=_("Register again"), function=subscriptions.register_again, registers=True),
    "change-topics": Verb(
        label=_("Change topics"), function=subscriptions.change_topics, registers=True, form=ChangeTopicsForm
    ),
    "rotate": Verb(label=_("Rotate token"), function=subscriptions.rotate, registers=True, form=RotateForm),
    "manual": Verb(label=_("Registered manually"), function=subscriptions.manual),
    "deactivate": Verb(label=_("Deactivate"), function=subscriptions.deactivate),
}


def buttons(row: Subscription) -> list[tuple[str, str | Promise, bool]]:
    """Return what can be done about a subscription now: verb, label, whether it has a page of its own."""
    found: dict[str, str | Promise] = {}
    if row.is_foreign:
        found = {"register-again": _("Register for this site"), "deactivate": _("Deactivate here")}
    elif row.is_ending:
        found = {"register-again": VERBS["register-again"].label, "deactivate": VERBS["deactivate"].label}
    else:
        again = _("Look at Zenvia again") if row.status == Status.PENDING else VERBS["register-again"].label
        names = {
            Status.ACTIVE: ("change-topics", "rotate", "deactivate"),
            Status.INACTIVE: ("register-again",),
            Status.MISSING: ("register-again", "deactivate"),
        }.get(Status(row.status), ("register-again", "manual", "deactivate"))
        found = {name: again if name == "register-again" else VERBS[name].label for name in names}
    return [(name, label, VERBS[name].form is not None or name == "deactivate") for name, label in found.items()]


def verb_page(
    model_admin: ModelAdmin[Any], request: HttpRequest, row: Subscription, name: str, context: dict[str, Any]
) -> HttpResponse:
    """Do what a button says, after its form where it has one."""
    verb = VERBS.get(name)
    if verb is None or name == "register":
        raise Http404
    back = HttpResponseRedirect(page(model_admin, "change", row.pk))
    if name == "deactivate" and request.method == "GET":
        return ask_to_deactivate(request, [row], context, back.url)
    if verb.form is None:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return perform(model_admin, request, [row], name, back)
    try:
        form = verb.form(row, request.POST if request.method == "POST" else None)
        replaces = get_contract(row.contract or conf.account(row.account).contract).REPLACES
    except ZenviaConfigurationError as error:
        model_admin.message_user(request, str(error), messages.ERROR)
        return back
    if form.is_bound and form.is_valid():
        return perform(model_admin, request, [row], name, back, **form.arguments)
    until = overlap_ends(row) if name == "rotate" else ""
    context |= {"title": verb.label, "form": form, "original": row, "verb": name, "until": until, "replaces": replaces}
    return TemplateResponse(request, "admin/zenvia_webhooks/subscription/verb_form.html", context)


def ask_to_deactivate(
    request: HttpRequest, rows: Sequence[Subscription], context: dict[str, Any], back: str
) -> HttpResponse:
    """Return the page that asks, as Django's own does before a deletion; it sends the present request anew."""
    context |= {"title": _("Deactivate?"), "rows": rows, "carried": carried(request), "back": back}
    context["original"] = rows[0] if len(rows) == 1 else None
    return TemplateResponse(request, "admin/zenvia_webhooks/subscription/deactivate.html", context)


def perform(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    rows: Sequence[Subscription],
    name: str,
    response: HttpResponse,
    **arguments: Any,
) -> HttpResponse:
    """Do a verb for each row after the commit, with a message that says how it went, and return `response`.

    Where it would cut off what nobody has agreed to, return the page that asks instead.
    """
    verb = VERBS[name]
    if verb.registers:
        if name != "register" and (page_that_asks := question(model_admin, request, rows)) is not None:
            return page_that_asks
        arguments["approved"] = approved(request)

    def work(row: Subscription) -> tuple[int, str]:
        left_to_do = verb.function(row, **arguments)
        if name != "register":
            model_admin.log_change(request, row, str(verb.label))
        return (messages.WARNING, left_to_do) if left_to_do else described(row)

    def work_on_all() -> None:
        for row in rows:
            tell(model_admin, request, row, partial(work, row))

    after_commit(work_on_all)
    return response


def after_commit(work: Callable[[], None]) -> None:
    """Do it once the present transaction is committed, even with ATOMIC_REQUESTS; messages still show."""
    transaction.on_commit(work, using=router.db_for_write(Subscription))


def tell(
    model_admin: ModelAdmin[Any], request: HttpRequest, subject: object, work: Callable[[], tuple[int, str]]
) -> None:
    """Do something at Zenvia; show the message that it returns, or its error's."""
    try:
        level, text = work()
    except (subscriptions.SubscriptionError, ZenviaError, ZenviaConfigurationError) as error:
        text = gettext("Subscription %(subscription)s: %(error)s") % {"subscription": subject, "error": error}
        level = messages.ERROR
    model_admin.message_user(request, text, level)


def described(row: Subscription) -> tuple[int, str]:
    """Return level and text of the message about what became of a row."""
    level = LEVELS.get(Status(row.status), messages.ERROR)
    if row.status == Status.ACTIVE and (row.last_error or row.is_ending):
        level = messages.WARNING
    text = subscriptions.describe(row)
    if row.status == Status.ACTIVE and (advice := subscriptions.advice(row.account, row.topics)):
        level, text = messages.WARNING, f"{text} {advice}"
    return level, text


def page(model_admin: ModelAdmin[Any], name: str, *args: object) -> str:
    """Return the address of one of our pages: "changelist", "change", "at_zenvia", ..."""
    return reverse(f"{model_admin.admin_site.name}:zenvia_webhooks_subscription_{name}", args=args)
