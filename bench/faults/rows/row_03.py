"""The broker's whole content is wiped: the sweep finds every event.

No worker runs while the webhooks come in, so that every hint is in the broker when it is wiped. How long the work
itself takes is measured first, in the same site, with as many events and their hints intact.
"""

from __future__ import annotations

import time

from bench.faults.case import Case, Line
from bench.faults.site import Site
from zenvia_webhooks import wakeup

#: Two sweeps, as the schedule that this app comes with has them.
SWEEPS = 20


def run(case: Case) -> None:
    for broker in ("Redis",) if case.short else ("Redis", "RabbitMQ", "filesystem"):
        with case.part(f"content wiped, {broker}") as line, case.site(broker=broker) as site:
            wipe(line, site, case.amount(1000, 400))


def wipe(line: Line, site: Site, events: int) -> None:
    site.start_web(threads=8)
    site.start_worker()
    site.processes.pause("worker")
    sent = [site.answered(site.send(range(events)))]
    site.processes.resume("worker")
    work = site.drain(120)
    site.processes.stop("worker")

    sent.append(site.answered(site.send(range(events, 2 * events))))
    # The last hint follows the last webhook by up to the interval between two; it is to be wiped, too.
    time.sleep(4 * wakeup.INTERVAL)
    hints = site.broker.messages()
    site.broker.wipe()
    line.expect(hints > 0, "there was nothing to wipe")
    line.expect(site.broker.messages() == 0, "the wipe left something")
    stored = site.open_events()
    line.expect(stored == events, f"{stored} of {events} wait when the broker is wiped")
    site.start_worker()
    site.start_beat()
    took = site.drain(SWEEPS + 120)
    line.notes.append(
        f"{hints} hints wiped; {events} delivered {took:.1f} s after the worker was ready; "
        f"the work itself takes {work:.1f} s"
    )
    line.expect(took <= SWEEPS + work, f"took {took:.1f} s, more than {SWEEPS} s + {work:.1f} s")
    both = {
        "sent": sum(part["sent"] for part in sent),
        "acknowledged": [number for part in sent for number in part["acknowledged"]],
        "latencies": [seconds for part in sent for seconds in part["latencies"]],
    }
    line.count(both, site.check(both["acknowledged"]))
