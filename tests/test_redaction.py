from __future__ import annotations

import io
import logging
import logging.handlers
import traceback
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from zenvia_webhooks.redaction import RedactTokens, clean, drop_values, first_line, printable

TOKEN = "0123456789abcdef" * 4
LINE = f"POST /zenvia/webhook/{TOKEN}/ HTTP/1.1"
SHOWN = "POST /zenvia/webhook/012345…/ HTTP/1.1"


@pytest.mark.parametrize(
    ("text", "cleaned", "escaped"),
    [
        ("lead.created", "lead.created", "lead.created"),
        ("João 😀\u00a0東京", "João 😀\u00a0東京", "João 😀\u00a0東京"),
        ("\x1b[2Jlead", "\ufffd[2Jlead", r"\x1b[2Jlead"),
        ("a\r\nWARNING forged", "a\ufffd\ufffdWARNING forged", r"a\r\nWARNING forged"),
        ("a\u2028b\u0085c\x7f", "a\ufffdb\ufffdc\ufffd", r"a\u2028b\x85c\x7f"),
        ("\u202edetaerc\u2066\u200f", "\ufffddetaerc\ufffd\ufffd", r"\u202edetaerc\u2066\u200f"),
        ("le\u200bad\ufeff\u00ad", "le\ufffdad\ufffd\ufffd", r"le\u200bad\ufeff\xad"),
        ("\ud800\0\U000e0041", "\ufffd\ufffd\ufffd", r"\ud800\x00\U000e0041"),
    ],
)
def test_what_nobody_sees_is_replaced_in_names_and_escaped_in_texts(text: str, cleaned: str, escaped: str) -> None:
    assert clean(text) == cleaned
    assert printable(text) == escaped


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            'duplicate key value violates unique constraint "crm_contact_email_key"\n'
            "DETAIL:  Key (email)=(ana@example.com) already exists.",
            'duplicate key value violates unique constraint "crm_contact_email_key"',
        ),
        (
            'null value in column "name" of relation "crm_contact" violates not-null constraint\n'
            "DETAIL:  Failing row contains (1, ana@example.com, null).",
            'null value in column "name" of relation "crm_contact" violates not-null constraint',
        ),
        ('invalid input syntax for type integer: "ana@example.com"', "invalid input syntax for type integer: '…'"),
        ('invalid input syntax for type integer: "a"na@example.com"', "invalid input syntax for type integer: '…'"),
        ('value "5511987654321" is out of range for type integer', "value '…' is out of range for type integer"),
        (
            "syntax error at or near \"x\"\nLINE 1: SELECT 'ana@example.com' x y\n        ^",
            "syntax error at or near '…'",
        ),
        ("Duplicate entry 'ana@example.com' for key 'email'", "Duplicate entry '…' for key 'email'"),
        ("Duplicate entry 'O'Ana' for key 'crm_contact.email'", "Duplicate entry '…' for key 'crm_contact.email'"),
        ("Duplicate entry 'Ana\nCanary' for key 'crm_contact.name'", "Duplicate entry '…'"),
        (
            'invalid input syntax for type integer: "Ana\nCanary"\nLINE 1: x',
            "invalid input syntax for type integer: '…'",
        ),
        ("la sintaxis no es válida para tipo integer: «ana»", "la sintaxis no es válida para tipo integer: '…'"),
        ("Can't connect to MySQL server on 'db' (111)", "Can't connect to MySQL server on '…' (111)"),
        ("Data too long for column 'name' at row 1", "Data too long for column 'name' at row 1"),
        ("Column 'name' cannot be null", "Column 'name' cannot be null"),
        (
            'column "nam" of relation "crm_contact" does not exist',
            'column "nam" of relation "crm_contact" does not exist',
        ),
        ("Unknown column 'c.nam' in 'field list'", "Unknown column 'c.nam' in 'field list'"),
        ("UNIQUE constraint failed: crm_contact.email", "UNIQUE constraint failed: crm_contact.email"),
        ("database is locked", "database is locked"),
    ],
)
def test_errors_of_a_database_are_kept_without_values(said: str, kept: str) -> None:
    number: tuple[Any, ...] = (1062, said)
    for arguments, expected in (((said,), (kept,)), (number, (1062, kept))):
        error = IntegrityError(*arguments)
        drop_values(error)
        assert error.args == expected


def raise_as_a_receiver() -> None:
    """Raise an error of a receiver's that came from a database's, and from its driver's."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 'ana@example.com' FROM nowhere_at_all")
    except DatabaseError:
        raise ValueError("the contact 'x' could not be saved")  # noqa: B904  # as people write it


@pytest.mark.django_db
def test_values_are_dropped_from_what_an_error_came_from_and_from_no_other_error() -> None:
    with pytest.raises(ValueError, match="the contact") as caught:
        raise_as_a_receiver()
    error = caught.value
    # It may come from itself, too.
    error.__cause__ = ExceptionGroup(
        "several", [IntegrityError("Duplicate entry 'ana@example.com' for key 'a'"), error]
    )
    drop_values(error)
    text = "".join(traceback.format_exception(error))
    assert "the contact 'x' could not be saved" in text
    assert "Duplicate entry '…' for key 'a'" in text
    assert "nowhere_at_all" in str(error.__context__)
    assert "ana@example.com" not in f"{text} {error.__context__}"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """Give a logger, and what its handler, which has the filter, writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactTokens())
    logger = logging.getLogger("somebody.elses")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield logger, written
    logger.handlers.clear()


class Address:
    def __str__(self) -> str:
        return LINE


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("on purpose")


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        (LINE, (), SHOWN),
        ('"%s" %s', (LINE, 404), f'"{SHOWN}" 404'),
        ("%(r)s %(s)d", ({"r": LINE, "s": 200},), f"{SHOWN} 200"),
        ("%s", (Address(),), SHOWN),
        (Address(), (), SHOWN),
        ("no token: %s, %r, %d", (None, True, 5), "no token: None, True, 5"),
        # urllib3's, of every request, at DEBUG.
        (
            '%s://%s:%s "%s %s %s" %s %s',
            ("http", "localhost", 80, "POST", f"/zenvia/webhook/{TOKEN}/", "HTTP/1.1", 200, 9),
            f'http://localhost:80 "{SHOWN}" 200 9',
        ),
    ],
)
def test_no_token_is_in_a_line_of_a_log(log: Any, message: Any, arguments: Any, shown: str) -> None:
    logger, written = log
    logger.info(message, *arguments)
    assert written.getvalue() == f"{shown}\n"


def test_no_token_is_in_a_traceback_or_a_stack(log: Any) -> None:
    logger, written = log
    try:
        raise ConnectionError(LINE)
    except ConnectionError as error:
        error.add_note(LINE)
        logger.exception("failed", stack_info=True)
    assert SHOWN in written.getvalue()
    assert TOKEN not in written.getvalue()
    assert written.getvalue().count("Traceback") == 1


def test_a_traceback_without_a_token_stays_for_other_handlers(log: Any) -> None:
    logger, _written = log
    records: SimpleQueue[logging.LogRecord] = SimpleQueue()
    logger.addHandler(logging.handlers.QueueHandler(records))
    logger.handlers[1].prepare = lambda record: record
    try:
        raise ConnectionError("refused")
    except ConnectionError:
        logger.exception("failed")
    assert records.get_nowait().exc_info is not None


def test_arguments_stay_as_a_formatter_wants_them() -> None:
    # uvicorn's reads these five from the record.
    arguments = ("127.0.0.1:5000", "POST", f"/zenvia/webhook/{TOKEN}/", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 1, '%s - "%s %s HTTP/%s" %d', arguments, None)
    record.line = LINE
    assert RedactTokens().filter(record)
    assert record.args == ("127.0.0.1:5000", "POST", "/zenvia/webhook/012345…/", "1.1", 200)
    assert vars(record)["line"] == SHOWN


def test_what_can_not_be_printed_is_left_to_logging() -> None:
    broken = Unprintable()
    record = logging.LogRecord("name", logging.INFO, "", 1, "%s", (broken,), None)
    assert RedactTokens().filter(record)
    assert record.args == (broken,)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("ValueError: Foo('it is \"Ana\"', 5)", "ValueError: Foo('…', …)"),
        (
            "ConnectionError: Pool(host='crm.example', port=1): (Caused by NewError(\"To(host='crm.example', port=1): "
            'refused"))',
            "ConnectionError: Pool(host='…', port=…): refused",
        ),
        (
            "ConnectionError: Pool(host='crm.example'): (Caused by NameError(\"To 'crm.example' (not known)\"))",
            "ConnectionError: Pool(host='…' (not known)",
        ),
        ('Error: x="Ana" (Caused by E(\'x="Ana" refused\'))', "Error: x='…' refused"),
        ('Error: a 12" screen of "Ana', "Error: a …\" screen of '…'"),
        ("Error: \u202edetaerc", "Error: \ufffddetaerc"),
    ],
)
def test_a_first_line_ends_in_no_quote_alone_and_obeys_nothing(error: str, line: str) -> None:
    assert first_line(error) == line
