"""A process that is killed at the worst moment: the next two comparisons, a minute apart, make its work whole."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.support import killed
from tests.support.killed import Forks
from tests.support.rows import to_do
from zenvia_webhooks import subscriptions
from zenvia_webhooks.models import Subscription
from zenvia_webhooks.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


class Zenvia:
    """The sandbox, which may kill who calls it after it did what it was asked and before it answers."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(api_key="key", report=self.look)
        self.on_call: Callable[[str], None] = lambda _method: None
        self.fewest: int | None = None

    def look(self, line: str) -> None:
        if self.fewest is not None:
            self.fewest = min(self.fewest, len(self.sandbox.subscriptions))
        self.on_call(line.split()[0])


@pytest.fixture
def zenvia() -> Iterator[Zenvia]:
    made = Zenvia()
    with made.sandbox:
        yield made


def use(settings: Any, zenvia: Zenvia, contract: str) -> None:
    account = {"API_KEY": "key", "API_URL": zenvia.sandbox.api_url, "CONTRACT": contract}
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": account}, "CALLBACK_BASE_URL": "https://crm.example.com"}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with killed.forks() as started:
        yield started


def run_and_kill(settings: Any, zenvia: Zenvia, forks: Forks, point: str, *command: str) -> None:
    """Run a command in a process of its own that gets no further than this point."""
    process: Future[int] = Future()
    is_over = threading.Event()

    def kill(method: str) -> None:
        if point == f"during {method}":
            os.kill(process.result(timeout=60), signal.SIGKILL)
            assert is_over.wait(timeout=60)

    zenvia.on_call = kill
    try:
        process.set_result(
            forks.begin(str(connection.settings_dict["NAME"]), settings.ZENVIA_WEBHOOKS, point, *command)
        )
        assert forks.wait() == -signal.SIGKILL
    finally:
        is_over.set()
        zenvia.on_call = lambda _method: None


def apply() -> str:
    """Apply the plan; return its last word."""
    out = io.StringIO()
    try:
        call_command("zenvia_sync_subscriptions", "--apply", stdout=out, stderr=out)
    except CommandError as error:
        return str(error)
    return out.getvalue().splitlines()[-1]


def let_a_minute_pass() -> None:
    """Move the clock: everything that is noted was a minute earlier."""
    for row in Subscription.objects.all():
        for name in ("absent_since", "updated_at", "previous_token_expires_at"):
            moment = getattr(row, name)
            if moment is not None:
                Subscription.objects.filter(pk=row.pk).update(**{name: moment - timedelta(seconds=61)})


def is_whole(zenvia: Zenvia, topics: set[str]) -> Subscription:
    """Return the one row; it must be all that there is, here and at Zenvia."""
    [row], [registered] = Subscription.objects.all(), zenvia.sandbox.subscriptions
    assert (row.status, row.remote_id, row.last_error) == ("active", registered.id, "")
    assert row.registered_url == row.callback_url == registered.callback_url
    assert (row.previous_url, row.previous_topics) == ("", None)
    assert set(row.topics) == topics
    assert to_do() == []
    return row


CONTRACTS = ["help_center", "conversion"]
POST_POINTS = ["before POST", "during POST", "after POST"]
#: Of a change: then it looks at the list, and removes the previous one, which `conversion` has done by itself.
CHANGE_POINTS = [
    *((contract, point) for contract in CONTRACTS for point in [*POST_POINTS, "after GET"]),
    *(("help_center", point) for point in ["before DELETE", "during DELETE", "after DELETE"]),
]


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("point", POST_POINTS)
def test_a_killed_registration_is_made_whole(
    settings: Any, zenvia: Zenvia, forks: Forks, contract: str, point: str
) -> None:
    use(settings, zenvia, contract)
    run_and_kill(
        settings, zenvia, forks, point, "zenvia_register_subscription", "--topic", "lead.created", "--no-probe"
    )
    assert Subscription.objects.get().status == "pending"

    apply()
    let_a_minute_pass()
    apply()

    is_whole(zenvia, {"lead.created"})


@pytest.mark.parametrize(("contract", "point"), CHANGE_POINTS)
@pytest.mark.parametrize("change", ["rotation", "topics"])
def test_a_killed_change_is_made_whole_and_never_without_a_registration(
    settings: Any, zenvia: Zenvia, forks: Forks, contract: str, point: str, change: str
) -> None:
    use(settings, zenvia, contract)
    row = subscriptions.add("default", ["lead.created"])
    subscriptions.register(row)
    old_token, zenvia.fewest = row.token, 1
    options = ["--rotate"] if change == "rotation" else ["--topic", "quote.updated"]
    run_and_kill(settings, zenvia, forks, point, "zenvia_change_subscription", str(row.pk), *options)
    row.refresh_from_db()
    assert row.accepts(old_token)

    apply()
    let_a_minute_pass()
    apply()

    now_it_is = is_whole(zenvia, {"lead.created"} if change == "rotation" else {"quote.updated"})
    assert (now_it_is.token != old_token) == (change == "rotation")
    assert now_it_is.accepts(old_token)
    assert zenvia.fewest == 1


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("point", ["before DELETE", "during DELETE", "after DELETE"])
def test_a_killed_removal_is_made_whole(settings: Any, zenvia: Zenvia, forks: Forks, contract: str, point: str) -> None:
    use(settings, zenvia, contract)
    row = subscriptions.add("default", ["lead.created"])
    subscriptions.register(row)
    run_and_kill(settings, zenvia, forks, point, "zenvia_change_subscription", str(row.pk), "--deactivate")
    row.refresh_from_db()
    assert (row.status, row.accepts(row.token)) == ("active", True)

    apply()

    row.refresh_from_db()
    assert (row.status, row.wish, zenvia.sandbox.subscriptions) == ("inactive", "registered", [])
    assert to_do() == []
