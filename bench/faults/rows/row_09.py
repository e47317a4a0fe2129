"""A slow receiver and many events: nothing is held past its lease, and idle processes share the work.

And one that hangs with some events only: those that were claimed with them do not wait for it.
"""

from __future__ import annotations

from typing import Any

from bench.faults.case import Case, Line
from bench.faults.holds import watched
from bench.faults.site import Site
from zenvia_webhooks.dispatch.batching import PATIENCE
from zenvia_webhooks.dispatch.lease import SOFT_PART

SECONDS, PROCESSES = 4, 4
LEASE, SWEEP = 30, 2
#: Events that hang, fewer than there are processes, and those that came with them.
POISON, NEIGHBOURS = 3, 6
#: Seconds that a neighbour may wait: each that hangs may keep it for `PATIENCE`, and the rest is for a busy machine.
AT_MOST = POISON * PATIENCE + 3

WAITED = (
    "SELECT max(extract(epoch FROM finished_at - received_at)) FROM zenvia_webhooks_event WHERE status = 'dispatched'"
)


def run(case: Case) -> None:
    with case.part("slow receiver") as line, case.site(receivers="slow", lease=LEASE, sweep=SWEEP) as site:
        work(line, site, case.amount(400, 24))
    options: dict[str, Any] = {"receivers": "hangs_on_poison", "lease": LEASE, "sweep": SWEEP, "retry_delays": []}
    with case.part("neighbours of what hangs") as line, case.site(**options) as site:
        hang(line, site)


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


def hang(line: Line, site: Site) -> None:
    site.start_web()
    site.start_worker(concurrency=PROCESSES)
    site.start_beat()
    # All due at once, so that one process claims them together, those that hang first.
    site.processes.pause("worker")
    first = site.answered(site.send(range(10**6, 10**6 + POISON), name="poison"))
    second = site.answered(site.send(range(NEIGHBOURS)))
    site.processes.resume("worker")
    site.drain(LEASE + 20)
    sent = {
        "sent": first["sent"] + second["sent"],
        "acknowledged": first["acknowledged"] + second["acknowledged"],
        "latencies": first["latencies"] + second["latencies"],
    }
    found = site.check(sent["acknowledged"])
    line.count(sent, found, bad=["hangs_on_poison"], statuses=["dispatched", "failed"])
    line.expect(found["statuses"] == {"dispatched": NEIGHBOURS, "failed": POISON}, f"statuses: {found['statuses']}")
    line.expect(found["run_twice"] == [], f"run twice: {found['run_twice']}")
    waited = float(site.ask(WAITED))
    line.expect(waited <= AT_MOST, f"a neighbour waited {waited:.1f} s")
    line.notes.append(
        f"{POISON} events hung until the soft limit of {SOFT_PART * LEASE:.0f} s, one process each; "
        f"the {NEIGHBOURS} that came with them waited {waited:.1f} s at most"
    )
