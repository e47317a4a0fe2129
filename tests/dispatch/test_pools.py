"""Which of Celery's pools run receivers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import current_app
from celery.concurrency import get_implementation, prefork, solo, thread
from celery.concurrency.base import BasePool
from celery.signals import celeryd_after_setup

from tests.support.host import Host, wait_for
from zenvia_webhooks import tasks
from zenvia_webhooks.dispatch import pools
from zenvia_webhooks.exceptions import ZenviaConfigurationError

#: Stands in for gevent's, which need not be installed.
POOL = """
from celery.concurrency.base import BasePool, apply_target

class GreenPool(BasePool):
    def on_apply(self, target, args=None, kwargs=None, callback=None, accept_callback=None, **_):
        return apply_target(target, args, kwargs, callback, accept_callback)
"""


class Green(BasePool):
    pass


class Better(solo.TaskPool):
    pass


@pytest.fixture(autouse=True)
def _forget_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_pool", None)


def start(pool_cls: type) -> None:
    celeryd_after_setup.send(sender="worker@here", instance=SimpleNamespace(pool_cls=pool_cls), conf=current_app.conf)


@pytest.mark.django_db
@pytest.mark.parametrize("pool_cls", [prefork.TaskPool, solo.TaskPool, thread.TaskPool, Better])
def test_pools_that_run_receivers(pool_cls: type) -> None:
    start(Green)
    start(pool_cls)
    assert current_app.tasks[tasks.dispatch_events.name]() == 0


@pytest.mark.django_db
def test_other_pool_is_refused_with_what_to_do() -> None:
    start(Green)
    with pytest.raises(ZenviaConfigurationError, match=r"tests\.dispatch\.test_pools: .* --pool prefork"):
        current_app.tasks[tasks.dispatch_events.name]()


def test_pools_are_those_that_celery_offers() -> None:
    assert set(pools.SUPPORTED) == {get_implementation(name) for name in ("prefork", "solo", "threads")}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("CELERY_CUSTOM_WORKER_POOL", "host.green:GreenPool")
    host = Host(tmp_path / "site", Path(sys.executable))
    (host.folder / "host" / "green.py").write_text(POOL)
    yield host
    host.stop()


@pytest.mark.worker
@pytest.mark.timeout(120)
def test_worker_with_another_pool_says_so(host: Host) -> None:
    host.start_worker("--pool", "custom")
    wait_for(lambda: "zenvia_webhooks does not run in Celery's pool host.green" in host.logs(), host.logs)


@pytest.mark.parametrize(("pool_cls", "is_named"), [(prefork.TaskPool, True), (solo.TaskPool, False)])
def test_prefork_is_named_where_nothing_forks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, pool_cls: type, is_named: bool
) -> None:
    monkeypatch.delattr("os.fork")
    start(pool_cls)
    assert ("--pool threads or solo" in caplog.text) is is_named
