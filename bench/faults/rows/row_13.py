"""Purge, replay and compare run while events pour in: nothing that is pending is deleted, and nothing lost."""

from __future__ import annotations

import threading
from typing import Any

from bench.faults.case import Case, Line
from bench.faults.site import Site
from zenvia_webhooks.sandbox import Sandbox

RATE = 20
OLD_DAYS, RETENTION_DAYS = 100, 90

#: Copies of one stored event: their first number, how many, how many days old, in which status, whether finished.
COPY = """
INSERT INTO zenvia_webhooks_event (account, subscription_id, contract, topic, occurred_at, payload, body, headers,
    remote_addr, fingerprint, status, next_attempt_at, claim, received_at, finished_at, duplicates, error,
    origin, summary)
SELECT account, subscription_id, contract, topic, occurred_at,
    jsonb_set(payload, '{{data,leadId}}', to_jsonb('lead-' || ({first} + number))), body, headers, remote_addr,
    convert_to('copy-' || ({first} + number), 'UTF8'), '{status}', {due}, NULL,
    received_at - interval '{days} days', {finished}, duplicates, error, origin, summary
FROM zenvia_webhooks_event, generate_series(0, {count} - 1) AS number WHERE fingerprint NOT LIKE 'copy-%'::bytea
"""
TO_REPLAY, TO_PURGE, PENDING, WANTED_BY_BOTH = 10**6, 2 * 10**6, 3 * 10**6, 4 * 10**6

KEPT = f"""
SELECT convert_from(fingerprint, 'UTF8') FROM zenvia_webhooks_event
WHERE fingerprint LIKE 'copy-{WANTED_BY_BOTH // 10**6}______'::bytea
"""


def run(case: Case) -> None:
    with (
        case.part("purge, replay and compare") as line,
        Sandbox("key-of-the-site") as sandbox,
        case.site(variables={"ZENVIA_API_URL": sandbox.api_url}) as site,
    ):
        tidy_up(line, site, case.amount(10_000, 1_000))


def tidy_up(line: Line, site: Site, events: int) -> None:
    begin(site)
    fill(site, events)
    site.start_worker()
    site.start_beat()
    sending = site.send(range(1, 100_000), rate=RATE)
    said, compares = all_at_once(line, site)
    sent = site.answered(sending, now=True)
    site.rows(
        "UPDATE zenvia_webhooks_event SET next_attempt_at = received_at WHERE status = 'pending' AND claim IS NULL"
    )
    took = site.drain(300)
    line.expect(sent["sent"] > RATE, "hardly anything poured in")
    kept = judge(line, site, events, sent)
    count = int(said["zenvia_replay_events"].split("Replayed ")[1].split()[0])
    line.expect(events + kept <= count <= events + events // 10, f"{count} were replayed")
    line.notes.append(
        f"{said['zenvia_replay_events'].splitlines()[-1]} {said['zenvia_purge_events'].splitlines()[-1]} "
        f"Of {events // 10} that both wanted, {kept} were replayed first. "
        f"{compares} compares; all delivered {took:.0f} s after the last webhook"
    )


def begin(site: Site) -> None:
    # A subscription that the stand-in Zenvia knows, so that the compare has something to find.
    site.manage("shell", "-c", "from zenvia_webhooks.models import *; Subscription.objects.all().delete()")
    site.manage("zenvia_register_subscription", "--topic", "lead.created", "--no-probe")
    site.token = site.ask("SELECT token FROM zenvia_webhooks_subscription")
    site.start_web()
    site.answered(site.send([0]))


def fill(site: Site, events: int) -> None:
    past = {"due": "NULL", "finished": "received_at"}
    # First, as replay and purge both go by age or number, and are to meet.
    site.rows(COPY.format(first=WANTED_BY_BOTH, count=events // 10, days=OLD_DAYS, status="failed", **past))
    site.rows(COPY.format(first=TO_REPLAY, count=events, days=1, status="failed", **past))
    site.rows(COPY.format(first=TO_PURGE, count=events // 2, days=OLD_DAYS, status="dispatched", **past))
    # Not due while the purge runs: what is delivered meanwhile may be purged, old as it is.
    due = {"due": "received_at + interval '1 hour'", "finished": "NULL"}
    site.rows(COPY.format(first=PENDING, count=events // 20, days=OLD_DAYS, status="pending", **due))


def all_at_once(line: Line, site: Site) -> tuple[dict[str, str], int]:
    """Replay and purge, and compare for as long as that takes; return what each command said, and how many compares."""
    said: dict[str, str] = {}

    def manage(command: str, *options: str) -> None:
        try:
            said[command] = said.get(command, "") + site.manage(command, *options)
        except AssertionError as error:
            line.failures.append(f"{command} failed: {error}")

    replay = threading.Thread(target=manage, args=["zenvia_replay_events", "--no-input"])
    purge = threading.Thread(target=manage, args=["zenvia_purge_events", "--days", str(RETENTION_DAYS)])
    replay.start()
    purge.start()
    compares = 0
    while replay.is_alive() or purge.is_alive():
        manage("zenvia_sync_subscriptions")
        compares += 1
    return said, compares


def judge(line: Line, site: Site, events: int, sent: dict[str, Any]) -> int:
    """Count what came of everything; return how many of those that both wanted were replayed before their purge."""
    replayed = range(TO_REPLAY, TO_REPLAY + events)
    pending = range(PENDING, PENDING + events // 20)
    # Each of these was purged before its replay, or replayed, and is then to be delivered.
    kept = [int(fingerprint.removeprefix("copy-")) for (fingerprint,) in site.rows(KEPT)]
    sent["acknowledged"] += [0, *replayed, *pending, *kept]
    sent["sent"] += 1 + len(replayed) + len(pending) + len(kept)
    line.count(sent, site.check(sent["acknowledged"]))
    old = f"SELECT count(*) FROM zenvia_webhooks_event WHERE received_at < now() - interval '{RETENTION_DAYS} days'"
    left = site.ask(old) - len(kept)
    line.expect(left == len(pending), f"{left} old events are left, not the {len(pending)} that were pending alone")
    status = site.ask("SELECT status FROM zenvia_webhooks_subscription")
    line.expect(status == "active", f"the subscription is {status}")
    return len(kept)
