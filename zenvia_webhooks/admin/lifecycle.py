"""The pages and buttons of one subscription."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime, now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.calls import call_zenvia, page
from zenvia_webhooks.admin.jobs import VERBS, Job
from zenvia_webhooks.admin.lifecycle_forms import ChangeTopicsForm, RotateForm
from zenvia_webhooks.conf import conf
from zenvia_webhooks.contracts import get_contract
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription

Status = Subscription.Status

#: Verbs that a press of a button does.
AT_ONCE = ("register-again", "by-hand", "deactivate")
#: Verbs with a page of their own.
FORMS: dict[str, type[ChangeTopicsForm] | type[RotateForm]] = {"change-topics": ChangeTopicsForm, "rotate": RotateForm}


def buttons(subscription: Subscription) -> list[tuple[str, str | Promise, bool]]:
    """Return what can be done about a subscription now: verb, label, whether it has a page of its own."""
    status, elsewhere = subscription.status, subscriptions.is_elsewhere(subscription)
    found: list[tuple[str, str | Promise]] = []
    if elsewhere:
        found.append(("register-again", _("Register for this site")))
    elif status == Status.PENDING:
        found.append(("register-again", _("Look at Zenvia again")))
    elif status != Status.ACTIVE:
        found.append(("register-again", VERBS["register-again"].label))
    if status in (Status.PENDING, Status.FAILED) and not elsewhere:
        found.append(("by-hand", VERBS["by-hand"].label))
    if status == Status.ACTIVE and not elsewhere:
        found += [(verb, VERBS[verb].label) for verb in FORMS]
    if status != Status.INACTIVE:
        found.append(("deactivate", _("Deactivate here") if elsewhere else VERBS["deactivate"].label))
    return [(verb, label, verb in FORMS) for verb, label in found]


def verb_page(
    model_admin: ModelAdmin[Any], request: HttpRequest, subscription: Subscription, verb: str, context: dict[str, Any]
) -> HttpResponse:
    """Do what a button says, after its form where it has one."""
    if verb not in (*AT_ONCE, *FORMS):
        raise Http404
    back = HttpResponseRedirect(page(model_admin, "change", subscription.pk))
    if verb in AT_ONCE:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return call_zenvia(model_admin, request, [subscription], Job(verb=verb), back)
    try:
        form = FORMS[verb](subscription, request.POST if request.method == "POST" else None)
        replaces = get_contract(conf.account(subscription.account).contract).REPLACES
    except ZenviaConfigurationError as error:
        model_admin.message_user(request, str(error), messages.ERROR)
        return back
    if form.is_bound and form.is_valid():
        return call_zenvia(model_admin, request, [subscription], Job(verb=verb, arguments=form.arguments), back)
    context |= {
        "title": VERBS[verb].label,
        "form": form,
        "original": subscription,
        "verb": verb,
        "until": overlap_ends(subscription) if verb == "rotate" else "",
        "replaces": replaces,
    }
    return TemplateResponse(request, "admin/zenvia_webhooks/subscription/verb_form.html", context)


def confirm_page(
    model_admin: ModelAdmin[Any], request: HttpRequest, subscription: Subscription, context: dict[str, Any]
) -> HttpResponse:
    """Name whom a job would cut off, and do it all the same when told to."""
    back = HttpResponseRedirect(page(model_admin, "change", subscription.pk))
    job = Job.unsealed(subscription, request.POST if request.method == "POST" else request.GET)
    if job is None:
        text = gettext("This page was open for too long. Nothing was sent.")
        model_admin.message_user(request, text, messages.WARNING)
        return back
    if request.method == "POST":
        return call_zenvia(model_admin, request, [subscription], job, back)
    context |= {
        "title": _("Cut off another system?"),
        "original": subscription,
        "job": job,
        "sealed": job.sealed(subscription),
    }
    return TemplateResponse(request, "admin/zenvia_webhooks/subscription/confirm.html", context)


def overlap_ends(subscription: Subscription) -> str:
    """Return until when the token before is good as well, for people; empty where it is not."""
    ends = subscription.previous_token_expires_at
    if subscription.previous_token is None or (ends is not None and ends <= now()):
        return ""
    return date_format(localtime(ends), "DATETIME_FORMAT") if ends else gettext("its outcome is known")
