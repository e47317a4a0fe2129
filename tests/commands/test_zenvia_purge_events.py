from __future__ import annotations

import io
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from tests.support.webhooks import arrived
from zenvia_webhooks import retention
from zenvia_webhooks.models import Event

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def purge(*arguments: str, stderr: io.StringIO | None = None) -> str:
    out = io.StringIO()
    call_command("zenvia_purge_events", *arguments, stdout=out, stderr=stderr or io.StringIO())
    return out.getvalue()


@pytest.fixture(autouse=True)
def _stored() -> None:
    """Two events, finished 100 and 10 days ago."""
    for days in (100, 10):
        event = arrived()
        Event.objects.filter(pk=event.pk).update(
            status="dispatched", next_attempt_at=None, received_at=now() - timedelta(days=days)
        )


def test_it_purges_by_the_setting() -> None:
    assert purge() == "Purged 1 event that was received more than 90 days ago.\n"
    assert Event.objects.count() == 1


def test_days_take_the_settings_place() -> None:
    assert purge("--days", "9.5") == "Purged 2 events that were received more than 9.5 days ago.\n"


def test_dry_run_changes_nothing() -> None:
    assert purge("--days", "5", "--dry-run") == "2 finished events were received more than 5 days ago.\n"
    assert Event.objects.count() == 2


def test_nothing_is_purged_where_all_is_kept(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"RETENTION_DAYS": None}
    with pytest.raises(CommandError, match="give --days"):
        purge()
    assert purge("--days", "50").startswith("Purged 1 ")


@pytest.mark.parametrize("days", ["0", "-3", "nan", "1e9"])
def test_days_must_be_some(days: str) -> None:
    with pytest.raises(CommandError, match="greater than 0"):
        purge("--days", days)
    assert Event.objects.count() == 2


def test_progress_is_shown_on_a_terminal_alone() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    purge("--days", "50", stderr=pipe)
    assert pipe.getvalue() == ""
    purge("--days", "5", stderr=terminal)
    assert "] 1/1" in terminal.getvalue()


def test_between_two_transactions_it_leaves_the_database_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    rests: list[float] = []
    monkeypatch.setattr("time.sleep", rests.append)
    began = time.monotonic()
    purge("--days", "5")
    assert not Event.objects.exists()
    # The third finds nothing.
    assert len(rests) == 2
    assert 0 < sum(rests) < time.monotonic() - began
