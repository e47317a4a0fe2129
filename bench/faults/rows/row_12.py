"""A backlog after an outage: a new lead does not wait for it."""

from __future__ import annotations

from bench.faults.case import Case, Line
from bench.faults.site import Site

RATE = 5
#: Seconds that a new lead may wait.
WAIT = 5

#: Seconds that the backlog must last, at the least, for the new leads to show anything.
LASTS = 5

#: Copies of one stored event, each with a fingerprint and a lead of its own, due since an outage of ten minutes began.
COPY = """
INSERT INTO zenvia_webhooks_event (account, subscription_id, contract, topic, occurred_at, payload, body, headers,
    remote_addr, fingerprint, status, next_attempt_at, claim, received_at, finished_at, duplicates, error,
    origin, summary)
SELECT account, subscription_id, contract, topic, occurred_at,
    jsonb_set(payload, '{{data,leadId}}', to_jsonb('lead-' || (1000000 + number))), body, headers, remote_addr,
    convert_to('copy-' || number, 'UTF8'), status, next_attempt_at - interval '10 minutes', claim, received_at,
    finished_at, duplicates, error, origin, summary
FROM zenvia_webhooks_event, generate_series(1, {}) AS number
"""
WAITED = """
SELECT max(extract(epoch FROM finished_at - received_at)), count(*) FROM zenvia_webhooks_event WHERE id > {}
"""
AMID = """
SELECT count(*) FROM zenvia_webhooks_event
WHERE id > {0} AND received_at < (SELECT max(finished_at) FROM zenvia_webhooks_event WHERE id <= {0})
"""


def run(case: Case) -> None:
    with case.part("backlog after an outage") as line, case.site() as site:
        pile_up(line, site, case.amount(20_000, 8_000), case.amount(40, 15))


def pile_up(line: Line, site: Site, backlog: int, seconds: int) -> None:
    site.start_web()
    site.answered(site.send([0]))
    site.rows(COPY.format(backlog - 1))
    last = site.ask("SELECT max(id) FROM zenvia_webhooks_event")
    site.start_worker()
    site.start_beat()
    sent = site.answered(site.send(range(1, 1 + RATE * seconds), rate=RATE))
    left = site.open_events()
    took = site.drain(600)
    old = [1_000_000 + number for number in range(1, backlog)]
    line.count(sent | {"sent": sent["sent"] + 1}, site.check([0, *sent["acknowledged"], *old]))
    waited, count = site.ask(WAITED.format(last))
    line.expect(count == RATE * seconds, f"{count} new leads")
    amid = site.ask(AMID.format(last))
    line.expect(amid >= RATE * LASTS, f"only {amid} new leads came in before the backlog was gone")
    line.expect(float(waited) <= WAIT, f"a new lead waited {waited:.1f} s")
    line.notes.append(
        f"{backlog} due, {left} of them still after {seconds} s; the longest wait of {count} new leads {waited:.1f} s, "
        f"{amid} of them amid the backlog; "
        f"all done {took:.0f} s later"
    )
