"""Identical requests come twenty at once: each is answered, and they are one event."""

from __future__ import annotations

from bench.faults.case import Case, Line
from bench.faults.site import Site

AT_ONCE = 20


def run(case: Case) -> None:
    for database in ("PostgreSQL", "MariaDB", "SQLite"):
        with case.part(f"20 identical at once, {database}") as line, case.site(database) as site:
            send_at_once(line, site, case.amount(200, 20))


def send_at_once(line: Line, site: Site, times: int) -> None:
    for web in ("web_1", "web_2"):
        site.start_web(web, threads=AT_ONCE // 2)
    sent = site.answered(site.send(range(times), senders=AT_ONCE, at_once=True))
    site.start_worker()
    site.start_beat()
    site.drain(60)
    line.count(sent, site.check(sent["acknowledged"]))
    expected = {"200 accepted": times, "200 duplicate": times * (AT_ONCE - 1)}
    line.expect(sent["answers"] == expected, f"answers: {sent['answers']}, not {expected}")
    stored = site.ask("SELECT count(*), sum(duplicates) FROM zenvia_webhooks_event")
    line.expect(stored == (times, times * (AT_ONCE - 1)), f"events and duplicates counted: {stored}")
    line.notes.append(f"{times * AT_ONCE} requests, {sum(sent['answers'].values())} answers")
