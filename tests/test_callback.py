"""Where the webhook is found, whatever the host did with our URLs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.test import Client
from django.urls import include, path, set_script_prefix, set_urlconf
from django.utils.translation import override
from django.views.decorators.cache import never_cache

from tests.support import commands
from zenvia_webhooks import checks, urls
from zenvia_webhooks.callback import callback_url, webhook_path
from zenvia_webhooks.diagnosis.settings import check_callback_settings
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox
from zenvia_webhooks.webhook.views import webhook

BASE = "https://crm.example.com"
OURS = path("zenvia/", include("zenvia_webhooks.urls"))

#: Where a host put our URLs → the path that they then have.
MOUNTS: dict[str, tuple[list[Any], str]] = {
    "at the top": ([OURS], "/zenvia/webhook/t/"),
    "under a name of its own": ([path("z/", include("zenvia_webhooks.urls", namespace="hooks"))], "/z/webhook/t/"),
    "inside a namespace": ([path("crm/", include(([OURS], "crm")))], "/crm/zenvia/webhook/t/"),
    "inside two": (
        [path("v1/", include(([path("crm/", include(([OURS], "crm"), namespace="own"))], "v1")))],
        "/v1/crm/zenvia/webhook/t/",
    ),
    "inside an include without a name": ([path("crm/", include([OURS]))], "/crm/zenvia/webhook/t/"),
    "as the host's own list": ([path("hooks/", include((urls.urlpatterns, "hooks")))], "/hooks/webhook/t/"),
    "as a single view": ([path("in/<str:token>/", webhook, name="zenvia-in")], "/in/t/"),
    "wrapped": (
        [path("v1/", include(([path("in/<str:token>/", never_cache(webhook), name="zenvia-in")], "v1")))],
        "/v1/in/t/",
    ),
    "by language": (i18n_patterns(path("crm/", include(([OURS], "crm")))), "/en-us/crm/zenvia/webhook/t/"),
}


@pytest.fixture
def urlconf(settings: Any) -> Iterator[ModuleType]:
    module = ModuleType("a_hosts_urls")
    settings.ROOT_URLCONF, settings.LANGUAGE_CODE = module, "en-us"
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {"API_KEY": "key"}}, "CALLBACK_BASE_URL": BASE}
    yield module
    set_script_prefix("/")
    set_urlconf(None)


@pytest.mark.parametrize("where", MOUNTS)
def test_is_found_wherever_the_host_put_it(urlconf: ModuleType, where: str) -> None:
    urlconf.urlpatterns, expected = MOUNTS[where]  # type: ignore[attr-defined]  # a module made here
    assert webhook_path("t") == expected
    assert callback_url("t") == BASE + expected
    assert not [message for message in checks.check_callback() if message.id == "zenvia_webhooks.W004"]
    assert not [finding for finding in check_callback_settings() if finding.id == "zenvia_webhooks.W004"]


def test_admin_and_command_find_the_same_inside_a_namespace(
    urlconf: ModuleType, settings: Any, admin_client: Client
) -> None:
    inside = path("crm/", include(([OURS], "crm")))
    urlconf.urlpatterns = [path("admin/", admin.site.urls), inside]  # type: ignore[attr-defined]  # a module made here
    assert (
        f"{BASE}/crm/zenvia/webhook/" in admin_client.get("/admin/zenvia_webhooks/subscription/add/").content.decode()
    )
    with Sandbox(api_key=commands.KEY) as zenvia:
        account = {"API_KEY": commands.KEY, "API_URL": zenvia.api_url}
        settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": BASE}
        _printed, error = commands.register("--topic", "lead.created")
    assert not error
    token = Subscription.objects.get().token
    assert [row.callback_url for row in zenvia.subscriptions] == [f"{BASE}/crm/zenvia/webhook/{token}/"]


@pytest.mark.parametrize("language", ["en-us", "pt-br"])
def test_is_the_same_in_every_persons_language(urlconf: ModuleType, language: str) -> None:
    urlconf.urlpatterns = i18n_patterns(OURS)  # type: ignore[attr-defined]  # a module made here
    with override(language):
        assert webhook_path("t") == "/en-us/zenvia/webhook/t/"
    assert "zenvia_webhooks.W005" in [message.id for message in checks.check_callback()]


def test_is_the_same_in_a_request_with_a_urlconf_of_its_own(urlconf: ModuleType) -> None:
    urlconf.urlpatterns = [path("crm/", include(([OURS], "crm")))]  # type: ignore[attr-defined]  # a module made here
    set_urlconf("tests.urls")
    assert webhook_path("t") == "/crm/zenvia/webhook/t/"


def test_is_the_same_in_every_thread_below_a_prefix(settings: Any) -> None:
    settings.FORCE_SCRIPT_NAME = "/crm"
    set_script_prefix("/crm")
    found = [webhook_path("t")]
    # Django tells a prefix to the main thread and to requests only: a worker's threads have none.
    thread = threading.Thread(target=lambda: found.append(webhook_path("t")))
    thread.start()
    thread.join()
    set_script_prefix("/")
    assert found == ["/crm/zenvia/webhook/t/"] * 2


def test_prefix_that_only_the_web_server_knows_is_named() -> None:
    set_script_prefix("/crm")
    try:
        with pytest.raises(ZenviaConfigurationError, match="set FORCE_SCRIPT_NAME = '/crm'"):
            webhook_path("t")
    finally:
        set_script_prefix("/")


@pytest.mark.parametrize(
    ("patterns", "cause"),
    [
        ([], r"no URL in ROOT_URLCONF .*django-hosts"),
        ([path("<slug:site>/", include(([OURS], "crm")))], "'crm:zenvia_webhooks:webhook' needs more than a token"),
        ([path("<slug:site>/", include([OURS]))], "'zenvia_webhooks:webhook' needs more than a token"),
    ],
)
def test_cause_is_named_where_there_is_none(urlconf: ModuleType, patterns: list[Any], cause: str) -> None:
    urlconf.urlpatterns = patterns  # type: ignore[attr-defined]  # a module made here
    with pytest.raises(ZenviaConfigurationError, match=cause) as raised:
        webhook_path("t")
    [warning] = checks.check_callback()
    assert (warning.id, warning.msg) == ("zenvia_webhooks.W004", str(raised.value))
