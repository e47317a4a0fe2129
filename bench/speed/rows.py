"""Many events of ours, written by SQL: copies of the oldest one, which has been handed out."""

from __future__ import annotations

from bench.speed.site import Site

EVENTS, DELIVERIES, KEYS = "zenvia_webhooks_event", "zenvia_webhooks_delivery", "zenvia_webhooks_eventkey"
#: Rows of one statement.
BATCH = 50_000
#: What a copy has for its own, by column; `n` is its number. Every other column is the original's.
PAYLOAD = "jsonb_set(original.payload, '{data,leadId}', to_jsonb('lead-' || n))"
OWN = {
    "fingerprint": "substr(decode(md5('event ' || n), 'hex'), 1, 15)",
    "payload": PAYLOAD,
    "body": f"convert_to({PAYLOAD}::text, 'UTF8')",
}
DUE = {"status": "'pending'", "finished_at": "NULL", "claim": "NULL"}


def copy_due(site: Site, number: int) -> None:
    """Store so many events as the webhook does: due, with nothing that belongs to them yet."""
    for first, last in _batches(site, number):
        received_at = f"now() - ({last} - n) * interval '1 millisecond'"
        site.execute(_copies(site, first, last, {**DUE, "received_at": received_at, "next_attempt_at": received_at}))
    _tidy(site)


def copy_finished(site: Site, number: int, days_old: int) -> None:
    """Store so many events that were handed out long ago, with their deliveries and keys."""
    for first, last in _batches(site, number):
        received_at = f"now() - interval '{days_old} days' - ({last} - n) * interval '1 millisecond'"
        copies = _copies(site, first, last, {"received_at": received_at})
        digest = "decode(md5(original.kind || copies.id), 'hex')"
        deliveries = _belongings(site, DELIVERIES, {"event_id": "copies.id"})
        keys = _belongings(site, KEYS, {"event_id": "copies.id", "digest": digest})
        site.execute(f"WITH copies AS ({copies} RETURNING id), deliveries AS ({deliveries}) {keys}")
    _tidy(site)


def _batches(site: Site, number: int) -> list[tuple[int, int]]:
    """Return the first and the last number of each statement's copies."""
    begin, end = site.next, site.next + number
    site.next = end
    return [(first, min(first + BATCH, end) - 1) for first in range(begin, end, BATCH)]


def _copies(site: Site, first: int, last: int, own: dict[str, str]) -> str:
    source = f"{EVENTS} AS original, generate_series({first}, {last}) AS n WHERE original.id = {_original(site)}"
    return _insert(site, EVENTS, {**OWN, **own}, source)


def _belongings(site: Site, table: str, own: dict[str, str]) -> str:
    return _insert(site, table, own, f"{table} AS original, copies WHERE original.event_id = {_original(site)}")


def _original(site: Site) -> int:
    return int(site.ask(f"SELECT min(id) FROM {EVENTS}"))


def _insert(site: Site, table: str, own: dict[str, str], source: str) -> str:
    # The database writes the id and what it generates.
    columns = site.ask_all(
        f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' AND column_name <> 'id'"
        " AND is_generated = 'NEVER'"
    )
    values = ", ".join(own.get(column, f"original.{column}") for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {source}"


def _tidy(site: Site) -> None:
    """Do what the server does by itself, sooner or later, after so many new rows."""
    site.execute(f"VACUUM ANALYZE {EVENTS}, {DELIVERIES}, {KEYS}")
