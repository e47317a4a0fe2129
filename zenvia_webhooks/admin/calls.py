"""Calls to Zenvia from the admin: after the request's transaction, each with a message that says how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import router, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from zenvia_webhooks import subscriptions
from zenvia_webhooks.admin.jobs import Job
from zenvia_webhooks.exceptions import ZenviaConfigurationError, ZenviaError
from zenvia_webhooks.models import Subscription

Status = Subscription.Status

LEVELS = {Status.ACTIVE: messages.SUCCESS, Status.INACTIVE: messages.SUCCESS, Status.PENDING: messages.WARNING}


def after_commit(work: Callable[[], None]) -> None:
    """Do it once the present transaction is committed, even with ATOMIC_REQUESTS; messages still show."""
    transaction.on_commit(work, using=router.db_for_write(Subscription))


def call_zenvia(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    rows: Sequence[Subscription],
    job: Job,
    response: HttpResponseRedirect,
) -> HttpResponseRedirect:
    """Do a job for each row after the commit; see `attempt`. Returns `response`."""

    def call() -> None:
        for row in rows:
            attempt(model_admin, request, row, job, response if len(rows) == 1 else None)

    after_commit(call)
    return response


def attempt(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    row: Subscription,
    job: Job,
    response: HttpResponseRedirect | None,
) -> None:
    """Do a job for a row and say how it went.

    Where it would cut off a stranger, `response` then leads to the page that asks; without it, a message does.
    """

    def work() -> tuple[int, str]:
        try:
            left_to_do = job.do(row)
        except subscriptions.WouldReplaceError as error:
            job_then = job.naming(error.strangers).sealed(row)
            question = f"{page(model_admin, 'confirm', row.pk)}?{urlencode({'job': job_then})}"
            if response is None:
                return messages.WARNING, _where_to_confirm(row, question)
            response["Location"] = question
            return messages.WARNING, ""
        if job.verb != "register":
            model_admin.log_change(request, row, str(job.label))
        return (messages.WARNING, left_to_do) if left_to_do else described(row)

    tell(model_admin, request, row, work)


def tell(
    model_admin: ModelAdmin[Any], request: HttpRequest, subject: object, work: Callable[[], tuple[int, str]]
) -> None:
    """Do something at Zenvia; show the message that it returns, or its error's."""
    try:
        level, text = work()
    except (subscriptions.StillRegisteredError, ZenviaError, ZenviaConfigurationError, ValueError) as error:
        level, text = (
            messages.ERROR,
            _("Subscription %(subscription)s: %(error)s")
            % {
                "subscription": subject,
                "error": error,
            },
        )
    if text:
        model_admin.message_user(request, text, level)


def described(row: Subscription) -> tuple[int, str]:
    """Return level and text of the message about what became of a row."""
    level = LEVELS.get(Status(row.status), messages.ERROR)
    if row.status == Status.ACTIVE and row.last_error:
        level = messages.WARNING
    return level, subscriptions.describe(row)


def page(model_admin: ModelAdmin[Any], name: str, *args: object) -> str:
    """Return the address of one of our pages: "changelist", "change", "confirm", ..."""
    return reverse(f"{model_admin.admin_site.name}:zenvia_webhooks_subscription_{name}", args=args)


def _where_to_confirm(row: Subscription, question: str) -> str:
    link = format_html('<a href="{}">{}</a>', question, _("See what it would cut off."))
    return format_html("{} {}", _("Subscription %(subscription)s: nothing was sent.") % {"subscription": row}, link)
