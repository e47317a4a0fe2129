"""A receiver kills its own process: it alone fails, after a bounded number of runs."""

from __future__ import annotations

from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site

KILLER = "kills_its_process"
DELAYS = (1, 1)
LEASE, SWEEP = 6, 1
#: Seconds for the work itself, on a busy machine.
WORK = 6
#: Of the good ones, so many come before the poisoned, and the others after them. A worker's first claim has ten events,
#: so the poisoned have neighbours in it, however slow the machine is.
BEFORE, POISON, NEIGHBOURS = 4, 2, 40

FATE = "SELECT receiver, status, attempts, event_id FROM zenvia_webhooks_delivery WHERE event_id IN ({})"


def run(case: Case) -> None:
    with case.part("receiver kills its process") as line:
        options: dict[str, Any] = {
            "receivers": f"effect {KILLER} log",
            "retry_delays": DELAYS,
            "lease": LEASE,
            "sweep": SWEEP,
        }
        with case.site(**options) as site:
            poison(line, site, case.amount(500, 200))


def poison(line: Line, site: Site, later: int) -> None:
    site.start_web(threads=8)
    site.start_worker()
    site.start_beat()
    # All due at once, so that the poisoned ones have neighbours in their claim.
    site.processes.pause("worker")
    first = site.answered(site.send(range(BEFORE)))
    bad = site.answered(site.send(range(10**6, 10**6 + POISON), name="poison"))
    more = site.answered(site.send(range(BEFORE, NEIGHBOURS)))
    site.processes.resume("worker")
    last = site.answered(site.send(range(NEIGHBOURS, NEIGHBOURS + later)))
    ids = [pk for (pk,) in site.rows("SELECT id FROM zenvia_webhooks_event ORDER BY id")]
    poisoned = ids[BEFORE : BEFORE + POISON]
    others = f"SELECT count(*) FROM zenvia_webhooks_event WHERE status <> 'dispatched' AND id NOT IN {tuple(poisoned)}"
    site.wait(lambda: site.ask(others) == 0, "all others are delivered", 60)
    still_open = site.open_events()
    site.drain(80)

    parts = (first, bad, more, last)
    sent = {
        "sent": sum(part["sent"] for part in parts),
        "acknowledged": [number for part in parts for number in part["acknowledged"]],
        "latencies": [seconds for part in parts for seconds in part["latencies"]],
    }
    found = site.check(sent["acknowledged"])
    line.count(sent, found, bad=[KILLER], statuses=["dispatched", "failed"])
    runs = [len(site.begun(KILLER, pk)) for pk in poisoned]
    tries = len(DELAYS) + 1
    line.expect(all(tries <= count <= tries + 1 for count in runs), f"the killer ran {runs} times")
    line.expect(still_open == POISON, f"only {still_open} poisoned events outlasted the others: they show nothing")
    killed = {pk for receiver, pk in found["undelivered"] if receiver == KILLER}
    line.expect(killed == set(poisoned), f"not run to its end for {killed}, instead of {poisoned}")
    it_alone_failed(line, site, poisoned)
    longest = longest_wait(line, site)
    line.notes.append(
        f"{POISON} poisoned events ran {runs} times, {tries} attempts being allowed; {still_open} of them "
        f"were still open when the {NEIGHBOURS + later} others had been delivered; longest wait {longest:.1f} s"
    )


def it_alone_failed(line: Line, site: Site, poisoned: list[int]) -> None:
    """Expect that the other receivers of the poisoned events succeeded, and ran once."""
    fates = site.rows(FATE.format(", ".join(map(str, poisoned))))
    line.expect(len(fates) == 3 * POISON, f"{len(fates)} deliveries of the poisoned events")
    for path, status, attempts, event in fates:
        receiver = path.rpartition(".")[2]
        expected = "failed" if receiver == KILLER else "succeeded"
        line.expect(status == expected, f"{receiver} of poisoned event {event} is {status} after {attempts} attempts")
        line.expect(
            receiver == KILLER or len(site.begun(receiver, event)) == 1,
            f"{receiver} of poisoned event {event} ran twice",
        )


def longest_wait(line: Line, site: Site) -> float:
    """Return for how many seconds another event waited; expect that it was a lease and a sweep, not more."""
    waits = "SELECT max(extract(epoch FROM finished_at - received_at)) FROM zenvia_webhooks_event WHERE status = "
    longest = float(site.ask(waits + "'dispatched'"))
    line.expect(longest >= LEASE, f"no event waited longer than {longest:.1f} s: the poisoned had no neighbours")
    line.expect(longest <= LEASE + SWEEP + WORK, f"another event waited {longest:.1f} s")
    return longest
