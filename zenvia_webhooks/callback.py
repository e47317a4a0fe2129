"""Where this site's webhook is: the one way to find its URL, the same in every process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.urls import (
    NoReverseMatch,
    URLPattern,
    URLResolver,
    get_resolver,
    get_script_prefix,
    reverse,
    set_script_prefix,
)
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from zenvia_webhooks.conf import conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError

APP_NAME, NAME = "zenvia_webhooks", "webhook"
#: The view, as a URLconf knows it, also in a host's own list of patterns.
VIEW = "zenvia_webhooks.webhook.views.webhook"


def callback_url(token: str) -> str:
    """Return the URL that Zenvia is to call for a token.

    Raises ZenviaConfigurationError without `CALLBACK_BASE_URL`, or where `webhook_path` does.
    """
    base = conf.callback_base_url
    if base is None:
        raise ZenviaConfigurationError(
            _(
                "Set ZENVIA_WEBHOOKS['CALLBACK_BASE_URL'] to the public origin that Zenvia reaches, "
                "such as 'https://crm.example.com'."
            )
        )
    return base + webhook_path(token)


def is_here(url: str) -> bool:
    """Tell whether a callback URL is of this site; False without a (good) `CALLBACK_BASE_URL`."""
    base = good_base()
    return base is not None and url.startswith(f"{base}/")


def good_base() -> str | None:
    """Return `CALLBACK_BASE_URL`; None if it is missing or wrong: lists and pages must show all the same."""
    try:
        return conf.callback_base_url
    except ZenviaConfigurationError:
        return None


def webhook_path(token: str, language: str | None = None) -> str:
    """Return the webhook's path for a token, such as "/zenvia/webhook/5ec2e7/".

    A request may have a URLconf, a language and a script prefix of its own. Workers and commands know only those of
    the settings, so everybody goes by these. Raises ZenviaConfigurationError, with the cause, where that finds nothing.
    """
    with _as_in_settings(language or settings.LANGUAGE_CODE):
        try:
            return _reverse(f"{APP_NAME}:{NAME}", token)
        except NoReverseMatch:
            found = next(_names(get_resolver(settings.ROOT_URLCONF)), None)
        if found is None:
            raise ZenviaConfigurationError(
                format_lazy(
                    _(
                        "The webhook has no URL in ROOT_URLCONF ({urlconf}): "
                        "add path('zenvia/', include('zenvia_webhooks.urls')) to it. If another URLconf serves it, "
                        "such as one of django-hosts, django-tenants or a middleware's, include it in both, at the "
                        "same path."
                    ),
                    urlconf=settings.ROOT_URLCONF,
                )
            )
        try:
            return _reverse(found, token)
        except NoReverseMatch:
            raise ZenviaConfigurationError(
                format_lazy(
                    _(
                        "The webhook's URL {name!r} needs more than a token: "
                        "include zenvia_webhooks.urls where no part of the path before it is a variable."
                    ),
                    name=found,
                )
            ) from None


def _reverse(name: str, token: str) -> str:
    return reverse(name, urlconf=settings.ROOT_URLCONF, kwargs={"token": token})


def _names(resolver: URLResolver, namespaces: tuple[str, ...] = (), *, is_ours: bool = False) -> Iterator[str]:
    """Yield the webhook's name, with every namespace around it, wherever a URLconf has it."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            inside = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from _names(entry, inside, is_ours=entry.app_name == APP_NAME)
        elif entry.name and (_is_our_view(entry) or (is_ours and entry.name == NAME)):
            yield ":".join((*namespaces, entry.name))


def _is_our_view(pattern: URLPattern) -> bool:
    return pattern.lookup_str == VIEW


@contextmanager
def _as_in_settings(language: str) -> Iterator[None]:
    prefix, known = get_script_prefix(), f"{(settings.FORCE_SCRIPT_NAME or '').rstrip('/')}/"
    # A thread in which no request was served yet has "/".
    if prefix not in ("/", known):
        raise ZenviaConfigurationError(
            format_lazy(
                _(
                    "This site runs below {prefix} (SCRIPT_NAME), which workers and commands can't know: "
                    "set FORCE_SCRIPT_NAME = {name!r}."
                ),
                prefix=prefix,
                name=prefix.rstrip("/"),
            )
        )
    set_script_prefix(known)
    try:
        with override(language):
            yield
    finally:
        set_script_prefix(prefix)
