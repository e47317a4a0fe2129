"""The doctor in a host project with a web server, a worker and beat, and without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.host import Host, environment, running, wait_for
from zenvia_webhooks.sandbox import Sandbox

pytestmark = [pytest.mark.worker, pytest.mark.timeout(200)]


def doctor(host: Host) -> tuple[int, list[str]]:
    """Return exit code and the lines that are not ok, without the fixes."""
    done = subprocess.run(
        [host.python, "manage.py", "zenvia_doctor", "--no-color"],
        cwd=host.folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stderr == ""
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("ok ", " "))]
    return done.returncode, [" ".join(line.split()) for line in lines]


def let_heartbeats_grow_old(host: Host) -> None:
    host.shell(
        "from datetime import timedelta; from django.db.models import F; "
        "TaskRun.objects.update(started_at=F('started_at') - timedelta(hours=1))"
    )


def test_healthy_site_is_all_green_and_each_process_is_missed(tmp_path: Path) -> None:
    site = Host(tmp_path / "site", Path(sys.executable))
    with Sandbox(api_key="key-of-the-host") as sandbox, running(site, beat_apart=True) as host:
        with (host.folder / "host/settings.py").open("a") as file:
            file.write(f'ZENVIA_WEBHOOKS["ACCOUNTS"]["default"]["API_URL"] = "{sandbox.api_url}"\n')
        host.manage("zenvia_register_subscription", "--topic", "lead.created")
        wait_for(
            lambda: host.shell("print(TaskRun.objects.filter(task__in=['worker', 'beat']).count())") == "2", host.logs
        )
        assert doctor(host) == (0, ["Nothing is wrong."])

        host.stop("beat", "worker")
        let_heartbeats_grow_old(host)
        code, [line, *rest] = doctor(host)
        assert line.startswith("broken worker No worker takes messages; the last sign is 1 hour")
        assert (code, rest[-1], {each.split()[0] for each in rest[:-1]}) == (1, "Problems: 1.", {"skipped"})

        host.start_worker(beat=False)
        code, [line, *rest] = doctor(host)
        assert line.startswith("broken beat No sweep of beat's comes in; the last sign is 1 hour old.")
        assert (code, rest) == (1, ["skipped events Not looked at: it needs beat.", "Problems: 1."])

        host.stop("web")
        code, lines = doctor(host)
        assert [line.split()[1] for line in lines if line.startswith("broken")] == ["beat", "callback"]
