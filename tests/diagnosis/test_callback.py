"""What answers at the public URL, and how it is told from this site."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.support.host import free_port
from tests.support.wire import Asked, Wire, raw, says
from tests.webhook.test_views_hosts import database_gone
from zenvia_webhooks.diagnosis import Area, Finding, diagnose
from zenvia_webhooks.webhook import probe

pytestmark = pytest.mark.django_db(transaction=True)


def look(settings: Any, base: str) -> Finding:
    settings.ZENVIA_WEBHOOKS = {"CALLBACK_BASE_URL": base}
    [finding] = diagnose([Area.CALLBACK])
    assert not re.search("[0-9a-f]{64}", finding.text)
    return finding


def test_site_knows_itself(settings: Any, live_server: LiveServer) -> None:
    assert look(settings, live_server.url).id == "callback-ok"


def test_redirect_to_https_is_named(settings: Any) -> None:
    def site_behind_a_proxy(asked: Asked) -> list[bytes]:
        # A client of its own, as the middleware reads its settings when it starts.
        answer = Client().generic("POST", asked.path, headers={"Host": "crm.example.com"})
        return [raw(answer.status_code, location=answer["Location"])]

    settings.SECURE_SSL_REDIRECT = True
    with Wire() as wire:
        wire.script("POST", site_behind_a_proxy)
        finding = look(settings, f"http://{wire.host}")
    assert finding.id == "callback-redirects"
    assert "redirects to https://crm.example.com, and" in finding.text
    assert "SECURE_PROXY_SSL_HEADER" in finding.fix


def test_address_where_nothing_listens(settings: Any) -> None:
    finding = look(settings, f"http://127.0.0.1:{free_port()}")
    assert (finding.id, "ConnectionRefusedError" in finding.text) == ("no-callback", True)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": "unknown token"}, "callback-with-another-key"),
        (200, {"proof": "0" * 64}, "callback-is-another"),
        (200, {"proof": "ã"}, "callback-is-another"),
        (200, {"proof": None}, "callback-is-another"),
        (503, {"error": "try again later"}, "callback-unavailable"),
        (503, "<html>nginx</html>", "callback-is-another"),
        (404, "<html>not found</html>", "callback-is-another"),
        (404, b"\xff\xfe", "callback-is-another"),
        (404, "[" * 10**5, "callback-is-another"),
        (403, ["no"], "callback-is-another"),
        (400, "<h1>Bad Request (400)</h1>", "callback-is-another"),
    ],
)
def test_what_does_not_prove_itself_is_not_us(settings: Any, status: int, body: Any, kind: str) -> None:
    with Wire() as wire:
        wire.script("POST", says(status, body))
        assert look(settings, f"http://{wire.host}").id == kind
        [asked] = wire.asked
    assert json.loads(asked.body) == {}


def test_old_answer_proves_nothing(settings: Any, live_server: LiveServer, client: Client) -> None:
    question = probe.new_question()
    overheard = client.generic("POST", f"/zenvia/webhook/{question}/").content
    assert json.loads(overheard)["proof"] == probe.proof(question)
    with Wire() as wire:
        wire.script("POST", says(200, overheard))
        assert look(settings, f"http://{wire.host}").id == "callback-is-another"


@pytest.mark.parametrize(
    "location", ["https://user:secret@www.example.com/zenvia/webhook/" + "a" * 64, "/", "http://["]
)
def test_redirect_shows_no_path(settings: Any, location: str) -> None:
    with Wire() as wire:
        wire.script("POST", says(302, location=location))
        finding = look(settings, f"http://{wire.host}")
    assert finding.id == "callback-redirects"
    assert "secret" not in finding.text
    assert "aaa" not in finding.text


def test_web_server_without_database_is_named(
    settings: Any, live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database_gone(monkeypatch):
        assert look(settings, live_server.url).id == "callback-unavailable"


@pytest.mark.parametrize("base", [None, "crm.example.com"])
def test_without_an_address_nothing_is_asked(settings: Any, base: str | None) -> None:
    settings.ZENVIA_WEBHOOKS = {"CALLBACK_BASE_URL": base}
    found = [finding.id for finding in diagnose([Area.CALLBACK])]
    assert found == (["zenvia_webhooks.W003"] if base is None else []) + ["callback-skipped"]


def test_site_without_our_urls_asks_nothing(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.checks.test_checks"
    settings.ZENVIA_WEBHOOKS = {"CALLBACK_BASE_URL": "http://127.0.0.1:1"}
    assert [finding.id for finding in diagnose([Area.CALLBACK])] == ["zenvia_webhooks.W004"]
