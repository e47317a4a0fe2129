from __future__ import annotations

from typing import Any

import pytest

from zenvia_webhooks.conf import KEYS, Account, conf
from zenvia_webhooks.exceptions import ZenviaConfigurationError
from zenvia_webhooks.origins import is_loopback

KEY = "a-very-secret-key"


def account(settings: Any, **raw: Any) -> Account:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": raw}}
    return conf.account("default")


@pytest.mark.parametrize(
    ("key", "default"),
    [
        ("ACCOUNTS", {}),
        ("CALLBACK_BASE_URL", None),
        ("MAX_BODY_BYTES", 262144),
        ("MAX_BYTES_PER_DAY", 2**30),
        ("STORED_HEADERS", ("content-type", "user-agent")),
        ("RETRY_DELAYS", (10, 30, 120, 600, 1800, 7200, 21600, 86400)),
        ("LEASE_SECONDS", 300),
        ("BATCH_SIZE", 100),
        ("ATOMIC_RECEIVERS", True),
        ("RETENTION_DAYS", 90),
        ("QUIET_HOURS", None),
        ("ALERTS", True),
        ("RESOLVED_STATUSES", ("resolved", "finished", "completed", "closed")),
        ("PHONE_REGIONS", ("BR", "AR", "MX")),
        ("DIGEST_KEY", "a key for the tests"),
    ],
)
def test_default(settings: Any, key: str, default: object) -> None:
    settings.ZENVIA_WEBHOOKS = {}
    assert getattr(conf, KEYS[key]) == default
    del settings.ZENVIA_WEBHOOKS
    assert getattr(conf, KEYS[key]) == default


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("CALLBACK_BASE_URL", "https://crm.example.com/", "https://crm.example.com"),
        ("CALLBACK_BASE_URL", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("CALLBACK_BASE_URL", "http://[::1]:8000", "http://[::1]:8000"),
        ("CALLBACK_BASE_URL", None, None),
        ("STORED_HEADERS", ["X-Request-Id", "User-Agent"], ("user-agent", "x-request-id")),
        ("STORED_HEADERS", [], ()),
        ("RETRY_DELAYS", [], ()),
        ("RETRY_DELAYS", [0.5, 60], (0.5, 60)),
        ("LEASE_SECONDS", 0.5, 0.5),
        ("ATOMIC_RECEIVERS", False, False),
        ("RETENTION_DAYS", None, None),
        ("RETENTION_DAYS", 0.5, 0.5),
        ("QUIET_HOURS", 24, 24),
        ("RESOLVED_STATUSES", [" Resolved", "lost"], ("resolved", "lost")),
        ("PHONE_REGIONS", ["MX", "BR"], ("MX", "BR")),
        ("PHONE_REGIONS", [], ()),
        ("DIGEST_KEY", "another", "another"),
    ],
)
def test_value_is_read_live(settings: Any, key: str, value: object, read: object) -> None:
    settings.ZENVIA_WEBHOOKS = {key: value}
    assert getattr(conf, KEYS[key]) == read


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PHONE_REGIONS", "BR"),
        ("PHONE_REGIONS", {"BR", "AR"}),
        ("PHONE_REGIONS", ["br"]),
        ("PHONE_REGIONS", ["Brazil"]),
        ("PHONE_REGIONS", [["BR"]]),
        ("ACCOUNTS", None),
        ("ACCOUNTS", []),
        ("ACCOUNTS", {1: {}}),
        ("ACCOUNTS", {"": {}}),
        ("ACCOUNTS", {"a" * 101: {}}),
        ("ACCOUNTS", {"default": KEY}),
        ("CALLBACK_BASE_URL", ""),
        ("CALLBACK_BASE_URL", "crm.example.com"),
        ("CALLBACK_BASE_URL", "http://crm.example.com"),
        ("CALLBACK_BASE_URL", "https://crm.example.com/path"),
        ("CALLBACK_BASE_URL", "https://user:pass@crm.example.com"),
        ("CALLBACK_BASE_URL", "https://crm.example.com:port"),
        ("CALLBACK_BASE_URL", "https://crm.example.com?a=b"),
        ("CALLBACK_BASE_URL", "https://crm.exämple.com"),
        ("CALLBACK_BASE_URL", "https://crm.example.com\n"),
        ("CALLBACK_BASE_URL", "https://["),
        ("CALLBACK_BASE_URL", 5),
        ("MAX_BODY_BYTES", 0),
        ("MAX_BYTES_PER_DAY", 0),
        ("MAX_BYTES_PER_DAY", True),
        ("MAX_BYTES_PER_DAY", 1.5),
        ("MAX_BODY_BYTES", "1024"),
        ("MAX_BODY_BYTES", True),
        ("MAX_BODY_BYTES", 1.5),
        ("STORED_HEADERS", "user-agent"),
        ("STORED_HEADERS", [1]),
        ("RETRY_DELAYS", 10),
        ("RETRY_DELAYS", [10, -1]),
        ("RETRY_DELAYS", [float("nan")]),
        ("LEASE_SECONDS", 0),
        ("LEASE_SECONDS", float("inf")),
        ("BATCH_SIZE", -1),
        ("ATOMIC_RECEIVERS", 1),
        ("RETENTION_DAYS", 0),
        ("RETENTION_DAYS", "90"),
        ("QUIET_HOURS", -1),
        ("ALERTS", "yes"),
        ("RESOLVED_STATUSES", "resolved"),
        ("RESOLVED_STATUSES", [1]),
        ("DIGEST_KEY", ""),
        ("DIGEST_KEY", b"bytes"),
    ],
)
def test_wrong_value_is_refused_by_name(settings: Any, key: str, value: object) -> None:
    settings.ZENVIA_WEBHOOKS = {key: value}
    with pytest.raises(ZenviaConfigurationError, match=key) as caught:
        getattr(conf, KEYS[key])
    assert KEY not in str(caught.value)


def test_settings_that_are_no_dict_are_refused(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = ["ACCOUNTS"]
    with pytest.raises(ZenviaConfigurationError, match="must be a dict"):
        _ = conf.batch_size


def test_unknown_key_names_the_likeliest(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {
        "ACCOUNT": {},
        "xyz": 1,
        "BATCH_SIZE": 10,
        "ACCOUNTS": {"main": {"API_KEY": KEY, "api_key": KEY}},
    }
    assert conf.unknown_keys() == [
        "ZENVIA_WEBHOOKS has no key 'ACCOUNT'. Did you mean 'ACCOUNTS'?",
        "ZENVIA_WEBHOOKS has no key 'xyz'.",
        "ZENVIA_WEBHOOKS['ACCOUNTS']['main'] has no key 'api_key'. Did you mean 'API_KEY'?",
    ]


def test_account_speaks_help_center_unless_told_otherwise(settings: Any) -> None:
    assert account(settings, API_KEY=KEY) == Account(
        alias="default",
        api_key=KEY,
        contract="help_center",
        api_url="https://api.zenvia.com/v1",
        wire_topics={},
        timeout=10,
    )


def test_account_takes_what_it_is_given(settings: Any) -> None:
    found = account(
        settings, API_URL="http://localhost:8090/v1/", WIRE_TOPICS={"quote.updated": "quote.status"}, TIMEOUT=2.5
    )
    assert found.api_url == "http://localhost:8090/v1"
    assert found.wire_topics == {"quote.updated": "quote.status"}
    assert conf.accounts == {"default": found}
    assert found.timeout == 2.5
    assert not found.recover
    assert account(settings, RECOVER=True).recover


def test_wire_topics_are_read_whatever_else_is_wrong_with_an_account(settings: Any) -> None:
    topics = {"quote.updated": "quote.status"}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"br": {"API_URL": 5, "WIRE_TOPICS": topics}, "ar": 5}}
    assert conf.wire_topics("br") == topics
    assert conf.wire_topics("cl") == {}
    with pytest.raises(ZenviaConfigurationError, match=r"\['ar'\]"):
        conf.wire_topics("ar")


@pytest.mark.parametrize("key", [None, ""])
def test_account_may_have_no_key_yet(settings: Any, key: str | None) -> None:
    assert account(settings, API_KEY=key).api_key is None


def test_key_loses_surrounding_space_and_is_not_shown(settings: Any) -> None:
    found = account(settings, API_KEY=f" {KEY}\r\n")
    assert found.api_key == KEY
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("API_KEY", f"{KEY}\n{KEY}"),
        ("API_KEY", f"{KEY} {KEY}"),
        ("API_KEY", f"{KEY}é"),
        ("API_KEY", 5),
        ("CONTRACT", "sirena"),
        ("CONTRACT", None),
        ("API_URL", "http://api.zenvia.com/v1"),
        ("WIRE_TOPICS", ["quote.status"]),
        ("WIRE_TOPICS", {"quote.updated": ""}),
        ("TIMEOUT", 0),
        ("TIMEOUT", "10"),
        ("RECOVER", "yes"),
        ("RECOVER", None),
    ],
)
def test_wrong_value_of_an_account_is_refused_by_name_and_not_shown(settings: Any, key: str, value: object) -> None:
    with pytest.raises(ZenviaConfigurationError, match=rf"\['default'\]\['{key}'\]") as caught:
        account(settings, **{key: value})
    assert KEY not in str(caught.value)


def test_unknown_account_is_refused_with_the_known_ones(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"br": {}, "ar": {}}}
    with pytest.raises(ZenviaConfigurationError, match=r"no account 'cl' \(it has: 'br', 'ar'\)"):
        conf.account("cl")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("crm.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_loopback(host: str | None, expected: bool) -> None:
    assert is_loopback(host) is expected
