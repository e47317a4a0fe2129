from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from hypothesis import settings as generated
from pytest_django.live_server_helper import LiveServer

# As a host's __init__.py does.
from tests.celery import app as celery_app
from tests.support import receivers, servers
from tests.support.account import make_account, make_settings
from tests.support.callbacks import Webhook
from tests.support.factories import make_subscription
from tests.support.wire import Wire
from zenvia_webhooks import signals
from zenvia_webhooks.dispatch import dispatcher, held
from zenvia_webhooks.dispatch.batching import Pace
from zenvia_webhooks.management.commands import zenvia_register_subscription
from zenvia_webhooks.models import Subscription

__all__ = ["celery_app"]


# What is generated is the same in every run; --hypothesis-profile long looks further.
generated.register_profile("suite", max_examples=100, deadline=None, database=None, derandomize=True)
generated.register_profile("long", max_examples=5000, deadline=None, database=None)
generated.load_profile("suite")


def pytest_configure() -> None:
    """Let the processes that tests start hear of Ctrl-C: a shell's background jobs, and their children, ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about another database, and what is long; begin with what starts processes and waits for them.

    Begun last, those would be waited for alone.
    """
    engine = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    left_out = {"sqlite3": ("postgresql", "server"), "postgresql": ()}.get(engine, ("postgresql",))
    others = [item for item in items if any(map(item.get_closest_marker, left_out))]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)
    if not os.environ.get("ZENVIA_REQUIRE_ALL"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip("CI runs it, as it is slow; so does ZENVIA_REQUIRE_ALL=1"))
    items.sort(key=lambda item: not any(map(item.get_closest_marker, ("worker", "browser"))))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Where nothing may be left out, a skipped test is a failed one."""
    if report.skipped and os.environ.get("ZENVIA_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"


@pytest.fixture(autouse=True)
def _disconnect_receivers() -> Iterator[None]:
    """Leave no receiver connected from one test to the next."""
    before = [dict(one._named) for one in signals.EVENT_SIGNALS]
    yield
    for one, named in zip(signals.EVENT_SIGNALS, before, strict=True):
        for name, known in list(one._named.items()):
            if name not in named:
                one.disconnect(known.function, sender=known.sender)
                one.disconnect(sender=known.sender, dispatch_uid=name)
                assert name not in one._named


@pytest.fixture(autouse=True)
def _forget_calls() -> None:
    receivers.calls.clear()
    receivers.failures_left = 0


@pytest.fixture(autouse=True)
def _without_probe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the address of the tests, where nobody answers, be registered without a look; `probed` marks who looks."""
    if request.node.get_closest_marker("probed") is None:
        monkeypatch.setattr(zenvia_register_subscription.Command, "look", lambda _self: None)


@pytest.fixture(autouse=True)
def _own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each test begin as a new worker does, and one that is not about patience wait for a slow machine."""
    monkeypatch.setattr(dispatcher, "pace", Pace())
    for module in (dispatcher, held):
        monkeypatch.setattr(module, "PATIENCE", 100)


@pytest.fixture
def account(settings: Any) -> dict[str, Any]:
    """Return the settings of the default account, to be changed at will."""
    account = make_account()
    settings.ZENVIA_WEBHOOKS = make_settings(default=account)
    return account


@pytest.fixture
def wire(account: dict[str, Any]) -> Iterator[Wire]:
    """A scriptable Zenvia that the default account talks to."""
    with Wire() as server:
        account["API_URL"] = server.api_url
        yield server


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def unreachable() -> Iterator[str]:
    """A callback URL that nobody listens at."""
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/zenvia/webhook/5ec2e7/"


@pytest.fixture
def subscription(db: Any) -> Subscription:
    return make_subscription()


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: LiveServer) -> LiveServer:
    """The server of pytest-django, started when the database is a file already.

    While it is still called ":memory:", the server's threads would share the tests' own connection, and close it.
    """
    return live_server


@pytest.fixture(params=["amqp", "redis"])
def silent_broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a broker that takes connections and never says a word."""
    if request.param == "redis":
        pytest.importorskip("redis")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"{request.param}://127.0.0.1:{listening.getsockname()[1]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what this run has left out."""
    left_out = [name for name in (*servers.DATABASES, *servers.BROKERS) if not servers.url_of(name)]
    vendor = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    terminalreporter.write_line("")
    terminalreporter.write_line(f"The suite ran on {vendor}; DATABASE_URL moves it to another database.")
    if left_out:
        variables = ", ".join(servers.VARIABLES[name] for name in left_out)
        terminalreporter.write_line(f"Left out: real workers with {', '.join(left_out)} (set {variables}).")
