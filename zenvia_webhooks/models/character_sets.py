"""Character sets of databases: which characters a column can't hold, and what is written in their place."""

from __future__ import annotations

import codecs
import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

#: What holds every character. PostgreSQL's SQL_ASCII keeps bytes as they come, and Django sends UTF-8.
COMPLETE = frozenset({"utf8", "utf8mb4", "utf16", "utf32", "sql_ascii"})
#: PostgreSQL's and MySQL's names → Python's, where those differ.
CODECS = {"latin1": "latin-1", "ujis": "euc_jp", "euckr": "euc_kr"}

_PAST_THREE_BYTES = re.compile("[\U00010000-\U0010ffff]")

#: Database, its name, table and column → character set: asked for once in a process.
_known: dict[tuple[str, str, str, str], str] = {}


def character_set(connection: BaseDatabaseWrapper, table: str, column: str) -> str:
    """Return the character set of a text column, in lower case, such as "utf8" or "latin1"; "utf8mb3" is MySQL's."""
    if connection.vendor not in ("postgresql", "mysql"):
        return "utf8"
    key = connection.alias, str(connection.settings_dict["NAME"]), table, column
    if key not in _known:
        _known[key] = _ask(connection, table, column)
    return _known[key]


def _ask(connection: BaseDatabaseWrapper, table: str, column: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_encoding")
            return str(cursor.fetchone()[0]).lower()
        cursor.execute(
            "SELECT character_set_name, @@character_set_client FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
            [table, column],
        )
        found: Any = cursor.fetchone()
    of_column, of_connection = (str(name or "utf8mb4").lower() for name in (found or ("utf8mb4", "utf8mb4")))
    # The narrower one counts: what the connection can't carry does not reach the column.
    narrow = next((name for name in (of_column, of_connection) if name != "utf8mb4"), "utf8mb4")
    return "utf8mb3" if narrow == "utf8" else narrow


def is_complete(name: str) -> bool:
    """Tell whether a character set holds every character."""
    return name in COMPLETE


def writable(text: str, name: str) -> str:
    r"""Return the text with each character that a character set lacks in ASCII, as in `\U0001f600`."""
    if is_complete(name) or text.isascii():
        return text
    if name == "utf8mb3":
        return _PAST_THREE_BYTES.sub(lambda found: found[0].encode("ascii", "backslashreplace").decode("ascii"), text)
    codec = _codec(name)
    return text.encode(codec, "backslashreplace").decode(codec)


def _codec(name: str) -> str:
    plain = CODECS.get(name, name.replace("win", "cp") if name.startswith("win") else name)
    try:
        return codecs.lookup(plain).name
    except LookupError:
        return "ascii"
