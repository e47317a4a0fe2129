"""The servers that some tests need, and whether they are there."""

from __future__ import annotations

import importlib.util
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
import pytest
from django.db import connections

#: Name → the environment variable with its URL. Nobody's own server is used without being named so.
VARIABLES: Mapping[str, str] = {
    "PostgreSQL": "TEST_POSTGRES_URL",
    "MariaDB": "TEST_MARIADB_URL",
    "Redis": "TEST_REDIS_URL",
    "RabbitMQ": "TEST_RABBITMQ_URL",
}
DATABASES, BROKERS = ("PostgreSQL", "MariaDB"), ("Redis", "RabbitMQ")
DRIVERS = {"PostgreSQL": "psycopg", "MariaDB": "MySQLdb", "Redis": "redis", "RabbitMQ": "amqp"}


def url_of(name: str) -> str:
    """Return a server's URL; empty where none is named. A database's may create and drop databases."""
    return os.environ.get(VARIABLES[name], "")


def missing(name: str) -> str:
    """Return why a server can't be used, or nothing."""
    url = urlsplit(url_of(name))
    if not url.hostname:
        return f"{name}: {VARIABLES[name]} names none"
    if importlib.util.find_spec(DRIVERS[name]) is None:
        return f"{name}: its driver {DRIVERS[name]} is not installed"
    try:
        socket.create_connection((url.hostname, url.port), timeout=2).close()
    except OSError:
        return f"{name}: nothing answers on {url.hostname}:{url.port}"
    return ""


def need(*names: str) -> None:
    """Skip the present test where a server, or its driver, is not there."""
    if reasons := [reason for name in names if (reason := missing(name))]:
        pytest.skip("; ".join(reasons))


@contextmanager
def an_empty_database(name: str, django_db_blocker: Any) -> Iterator[str]:
    """Make one on a server, "PostgreSQL" or "MariaDB", give its URL, and drop it."""
    need(name)
    url, database = url_of(name), f"zenvia_host_{os.getpid()}"
    with django_db_blocker.unblock():
        _execute(url, f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}")
    try:
        yield url.rpartition("/")[0] + f"/{database}"
    finally:
        with django_db_blocker.unblock():
            _execute(url, f"DROP DATABASE {database}")


def _execute(url: str, *statements: str) -> None:
    """Run statements over a connection of their own: no database is made within a transaction."""
    alias = "of_the_server"
    connections.settings[alias] = {
        **connections.settings["default"],
        "OPTIONS": {},
        **dj_database_url.parse(url),
    }
    try:
        with connections[alias].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connections[alias].close()
        del connections[alias], connections.settings[alias]
