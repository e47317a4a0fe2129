"""The built package, in an empty project with settings of its own, as real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.host import Host, build, environment, post, running, wait_for
from tests.support.paths import PAYLOADS, ROOT

pytestmark = [pytest.mark.once, pytest.mark.long, pytest.mark.worker, pytest.mark.timeout(300)]

EXAMPLE = (PAYLOADS / "lead_created.json").read_bytes()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def host(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    folder = tmp_path_factory.mktemp("host")
    venv.create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    install = [*pip, "install", "--quiet", "--no-compile", str(packages[0])]
    subprocess.run(install, env=environment(), check=True, timeout=300)
    with running(Host(folder / "site", python)) as host:
        yield host


@pytest.fixture(scope="module")
def token(host: Host) -> str:
    return host.shell("s = Subscription.objects.create(topics=['lead.created'], status='active'); print(s.token)")


def test_wheel_holds_the_package_alone_and_all_of_it(packages: tuple[Path, Path]) -> None:
    names = zipfile.ZipFile(packages[0]).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"zenvia_webhooks", "django_zenvia_webhooks"}
    tree = ROOT / "zenvia_webhooks"
    files = {path.relative_to(tree.parent).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert {name for name in files if "__pycache__" not in name} <= set(names)
    # Compiled: whoever installs it has no gettext.
    assert {f"zenvia_webhooks/locale/{language}/LC_MESSAGES/django.mo" for language in ("es", "pt_BR")} <= set(names)


def test_sdist_holds_tests_and_example_project_too(packages: tuple[Path, Path]) -> None:
    with tarfile.open(packages[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "dev.py",
        "README.md",
        "CHANGELOG.md",
        "tests/project/test_wheel.py",
        "bench/faults/__main__.py",
        "bench/faults/defects/no_fence.patch",
        "bench/requirements.txt",
        "bench/speed/post.lua",
        "example_project/crm/receivers.py",
    } <= names
    assert not [name for name in names if name.startswith((".venv", ".demo")) or name.endswith(".sqlite3")]


def test_nothing_is_missing_in_a_host_that_follows_the_readme(host: Host) -> None:
    host.manage("check", "--fail-level", "WARNING")
    host.manage("makemigrations", "--check", "--dry-run")


def test_the_published_example_reaches_the_hosts_receiver(host: Host, token: str) -> None:
    status, _, answer = post(host, token, EXAMPLE).partition(" ")
    assert (status, json.loads(answer)["status"]) == ("200", "accepted")
    wait_for(lambda: host.shell("print(Customer.objects.filter(name='João Silva').count())") == "1", host.logs)
    stored = host.shell("e = Event.objects.get(topic='lead.created'); print(bytes(e.body).hex(), e.status)")
    assert stored == f"{EXAMPLE.hex()} dispatched"


def test_a_failing_receiver_is_tried_on_its_own_schedule(host: Host, token: str) -> None:
    post(host, token, b'{"topic": "quote.updated", "data": {"quoteId": "1", "status": "accepted"}}')
    wait_for(lambda: host.shell("print(Event.objects.get(topic='quote.updated').status)") == "dispatched", host.logs)
    first, second, third = host.runs("fails_twice")
    # RETRY_DELAYS is 1 and 2 s, spread by 10 %; a sweep looks every 0.5 s; the rest is a busy machine's.
    assert 0.9 <= second - first < 1.1 + 0.5 + 5
    assert 1.8 <= third - second < 2.2 + 0.5 + 5
    assert len(host.runs("sibling")) == 1
    assert host.shell("print(list(Customer.objects.filter(name__startswith='try').values_list('name')))") == (
        "[('try 3',)]"
    )
    deliveries = host.shell(
        "print(sorted(Delivery.objects.filter(event__topic='quote.updated').values_list('receiver', 'attempts')))"
    )
    assert deliveries == "[('shop.receivers.fails_twice', 3), ('shop.receivers.sibling', 1)]"
    assert "RuntimeError: not yet" in (host.folder / "worker.log").read_text()
