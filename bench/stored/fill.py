"""Fills an empty database with events as a site of some years has them, by SQL alone: `rows` of them, one a second.

On PostgreSQL, indexes are left out meanwhile and built at the end. What is spread how stands in `EVENTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.db import connection

from zenvia_webhooks.models import Delivery, Event, EventKey, Subscription
from zenvia_webhooks.models.event import FINGERPRINT_BYTES

CHUNK = 250_000
#: Every so many events, one has a status or a topic that is rare, and one is about the busy person. More often among
#: the last, so that a small table, too, has about as many of them as a page counts and a replay looks at: what differs
#: between two databases is then how many are stored, and not how full a page is.
RARE, BUSY, LATELY = 1000, 500, 10_000
RARE_LATELY = BUSY_LATELY = 10
#: So many of the first events failed, so that pages of long ago are as full in a small table as in a large one.
FAILED_FIRST = 1200
#: A delivery of so many is of the receiver that is gone.
GONE, GONE_LATELY = 10_000, 20
#: Receivers: one of every event, one of every fourth, and one that is gone.
RECEIVERS = ("crm.receivers.save_contact", "crm.receivers.notify_seller", "crm.receivers.former_name")
#: A topic and an account that ended when a fifth of the events had come, and a topic that no version knows.
ENDED_TOPIC, ENDED_ACCOUNT, ODD_TOPIC = "quote.created", "former", "conversation.odd"
#: The others have five events each.
BUSY_PERSON = 0

DIALECTS = {
    "postgresql": {
        "series": "generate_series({first}, {last}) AS series(n)",
        "ago": "now() - ({0}) * interval '1 second'",
        "json": "CAST({0} AS jsonb)",
        "bytes": "convert_to({0}, 'UTF8')",
        "digest": "decode(md5({0}), 'hex')",
    },
    "mysql": {
        "series": "(SELECT seq AS n FROM seq_{first}_to_{last}) AS series",
        "ago": "UTC_TIMESTAMP(6) - INTERVAL ({0}) SECOND",
        "json": "{0}",
        "bytes": "{0}",
        "digest": "UNHEX(MD5({0}))",
    },
}

EVENTS = """
INSERT INTO {events} (id, account, subscription_id, contract, topic, occurred_at, payload, body, headers, remote_addr,
    fingerprint, status, next_attempt_at, claim, received_at, finished_at, duplicates, error, origin, summary, same_as)
SELECT n, account, subscription, CASE WHEN status = 'quarantined' THEN '' ELSE 'help_center' END, topic, moment,
    {json_body}, {bytes_body}, {json_headers}, NULL, {fingerprint}, status,
    CASE status WHEN 'retrying' THEN {in_an_hour} WHEN 'pending' THEN moment END, NULL, moment,
    CASE WHEN status NOT IN ('retrying', 'pending') THEN moment END, 0, '', 'webhook', CONCAT(name, ' · ', phone), NULL
FROM (
    SELECT n, moment, name, phone, status,
        CASE WHEN n <= {total} / 5 THEN '{ended_account}' WHEN MOD(n, 50) = 0 THEN 'second' ELSE 'default' END
            AS account,
        CASE WHEN n <= {total} / 5 THEN {first_subscription} + 4
            ELSE {first_subscription} + MOD(n, 4) END AS subscription,
        CASE WHEN status = 'quarantined' THEN '' ELSE topic END AS topic,
        CONCAT('{{"topic": "', topic, '", "eventTime": "2026-01-01T12:00:00Z", "data": {{"leadId": "L', person,
            '", "name": "', name, '", "email": "ana', person, '@example.com", "phone": "', phone,
            '", "status": "new", "n": ', n, '}}}}') AS body
    FROM (
        SELECT n, person, {moment} AS moment, CONCAT('Ana Souza ', person) AS name,
            CONCAT('+55119', LPAD(CONCAT(person), 8, '0')) AS phone,
            CASE
                WHEN n > {total} - 50 THEN 'pending'
                WHEN n > {total} - 10000 AND MOD(n, 200) = 5 THEN 'retrying'
                WHEN n <= {failed_first} THEN 'failed'
                WHEN n > {total} * 0.3 AND n <= {total} * 0.31 THEN 'failed'
                WHEN MOD(n, {rare}) = 1 THEN 'failed'
                WHEN MOD(n, {rare}) = 2 THEN 'unhandled'
                WHEN MOD(n, {rare}) = 3 THEN 'quarantined'
                WHEN MOD(n, {rare}) = 4 THEN 'erased'
                ELSE 'dispatched'
            END AS status,
            CASE
                WHEN n <= {total} / 5 AND MOD(n, 3) = 0 THEN '{ended_topic}'
                WHEN MOD(n, {rare}) = {rare} / 2 THEN 'agent.updated'
                WHEN MOD(n, {rare}) = {rare} / 2 + 1 THEN '{odd_topic}'
                WHEN MOD(n, 100) < 45 THEN 'lead.created'
                WHEN MOD(n, 100) < 60 THEN 'lead.updated'
                WHEN MOD(n, 100) < 90 THEN 'interaction.created'
                WHEN MOD(n, 100) < 96 THEN 'quote.updated'
                ELSE 'interaction.resolved'
            END AS topic
        FROM (SELECT n, {person} AS person FROM {series}) AS numbered
    ) AS spread
) AS written
"""

#: One of every event that was handed out; those that failed, of every one that did not succeed.
DELIVERIES = """
INSERT INTO {deliveries} (id, event_id, receiver, status, attempts, next_attempt_at, duration_ms, error, traceback,
    result, finished_at)
SELECT 2 * id, id, CASE WHEN {is_gone} THEN '{gone}' ELSE '{first_receiver}' END,
    CASE status WHEN 'dispatched' THEN 'succeeded' WHEN 'retrying' THEN 'retrying'
        ELSE CASE WHEN {is_gone} THEN 'gone' ELSE 'failed' END END,
    CASE status WHEN 'dispatched' THEN 1 WHEN 'retrying' THEN 3 ELSE 9 END, next_attempt_at, MOD(id, 400),
    CASE status WHEN 'dispatched' THEN '' ELSE 'crm.errors.Unreachable: the CRM did not answer' END, '',
    CASE status WHEN 'dispatched' THEN CONCAT('crm.contact:', id) ELSE '' END, finished_at
FROM {events} WHERE id BETWEEN {first} AND {last} AND status IN ('dispatched', 'failed', 'retrying')
"""
SECOND_DELIVERIES = """
INSERT INTO {deliveries} (id, event_id, receiver, status, attempts, next_attempt_at, duration_ms, error, traceback,
    result, finished_at)
SELECT 2 * id + 1, id, '{second_receiver}', 'succeeded', 1, NULL, MOD(id, 90), '', '', '', received_at
FROM {events} WHERE id BETWEEN {first} AND {last} AND MOD(id, 4) = 0 AND status IN ('dispatched', 'failed', 'retrying')
"""
KEYS = """
INSERT INTO {keys} (event_id, kind, digest)
SELECT n, '{kind}', {digest} FROM (SELECT id AS n, status FROM {events} WHERE id BETWEEN {first} AND {last}) AS stored
WHERE status NOT IN ('pending', 'quarantined', 'erased')
"""
KINDS = ("lead", "phone", "email")


def digest_filled(kind: str, person: int) -> str:
    """Return the SQL of what stands for a person's key until `measure` has put the real one there."""
    return _dialect()["digest"].format(f"'{kind}{person}'")


def fill(rows: int, say: Callable[[str], None]) -> None:
    """Fill the migrated, empty database."""
    is_postgresql = connection.vendor == "postgresql"
    tables = [model._meta.db_table for model in (Event, Delivery, EventKey)]
    first_subscription = _make_subscriptions()
    with connection.cursor() as cursor:
        if is_postgresql:
            # Of this connection alone.
            cursor.execute("SET synchronous_commit = off")
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("SET maintenance_work_mem = '512MB'")
        else:
            cursor.execute("SET unique_checks = 0, foreign_key_checks = 0")
        left_out = list(_take_indexes(tables)) if is_postgresql else []
        for first in range(1, rows + 1, CHUNK):
            last = min(first + CHUNK - 1, rows)
            for statement in _statements(rows, first, last, first_subscription):
                cursor.execute(statement)
            if not is_postgresql:
                connection.connection.commit()
            say(f"{last:,} of {rows:,} events")
        for statement in left_out:
            say(statement)
            cursor.execute(statement)
        for table in tables:
            if is_postgresql:
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
                say(f"VACUUM ANALYZE {table}")
                cursor.execute(f"VACUUM (ANALYZE) {table}")
            else:
                cursor.execute(f"ANALYZE TABLE {table}")
    connection.close()


def _statements(rows: int, first: int, last: int, first_subscription: int) -> Iterator[str]:
    words = _dialect()
    is_late = f"n > {rows - LATELY}"
    often = f"(CASE WHEN {is_late} THEN {BUSY_LATELY} ELSE {BUSY} END)"
    person = f"CASE WHEN MOD(n, {often}) = 0 THEN {BUSY_PERSON} ELSE 1 + MOD(n, {_people(rows)}) END"
    names = {
        "events": Event._meta.db_table,
        "deliveries": Delivery._meta.db_table,
        "keys": EventKey._meta.db_table,
        "first": first,
        "last": last,
        "total": rows,
        "rare": f"(CASE WHEN {is_late} THEN {RARE_LATELY} ELSE {RARE} END)",
        "person": person,
        "series": words["series"].format(first=first, last=last),
        "moment": words["ago"].format(f"{rows} - n"),
        "in_an_hour": words["ago"].format("-3600"),
        "json_body": words["json"].format("body"),
        "bytes_body": words["bytes"].format("body"),
        "json_headers": words["json"].format("""'{"content-type": "application/json", "user-agent": "Zenvia/1.0"}'"""),
        "fingerprint": f"""SUBSTR({words["digest"].format("CONCAT('event', n)")}, 1, {FINGERPRINT_BYTES})""",
        "failed_first": FAILED_FIRST,
        "ended_account": ENDED_ACCOUNT,
        "ended_topic": ENDED_TOPIC,
        "odd_topic": ODD_TOPIC,
        "first_subscription": first_subscription,
        "first_receiver": RECEIVERS[0],
        "second_receiver": RECEIVERS[1],
        "gone": RECEIVERS[2],
        "is_gone": f"MOD(id, CASE WHEN id > {rows - LATELY} THEN {GONE_LATELY} ELSE {GONE} END) = 1",
    }
    yield EVENTS.format(**names)
    yield DELIVERIES.format(**names)
    yield SECOND_DELIVERIES.format(**names)
    for kind in KINDS:
        digest = words["digest"].format(f"CONCAT('{kind}', {person})")
        yield KEYS.format(**names, kind=kind, digest=digest)


def _people(rows: int) -> int:
    return max(rows // 5, 1)


def _dialect() -> dict[str, str]:
    return DIALECTS[connection.vendor]


def _make_subscriptions() -> int:
    """Make four that are active and one that ended; return the id of the first."""
    topics = ["lead.created"]
    url = "https://crm.example.com/zenvia/webhook/{}/"
    rows = [
        Subscription(topics=topics, remote_id=f"subscription{number}", status="active" if number < 4 else "inactive")
        for number in range(5)
    ]
    for row in rows:
        row.registered_url = url.format(row.token)
        row.save()
    pks = [row.pk for row in rows]
    assert pks == list(range(pks[0], pks[0] + 5)), pks
    return pks[0]


def _take_indexes(tables: list[str]) -> Iterator[str]:
    """Drop the indexes and unique constraints of these tables but for primary keys; yield what makes each again."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
                "WHERE conrelid = %s::regclass AND contype = 'u'",
                [table],
            )
            for name, definition in cursor.fetchall():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
                yield f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
            cursor.execute(
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND schemaname = current_schema() "
                "AND indexname NOT LIKE '%%_pkey'",
                [table],
            )
            for name, definition in cursor.fetchall():
                cursor.execute(f"DROP INDEX {name}")
                yield definition
