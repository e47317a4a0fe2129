"""A receiver failed and the same notification is sent again, or a worker does not know it: still retried."""

from __future__ import annotations

from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site

FAILED = "SELECT count(*) FROM zenvia_webhooks_delivery WHERE attempts > 0 AND status = 'retrying'"


def run(case: Case) -> None:
    options: dict[str, Any] = {"receivers": "fails_at_first effect", "sweep": 1, "retry_delays": [1] * 60}
    with case.part("failed, and sent again") as line, case.site(**options) as site:
        send_again(line, site, case.amount(50, 20))
    with (
        case.part("receiver unknown to an old worker") as line,
        case.site(**options | {"retry_delays": [2] * 10}) as site,
    ):
        deploy(line, site, case.amount(50, 20))


def send_again(line: Line, site: Site, events: int) -> None:
    site.start_web()
    site.start_worker()
    site.start_beat()
    first = site.answered(site.send(range(events)))
    site.wait(lambda: site.ask(FAILED) == events, "each has failed once", 60)
    again = site.answered(site.send(range(events)))
    line.expect(first["answers"] == {"200 accepted": events}, f"first answers: {first['answers']}")
    line.expect(again["answers"] == {"200 duplicate": events}, f"second answers: {again['answers']}")
    still = site.ask(FAILED)
    line.expect(still == events, f"{events - still} of {events} are not retried any more")
    (site.folder / "mended").touch()
    site.drain(60)
    sent = first | {"latencies": first["latencies"] + again["latencies"]}
    found = site.check(first["acknowledged"])
    line.count(sent, found, may_run_twice=True)
    line.expect(found["statuses"] == {"dispatched": events}, f"statuses: {found['statuses']}")
    # The other receiver succeeded the first time, and was left alone.
    others = "SELECT count(*) FROM faults_effect WHERE receiver = 'effect'"
    line.expect(site.ask(others) == events, f"the good receiver ran {site.ask(others)} times for {events} events")
    line.notes.append("run twice: as they should, for their first attempts failed")


def deploy(line: Line, site: Site, events: int) -> None:
    site.start_web()
    site.start_worker()
    site.start_beat()
    sent = site.answered(site.send(range(events)))
    site.wait(lambda: site.ask(FAILED) == events, "each has failed once", 60)
    # The code of before: the receiver is not there yet.
    site.processes.stop("worker")
    (site.folder / "mended").touch()
    site.start_worker(FAULTS_RECEIVERS="effect")
    unknown = "SELECT count(*) FROM zenvia_webhooks_delivery WHERE error LIKE '%not connected%'"
    site.wait(lambda: site.ask(unknown) == events, "each has been attempted without the receiver", 60)
    site.processes.stop("worker")
    site.start_worker()
    site.drain(60)
    found = site.check(sent["acknowledged"])
    line.count(sent, found, may_run_twice=True)
    line.expect(found["statuses"] == {"dispatched": events}, f"statuses: {found['statuses']}")
    line.notes.append("run twice: as they should, for their first attempts failed")
