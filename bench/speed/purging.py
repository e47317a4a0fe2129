"""Purging very many old events while webhooks come."""

from __future__ import annotations

import itertools
import os
import select
import statistics
import sys
import threading
import time

from bench.faults.processes import begin, end
from bench.speed import rows, storing
from bench.speed.scale import Scale
from bench.speed.site import Site, memory_of
from bench.speed.tables import Figures, median, print_table, say
from tests.support.paths import ROOT

TITLE = "Storing while old events are purged: gunicorn with two sync workers"
SUBJECTS = ("ours",)
DAYS_OLD, DAYS_KEPT = 200, 100
OLD = f"SELECT count(*) FROM {rows.EVENTS} WHERE received_at < now() - interval '{DAYS_KEPT} days'"
#: Of one load: short, so that many fall into the purge.
SECONDS = 2


class Purge:
    """The command, on a terminal of its own, as it shows no progress elsewhere."""

    def __init__(self, site: Site) -> None:
        self.sizes: list[float] = []
        self._terminal, terminal = os.openpty()
        command = [sys.executable, "-m", "django", "zenvia_purge_events", "--days", str(DAYS_KEPT), "--no-color"]
        self.began = time.monotonic()
        self.process = begin(command, cwd=ROOT, env=site.environment, stdout=terminal, stderr=terminal)
        os.close(terminal)
        self._shown = b""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            if select.select([self._terminal], [], [], 0.5)[0]:
                try:
                    read = os.read(self._terminal, 65536)
                except OSError:  # what Linux says at the end
                    read = b""
                if not read:
                    break
                self._shown += read
            if not self.sizes or time.monotonic() - self.began > len(self.sizes) / 2:
                self._sample()
        self.seconds = time.monotonic() - self.began

    def _sample(self) -> None:
        try:
            self.sizes.append(memory_of(self.process.pid))
        except (OSError, ValueError):
            return  # it is ending

    def is_running(self) -> bool:
        return self.process.poll() is None

    def finish(self) -> list[str]:
        """Wait for its end; return the bars of progress that it showed, and its last line."""
        self._thread.join()
        self.process.wait()
        end(self.process)
        os.close(self._terminal)
        lines = [line for line in self._shown.decode().replace("\r", "\n").split("\n") if line]
        assert self.process.returncode == 0, "\n".join(lines[-30:])
        return [line for line in lines[:-1] if line.startswith("[")] + lines[-1:]


def measure(site: Site, figures: Figures, scale: Scale) -> None:
    found = figures[site.subject.name]
    site.fill(1)
    site.manage("zenvia_dispatch_events")
    rows.copy_finished(site, scale.old, DAYS_OLD)
    site.start_web()
    storing.warm_up(site)
    undisturbed, disturbed = _loads(site, scale), []
    purge = Purge(site)
    while purge.is_running():
        figure = storing.load(site, SECONDS)
        if purge.is_running():
            disturbed.append(figure)
    shown = purge.finish()
    left = site.ask(OLD)
    assert left == 0, f"{left} old events are left: {shown[-1]}"
    assert disturbed, f"{scale.old:,} old events were purged before one load was over: take more"
    undisturbed += _loads(site, scale)
    for name, loads in (("undisturbed", undisturbed), ("disturbed", disturbed)):
        found[f"{name}: rate"] = [load["rate"] for load in loads]
        found[f"{name}: p99"] = [load["p99"] for load in loads]
    found |= {"events": [scale.old], "seconds": [purge.seconds], "MiB": purge.sizes, "bars": [len(shown) - 1]}
    for line in (shown[0], shown[len(shown) // 2], *shown[-2:]):
        say(f"  {line}")


def _loads(site: Site, scale: Scale) -> list[dict[str, float]]:
    return [storing.load(site, SECONDS) for _ in range(scale.seconds // SECONDS)]


def report(figures: Figures) -> None:
    for found in figures.values():
        rates = [statistics.median(found[f"{name}: rate"]) for name in ("undisturbed", "disturbed")]
        table = [
            ("webhooks/s stored, undisturbed", f"{rates[0]:.0f}, p99 {median(found, 'undisturbed: p99')} ms"),
            ("webhooks/s stored meanwhile", f"{rates[1]:.0f}, p99 {median(found, 'disturbed: p99')} ms"),
            ("of undisturbed", f"{rates[1] / rates[0]:.2f}"),
            ("events purged", f"{found['events'][0]:,}, {found['events'][0] / found['seconds'][0]:.0f} a second"),
            ("MiB of the command: by tenths of its time", ", ".join(f"{size:.1f}" for size in _tenths(found["MiB"]))),
            ("times that it showed its progress", f"{found['bars'][0]:.0f}"),
        ]
        print_table(("", "ours"), table)


def _tenths(values: list[float]) -> list[float]:
    """Return the largest of each tenth."""
    ends = [len(values) * tenth // 10 for tenth in range(11)]
    return [max(values[first:end]) for first, end in itertools.pairwise(ends) if first < end]
