"""A site that was down for an hour: all of it is recovered, once, though the recovery is killed or webhooks pour in."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site
from tests.support.host import free_port
from zenvia_webhooks.sandbox import Sandbox

KEY = "key-of-the-site"
TOPICS = ("lead.created", "lead.updated", "interaction.created", "quote.created", "quote.updated")
#: Where the recovery is killed.
PLACES = (
    *("recovery.after_part", "intake.before_insert", "intake.after_insert", "recovery.after_store"),
    "recovery.after_note",
)
#: Senders at the same moment, and what all of them post in a second.
SENDERS, RATE = 8, 40
STORED = "SELECT count(*) FROM zenvia_webhooks_event"


def run(case: Case) -> None:
    for fault, kills in (("an hour's outage", ()), ("an hour's outage, the recovery killed at five places", PLACES)):
        with case.part(fault) as line, recovering(case) as (sandbox, site):
            recover(line, sandbox, site, kills, case.amount(500, 50))
    with case.part("webhooks pour in while the recovery runs") as line, recovering(case) as (sandbox, site):
        pour_in(line, sandbox, site, case.amount(400, 100))


@contextlib.contextmanager
def recovering(case: Case) -> Iterator[tuple[Sandbox, Site]]:
    """Start a site with two workers that talks to a stand-in Zenvia, which posts to it."""
    port = free_port()
    # With DEBUG, as otherwise who posts over plain HTTP is sent elsewhere.
    variables = {"ZENVIA_CONTRACT": "conversion", "ALLOWED_HOSTS": "127.0.0.1", "DEBUG": "1"}
    variables["CALLBACK_BASE_URL"] = f"http://127.0.0.1:{port}"
    with Sandbox(KEY) as sandbox:
        variables["ZENVIA_API_URL"] = sandbox.api_url
        with case.site(receivers="sees_objects", sweep=1, variables=variables) as site:
            site.ports["web"] = port
            site.start_web()
            # Every site is given one that Zenvia does not know.
            site.rows("DELETE FROM zenvia_webhooks_subscription")
            topics = (word for topic in TOPICS for word in ("--topic", topic))
            site.manage("zenvia_register_subscription", *topics, "--no-probe")
            for worker in ("worker_1", "worker_2"):
                site.start_worker(worker, await_it=False)
            for worker in ("worker_1", "worker_2"):
                site.await_worker(worker)
            site.start_beat()
            yield sandbox, site


def recover(line: Line, sandbox: Sandbox, site: Site, kills: Iterable[str], leads: int) -> None:
    sandbox.history.fill(ago(80), ago(20), leads=leads, messages=4 * leads, quotes=leads // 10)
    command = ["zenvia_recover", "--since", ago(120).isoformat(), "--apply", "--no-input"]
    for place in kills:
        site.arm(place)
        code = site.background("recovery", *command).wait(timeout=300)
        site.processes.kill("recovery")
        line.expect(code == -signal.SIGKILL, f"at {place} it was not killed: {code}")
    began = time.monotonic()
    said = site.manage(*command)
    took = time.monotonic() - began
    site.drain(300)
    again = site.manage(*command)
    compare(line, sandbox, site)
    line.expect("missing: " not in again, f"a second run found {again.count('missing: ')} missing")
    line.notes.append(
        f"the last run named {said.count('missing: ')} in {took:.0f} s; {len(sandbox.requests)} calls in all"
    )


def pour_in(line: Line, sandbox: Sandbox, site: Site, leads: int) -> None:
    """Recover what is posted at the same moment: each webhook comes late."""
    late: list[Mapping[str, Any]] = []
    sandbox.history.fill(ago(80), ago(20), leads=leads, messages=2 * leads, quotes=leads // 4, each=late.append)
    random.Random(1).shuffle(late)
    [registration] = sandbox.subscriptions
    began, answers = time.monotonic(), Counter[int]()
    lock = threading.Lock()

    def post(numbered: tuple[int, Mapping[str, Any]]) -> None:
        number, envelope = numbered
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        answer = sandbox.deliver(registration.id, envelope)
        with lock:
            answers[answer.status] += 1

    recovery = ["zenvia_recover", "--since", ago(120).isoformat(), "--apply", "--no-input"]
    with ThreadPoolExecutor(SENDERS) as senders:
        posting = senders.map(post, enumerate(late))
        said = site.manage(*recovery)
        meanwhile = answers.total()
        list(posting)
    site.drain(300)
    compare(line, sandbox, site)
    recovered = site.ask(f"{STORED} WHERE origin = 'recovered'")
    same = site.ask(
        "SELECT count(*) FILTER (WHERE origin = 'webhook'), count(*) FILTER (WHERE origin = 'recovered') "
        "FROM zenvia_webhooks_event WHERE same_as <> id"
    )
    line.acknowledged += answers[200]
    line.expect(set(answers) == {200}, f"webhooks were answered {dict(answers)}")
    line.expect(meanwhile, "no webhook came while the recovery ran")
    line.expect(recovered == said.count("missing: ") > 0, f"{recovered} recovered, {said.count('missing: ')} named")
    line.expect(sum(same) > 0, "nothing came both ways")
    line.notes.append(
        f"{len(late)} webhooks, {meanwhile} of them by the end of the recovery, which stored {recovered}; "
        f"of two the webhook's ended as the same {same[0]} times, the recovered one {same[1]} times"
    )


def compare(line: Line, sandbox: Sandbox, site: Site) -> None:
    """Compare what happened at Zenvia with what the receiver saw."""
    store = sandbox.history.store
    happened = {
        "lead": set(store.prospects._ids),
        "interaction": set(store.interactions._ids),
        "quote": set(store.quotes._ids),
    }
    lines = [text.split() for text in (site.folder / "seen.txt").read_text().splitlines()]
    seen = Counter((resource, about) for what, resource, about, *_rest in lines if what == "sees")
    twice = [what for what, times in seen.items() if times > 1]
    missing = 0
    for resource, ids in happened.items():
        missing += len(ids - {about.partition(":")[0] for kind, about in seen if kind == resource})
    line.sent += sum(map(len, happened.values()))
    line.stored += site.ask(STORED)
    line.delivered += len(seen)
    line.lost += missing
    line.run_twice += len(twice)
    line.expect(not missing, f"{missing} objects were never seen")
    line.expect(not twice, f"seen twice: {len(twice)}, such as {twice[:5]}")
    statuses = {status for (status,) in site.rows("SELECT DISTINCT status FROM zenvia_webhooks_event")}
    line.expect(statuses <= {"dispatched", "unhandled"}, f"statuses: {statuses}")


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)
