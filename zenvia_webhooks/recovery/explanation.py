"""Why a run ended, and what to do about it, in words."""

from __future__ import annotations

from math import ceil

from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from zenvia_webhooks import subscriptions
from zenvia_webhooks.contracts.words import list_name
from zenvia_webhooks.exceptions import ZenviaAPIError, ZenviaConnectionError
from zenvia_webhooks.recovery.calls import NotNowError
from zenvia_webhooks.recovery.report import Report


class NoListsError(Exception):
    """The account's contract has no list of what happened."""

    def __init__(self, contract: str) -> None:
        super().__init__(
            format_lazy(
                gettext_lazy(
                    "Under CONTRACT '{contract}' Zenvia publishes no list of what happened, so nothing can be compared "
                    "or recovered. Ask Zenvia for a key of the Conversion API and set CONTRACT to 'conversion', or "
                    "look the time up in Zenvia's panel; what was not answered with a 2xx, Zenvia may send again."
                ),
                contract=contract,
            )
        )


def explain(error: Exception, account: str, *, is_remembered: bool) -> str:
    """Return an error's text, and what to do; `is_remembered` tells that the next run goes on there."""
    text = subscriptions.explain(error, account) if isinstance(error, ZenviaAPIError) else str(error)
    advice = _advice(error, _goes_on(error, is_remembered))
    return f"{text.rstrip('.')}. {advice}" if advice else text


def _goes_on(error: Exception, is_remembered: bool) -> str:
    if not is_remembered:
        return (
            _("Ask for a shorter span, or use --apply, which goes on where it ended.")
            if isinstance(error, NotNowError)
            else _("Run it again later.")
        )
    return _("Run it again: it goes on where it ended.")


def _advice(error: Exception, again: str) -> str:
    if isinstance(error, NotNowError):
        return again
    if isinstance(error, ZenviaConnectionError):
        return _("If Zenvia is slow rather than down, raise TIMEOUT in ACCOUNTS.") + " " + again
    if not isinstance(error, ZenviaAPIError):
        return ""
    if error.status == 403:
        return _("Give the API key the scope prospects:read at Zenvia, and wait the 15 to 20 minutes that it takes.")
    if error.status == 401:
        return _("Zenvia does not know the API key: check API_KEY in ACCOUNTS, and CONTRACT.")
    if error.status < 300:
        return _("Something other than Zenvia's API answers: check API_URL, and any proxy in between.") + " " + again
    if error.status == 429 or error.status >= 500:
        return f"{_asked(error.retry_after)} {again}" if error.retry_after else again
    return ""


def _asked(seconds: float) -> str:
    words = ngettext("Zenvia asks to wait %(count)d second.", "Zenvia asks to wait %(count)d seconds.", ceil(seconds))
    return words % {"count": ceil(seconds)}


def words_of(report: Report) -> str:
    """Return what keeps a report from being whole; empty for nothing."""
    lines = [report.error] if report.error else []
    lines += [
        _("Not looked at: %(name)s, %(span)s.") % {"name": list_name(name), "span": span}
        for name, span in report.not_read
    ]
    return "\n".join(lines)
