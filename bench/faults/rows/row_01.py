"""The web server is killed again and again under load: what was acknowledged is stored.

Half of the kills hit the whole server at a random moment, as the end of a container does. The other half hit one of its
processes from within, at each of the places between the insert and the answer.
"""

from __future__ import annotations

import itertools
import random
import time

from bench.faults.case import Case, Line
from bench.faults.site import Site

POINTS = (
    "intake.before_insert",
    "intake.after_insert",
    "wakeup.publishing",
    "views.before_answer",
)
WEBS = ("web_1", "web_2")


def run(case: Case) -> None:
    for database, kills in {"PostgreSQL": (50, 12), "MariaDB": (16, 4), "SQLite": (16, 4)}.items():
        with case.part(f"web killed, {database}") as line, case.site(database, retry_delays=[1, 1]) as site:
            break_it(line, site, case.amount(*kills))


def break_it(line: Line, site: Site, kills: int) -> None:
    for web in WEBS:
        site.start_web(web, await_it=False)
    for web in WEBS:
        site.await_web(web)
    sending = site.send(range(100_000), senders=8, rate=150)
    points = itertools.cycle(POINTS)
    killed_inside = 0
    for kill in range(kills):
        # Not sooner than it answers again, or there is nothing to be interrupted.
        web = WEBS[kill % 2]
        if kill % 4 < 2:
            time.sleep(random.uniform(0.1, 0.4))
            site.processes.kill(web)
            site.start_web(web, await_it=False)
        else:
            point = next(points)
            site.arm(point)
            await_death(site, point)
            killed_inside += 1
        site.await_web(web)
    sent = site.answered(sending, now=True)
    # Only now, as nothing here is about what comes after.
    site.start_worker()
    site.start_beat()
    site.drain(120)
    line.count(sent, site.check(sent["acknowledged"]))
    line.notes.append(f"{kills} kills, {killed_inside} of them by failpoint; answers: {sent['answers']}")
    wrong = [answer for answer in sent["answers"] if not answer.startswith(("200", "no answer"))]
    line.expect(not wrong, f"answered {wrong}")


def await_death(site: Site, point: str) -> None:
    ends = time.monotonic() + 30
    while site.is_armed(point):
        assert time.monotonic() < ends, f"nobody came by {point}"
        time.sleep(0.02)
