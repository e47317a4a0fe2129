"""What the system checks say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

from zenvia_webhooks import checks
from zenvia_webhooks.diagnosis.findings import Area, Finding, Severity, ok

#: Warnings there, so that `migrate` runs; but no event gets through.
SERIOUS = {"zenvia_webhooks.W004", "zenvia_webhooks.W006", "zenvia_webhooks.W007"}


def check_settings() -> Iterator[Finding]:
    """Look at the settings. What beat and the worker's receivers are in truth is not theirs to say."""
    found = list(
        said(
            Area.SETTINGS,
            checks.check_settings,
            checks.check_account,
            checks.check_time_zones,
            checks.check_tenants,
            checks.check_caches,
        )
    )
    yield from found or [ok(Area.SETTINGS, _("The settings can be read."))]


def check_callback_settings() -> Iterable[Finding]:
    """Look at the settings that the callback URL depends on."""
    return said(Area.CALLBACK, checks.check_callback)


def said(area: Area, *of: Callable[[], list[CheckMessage]]) -> Iterator[Finding]:
    """Yield what these system checks say and the site has not silenced."""
    for check in of:
        for message in check():
            if not message.is_silenced():
                is_serious = message.is_serious() or message.id in SERIOUS
                yield Finding(
                    id=message.id or "",
                    area=area,
                    severity=Severity.BROKEN if is_serious else Severity.WARNING,
                    text=message.msg,
                    fix=message.hint or "",
                )
