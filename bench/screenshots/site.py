"""The pictured site, started as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.host import answers, environment, free_port, wait_for
from tests.support.paths import ROOT


class Site:
    """A running site: where it is, who may look at it, and what there is."""

    def __init__(self, process: subprocess.Popen[str], url: str, log: Path) -> None:
        self._process = process
        self._log = log
        self.url = url
        known = self._read()
        self.sandbox: str = known["sandbox"]
        #: "admin", "viewer" → the key of a session.
        self.sessions: dict[str, str] = known["sessions"]
        #: Name → id of an event or a subscription that a page is about, or what is searched for.
        self.shown: dict[str, int | str] = known["shown"]

    def enter(self, state: str) -> None:
        """Bring the site into one of `server.STATES`, and wait for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{state}\n")
        self._process.stdin.flush()
        self.shown |= self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the site has ended:\n{self._log.read_text()[-4000:]}")
        return json.loads(line)


@contextmanager
def running(folder: Path, language: str, *, events: int = 260) -> Iterator[Site]:
    """Run a filled site in this language, with its database and its log in `folder`.

    A week has so many events, less those that fall into a night, and an hour of an outage.
    """
    address, log = f"127.0.0.1:{free_port()}", folder / "server.log"
    known = {
        "DJANGO_SETTINGS_MODULE": "bench.screenshots.settings",
        "PYTHONPATH": ":".join(map(str, (ROOT, ROOT / "example_project", Path(__file__).parent / "project"))),
        "SITE_EVENTS": str(events),
        "SITE_FOLDER": str(folder),
        "SITE_URL": f"http://{address}",
        "SITE_LANGUAGE": language,
        "SITE_ZENVIA": f"http://127.0.0.1:{free_port()}/v1",
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.screenshots.server", address],
            cwd=ROOT,
            env={**environment(), **known},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
        )
    try:
        site = Site(process, f"http://{address}", log)
        wait_for(lambda: answers(f"{site.url}/admin/"), log.read_text)
        yield site
    finally:
        process.kill()
        process.communicate()
