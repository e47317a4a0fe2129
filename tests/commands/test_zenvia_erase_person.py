from __future__ import annotations

import json
import logging
import stat
from pathlib import Path

import pytest

from tests.shop.models import Customer
from tests.support import receivers
from tests.support.commands import run
from tests.support.webhooks import arrived
from zenvia_webhooks.dispatch.claims import claim_due
from zenvia_webhooks.dispatch.dispatcher import dispatch_due
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import lead_created

pytestmark = pytest.mark.django_db

ANA = {"leadId": "ana", "name": "Ana Canary", "email": "ana@canary.example", "phone": "+5511987654321"}
NUMBER = "11 98765-4321"


def statuses() -> set[str]:
    return set(Event.objects.values_list("status", flat=True))


def answer(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: said)


def test_it_shows_asks_and_erases(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    lead_created.connect(receivers.create_customer)
    event = arrived(**ANA)
    dispatch_due()
    answer(monkeypatch, "n")
    printed, error = run("zenvia_erase_person", NUMBER)
    assert error == "Nothing was erased."
    assert f"#{event.pk} New lead (lead.created) " in printed
    assert "Events: 1. Leads that they name: 1. Receivers that will no longer run: 0." in printed
    assert f"deletes them:\n  shop.customer:{Customer.objects.get().pk}\n" in printed
    assert statuses() == {"dispatched"}
    answer(monkeypatch, "y")
    with caplog.at_level(logging.INFO, "zenvia_webhooks.audit"):
        printed, error = run("zenvia_erase_person", NUMBER)
    assert (printed.endswith("Erased events: 1.\n"), error) == (True, "")
    assert statuses() == {"erased"}
    assert f"erased #{event.pk}; left to their workers: none" in caplog.text
    assert "canary" not in caplog.text.lower()
    assert "No event is about that." in run("zenvia_erase_person", NUMBER, "--no-input")[0]


def test_an_export_alone_erases_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lead_created.connect(receivers.create_customer)
    event, file = arrived(**ANA), tmp_path / "ana.json"
    dispatch_due()
    answer(monkeypatch, "n")
    printed, error = run("zenvia_erase_person", NUMBER, "--export", str(file))
    assert (error, f"All of it is in {file}." in printed, statuses()) == ("", True, {"dispatched"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [exported] = json.loads(file.read_text(encoding="utf-8"))["events"]
    assert exported["payload"]["data"] == ANA
    assert (exported["id"], exported["deliveries"][0]["status"]) == (event.pk, "succeeded")
    # Another's file is not overwritten, and nothing is erased that was not exported.
    assert "Nothing was erased: " in run("zenvia_erase_person", NUMBER, "--export", str(file), "--no-input")[1]
    assert statuses() == {"dispatched"}
    assert run("zenvia_erase_person", NUMBER, "--export", str(tmp_path / "b.json"), "--no-input")[1] == ""
    assert statuses() == {"erased"}


def test_an_ambiguous_number_is_refused() -> None:
    arrived(phone="+551123456789")
    arrived(phone="+541123456789")
    _printed, error = run("zenvia_erase_person", "11 2345-6789", "--no-input")
    assert "Name the country." in error
    assert statuses() == {"pending"}


def test_what_a_worker_has_is_named() -> None:
    event = arrived(**ANA)
    claim_due(1)
    printed, _error = run("zenvia_erase_person", NUMBER, "--no-input")
    assert f"Erased events: 0.\nIn a worker's hands, and erased once it is done with them: #{event.pk}.\n" in printed
