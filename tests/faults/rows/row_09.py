"""A slow receiver and many events: nothing is held past its lease, and idle processes share the work."""

from __future__ import annotations

from tests.faults.case import Case, Line
from tests.faults.holds import watched
from tests.faults.site import Site

SECONDS, PROCESSES = 4, 4
LEASE, SWEEP = 30, 2


def run(case: Case) -> None:
    with case.part("slow receiver") as line, case.site(receivers="slow", lease=LEASE, sweep=SWEEP) as site:
        work(line, site, case.amount(400, 24))


def work(line: Line, site: Site, events: int) -> None:
    site.start_web()
    site.start_worker(concurrency=PROCESSES)
    site.start_beat()
    with watched(site) as holds:
        sent = site.answered(site.send(range(events)))
        took = site.drain(events * SECONDS / PROCESSES * 2 + 60)
    found = site.check(sent["acknowledged"])
    line.count(sent, found)
    at_best = events * SECONDS / PROCESSES
    shares = sorted(found["processes"].values())
    line.expect(SECONDS - 1 <= holds.longest <= LEASE, f"an event was held for {holds.longest:.1f} s")
    line.expect(len(shares) == PROCESSES, f"{len(shares)} processes had work")
    line.expect(shares[0] >= 0.7 * events / PROCESSES, f"the processes' shares: {shares}")
    line.expect(took <= 1.2 * at_best + 10, f"took {took:.0f} s, {at_best:.0f} s being the least")
    line.notes.append(
        f"took {took:.0f} s, {at_best:.0f} s being the least; longest hold {holds.longest:.1f} s with a lease of "
        f"{LEASE} s; the processes' shares {shares}"
    )
