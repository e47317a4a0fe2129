"""Whether Zenvia's calls find the webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  # Django's own names
from django.http.request import validate_host
from django.utils.translation import gettext as _

from zenvia_webhooks.callback import webhook_path
from zenvia_webhooks.checks.reading import is_broken, read
from zenvia_webhooks.exceptions import ZenviaConfigurationError

#: What Django allows while DEBUG is on and ALLOWED_HOSTS is empty.
_DEBUG_HOSTS = [".localhost", "127.0.0.1", "[::1]"]


def check_callback(**kwargs: Any) -> list[CheckMessage]:
    """Report a callback URL that is not there, or that Zenvia's calls would not get through."""
    try:
        paths = _webhook_paths()
    except ZenviaConfigurationError as error:
        return [
            Warning(
                str(error),
                hint=_("Until then nothing can be registered at Zenvia."),
                id="zenvia_webhooks.W004",
            )
        ]
    found: list[CheckMessage] = []
    if len(paths) > 1:
        found.append(
            Warning(
                _("The webhook's URL changes with the language: %(paths)s.") % {"paths": ", ".join(sorted(paths))},
                hint=_("Include zenvia_webhooks.urls outside of i18n_patterns()."),
                id="zenvia_webhooks.W005",
            )
        )
    return [*found, *_base_url()]


def _base_url() -> Iterator[CheckMessage]:
    base = read("callback_base_url")
    if base is None and not is_broken("callback_base_url"):
        yield Warning(
            _("ZENVIA_WEBHOOKS['CALLBACK_BASE_URL'] is not set: nothing can be registered at Zenvia."),
            hint=_("Set it to the public origin of this site, such as 'https://crm.example.com'."),
            id="zenvia_webhooks.W003",
        )
    host = urlsplit(base or "").hostname
    if host and not validate_host(host, settings.ALLOWED_HOSTS or _DEBUG_HOSTS):
        yield Warning(
            _(
                "ALLOWED_HOSTS does not allow %(host)s, the host of CALLBACK_BASE_URL: "
                "Django answers 400 to Zenvia before the webhook sees the call."
            )
            % {"host": host},
            hint=_("Add %(host)r to ALLOWED_HOSTS.") % {"host": host},
            id="zenvia_webhooks.W006",
        )


def _webhook_paths() -> set[str]:
    """Return the webhook's path in every language of the site."""
    languages = [code for code, _name in settings.LANGUAGES] if settings.USE_I18N else [settings.LANGUAGE_CODE]
    return {webhook_path("token", language) for language in languages}
