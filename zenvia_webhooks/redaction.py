"""Texts that may be shown: without tokens, API keys and values of a database's, and inert on a terminal."""

from __future__ import annotations

import html
import json
import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

#: How much of a text of somebody else's is shown.
EXCERPT = 200
#: Fewer letters of a key than this may be any word's.
MIN_PART_OF_A_KEY = 4

TOKEN = re.compile("[0-9a-f]{64}")
#: Databases put values into quotes, those of their own language, and names of columns and constraints too: those at the
#: end, and in these sentences. A value of several lines is cut off with its first, and has no second quote.
_QUOTED = re.compile(r"""(?<!\w)(?:(['"]).*\1|[«»„“\u2018].*[«»“”\u2019]|['"«»„“\u2018](?=.*\w).*)""", re.DOTALL)
_NAME_AT_THE_END = re.compile(r"""(?:constraint|key|column) (["'])[\w.]+\1(?: at row \d+)?$""")
_NAMES_ALONE = re.compile(
    r"""null value in column "\w+"( of relation "\w+")? violates not-null constraint"""
    r"""|(relation|column) "[\w.]+"( of relation "\w+")? does not exist|Column '\w+' cannot be null"""
    r"""|Table '[\w.]+' doesn't exist|Unknown column '[\w.]+' in '[\w ]+'"""
)
#: In a line of a host's own code, an address of e-mail or of the web; and a number, but for the status of an answer.
_ADDRESS = re.compile(r"\S+@\S+|\w+://\S+")
_NUMBER = re.compile(r"\+?\d[\d.\-/() ]*\d|\d")
_HTTP_STATUS = re.compile(r"[1-5]\d\d")
#: What closes a text that was opened within a value, such as that of `Failed(host='x': Refused("'x' said no"))`.
_CLOSING_ALONE = re.compile(r"""(?<!…)["'][)\]}>]+$""")
#: What is left of a token where an answer broke off.
HALF_A_TOKEN = re.compile("[0-9a-f]{7,63}$")


def redact_tokens(text: str) -> str:
    """Return a text for logs and lists: tokens of subscriptions in it are cut down."""
    return TOKEN.sub(lambda match: match[0][:6] + "…", text)


def clean(text: str) -> str:
    """Return a name of somebody else's (a topic, an id) in one line, each letter to be seen: others become U+FFFD.

    Others are control characters, line breaks, lone surrogates, and what changes direction or has no width.
    """
    return text if text.isprintable() else "".join(one if _is_seen(one) else "\ufffd" for one in text)


def printable(text: str) -> str:
    """Return a text of somebody else's for a terminal or a line of a log: what `clean` would replace is escaped."""
    return "".join(letter if _is_seen(letter) else _escaped(letter) for letter in text)


def _is_seen(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def excerpt(text: str, api_key: str, *, broke_off: bool = False) -> str:
    """Return the beginning of an answer in one line, without the key, which some servers echo, and without tokens.

    One that `broke_off` may end in half a secret.
    """
    words = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    # All before the cut, which could leave half a secret.
    for key in _spellings(api_key):
        words = words.replace(key, "***")
    if broke_off:
        words = _without_half_a_secret(words, api_key)
    words = redact_tokens(words)
    return words if len(words) <= EXCERPT else words[:EXCERPT] + "…"


def _without_half_a_secret(words: str, api_key: str) -> str:
    for key in _spellings(api_key):
        for size in range(len(key), MIN_PART_OF_A_KEY - 1, -1):
            if words.endswith(key[:size]):
                return words[:-size] + "***"
    return HALF_A_TOKEN.sub(lambda match: match[0][:6] + "…", words)


def _spellings(key: str) -> list[str]:
    """Return a key as JSON, HTML and URLs write it, longest first."""
    as_json = json.dumps(key)[1:-1]
    spelt = {key, as_json, as_json.replace("/", "\\/"), html.escape(key), quote(key), quote(key, safe="")}
    return sorted(spelt, key=len, reverse=True)


def drop_values(error: BaseException) -> None:
    """Take rows' values out of the texts of an error, and of those that it came from, if they are a database's.

    PostgreSQL and MariaDB quote what they refuse: `Key (email)=(ana@example.com) already exists`. Every log, error
    tracker and row that the error gets into would hold a copy.
    """
    for one in _chain(error):
        # A driver's own errors have the names that PEP 249 gives them, as Django's have.
        if {kind.__name__ for kind in type(one).__mro__} & {"DatabaseError", "InterfaceError"}:
            one.args = tuple(_without_values(arg) if isinstance(arg, str) else arg for arg in one.args)


def _chain(error: BaseException) -> Iterator[BaseException]:
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            left += [one.__cause__, one.__context__]
            if isinstance(one, BaseExceptionGroup):
                left += one.exceptions
            yield one


def _without_values(text: str) -> str:
    # PostgreSQL says more on further lines: DETAIL, CONTEXT, the statement.
    line = text.strip().partition("\n")[0]
    if _NAMES_ALONE.fullmatch(line):
        return line
    name = _NAME_AT_THE_END.search(line)
    kept = name[0] if name else ""
    return _QUOTED.sub("'…'", line.removesuffix(kept)) + kept


def first_line(error: str) -> str:
    """Return the first line of an error's text without what differs from one person to the next: the same for each.

    A name that stands in it without quotes stays.
    """
    line = clean(redact_tokens(error.strip().partition("\n")[0]))
    line = _CLOSING_ALONE.sub("", _QUOTED.sub("'…'", _ADDRESS.sub("…", line)))
    line = _NUMBER.sub(lambda match: match[0] if _HTTP_STATUS.fullmatch(match[0]) else "…", line)
    return line if len(line) <= EXCERPT else line[:EXCERPT] + "…"


class RedactTokens(logging.Filter):
    """Keeps tokens of subscriptions out of what a handler writes: message, arguments, traceback, stack, extras.

    The path of a webhook ends in its token, and others than this app log paths: `runserver`, gunicorn, uvicorn,
    Django, urllib3. Put it on handlers: a logger's filter does not see what comes from the loggers below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        # Argument by argument, as some formatters (uvicorn's) want them as they were.
        if isinstance(record.args, Mapping):
            record.args = {key: _redacted(value) for key, value in record.args.items()}
        elif record.args:
            record.args = tuple(map(_redacted, record.args))
        if record.exc_info and not record.exc_text:
            text = logging.Formatter().formatException(record.exc_info)
            # Who does not write `exc_text` would write this.
            record.exc_text, record.exc_info = (text, None) if TOKEN.search(text) else (None, record.exc_info)
        record.msg = _redacted(record.msg)
        for name, value in vars(record).items():
            if isinstance(value, str):
                setattr(record, name, redact_tokens(value))
        return True


def _redacted(value: Any) -> Any:
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  # somebody else's; logging itself says what is wrong
        return value
    return redact_tokens(text) if TOKEN.search(text) else value
