"""Database servers of the harness's own: own ports, own folders, nobody else's data."""

from __future__ import annotations

import importlib
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.faults.processes import Processes
from tests.support.host import environment, free_port

#: Where Debian keeps what it does not put on PATH.
ELSEWHERE = ("/usr/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))


class NotHereError(Exception):
    """A server, or its driver, is not installed on this machine."""


class Database(ABC):
    """A server in a folder, with one database, `site`, for each site."""

    name: str

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder

    def start(self) -> None:  # noqa: B027  # SQLite has no server
        """Start the server and wait until it takes connections."""

    def stop(self) -> None:  # noqa: B027  # SQLite has no server
        """Stop the server as if its machine went down."""

    def pause(self) -> None:
        """Let the server say nothing more, with its connections open, as when its disk or its host hangs."""
        raise NotHereError(f"{self.name} has no server to pause")

    def resume(self) -> None:
        """Let a paused server go on."""
        raise NotHereError(f"{self.name} has no server to resume")

    @abstractmethod
    def create(self, database: str) -> str:
        """Make an empty database and return its URL."""

    @abstractmethod
    def connect(self, url: str) -> Any:
        """Return a DB-API connection that sees what is committed."""


class SQLite(Database):
    name = "SQLite"

    def create(self, database: str) -> str:
        return f"sqlite:///{self.folder}/{database}.sqlite3"

    def connect(self, url: str) -> Any:
        path = url.removeprefix("sqlite:///")
        return sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)


class Server(Database):
    """A database that is a process."""

    driver: str
    #: The account to run under where we are root, which these servers refuse.
    system_user: str

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        try:
            self._driver = importlib.import_module(self.driver)
        except ImportError:
            raise NotHereError(f"{self.name}: its driver {self.driver} is not installed") from None
        self.port = free_port()
        self.processes = Processes(folder)
        self.user = self.system_user if os.geteuid() == 0 else None
        if self.user is not None:
            try:
                account = pwd.getpwnam(self.user)
            except KeyError:
                raise NotHereError(f"{self.name}: there is no account {self.user} to run it under") from None
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._prepare()

    def stop(self) -> None:
        if "server" in self.processes.running:
            self.processes.kill("server")

    def pause(self) -> None:
        self.processes.pause("server")

    def resume(self) -> None:
        self.processes.resume("server")

    @abstractmethod
    def _prepare(self) -> None: ...

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self.folder, env=environment(), user=self.user, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _start(self, *command: str, look: Callable[[], Any]) -> None:
        self.processes.start("server", command, env=environment(), cwd=self.folder, user=self.user)
        self.processes.wait(lambda: _succeeds(look, self._driver.Error), f"{self.name} takes connections", 60)


class PostgreSQL(Server):
    name, driver, system_user = "PostgreSQL", "psycopg", "postgres"

    def _prepare(self) -> None:
        # --no-sync: of making the cluster alone; the server itself writes as it always does.
        self._run(find("initdb"), "-D", f"{self.folder}/data", "-U", "zenvia", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder), "-N", "60"]
        self._start(find("postgres"), "-D", f"{self.folder}/data", *options, look=lambda: self._ask("SELECT 1"))

    def stop(self) -> None:
        # An immediate shutdown: what was not committed is gone. Its children are in sessions of their own.
        if "server" in self.processes.running:
            self.processes.stop("server", with_signal=signal.SIGQUIT)

    def create(self, database: str) -> str:
        self._ask(f"CREATE DATABASE {database}")
        return self._url(database)

    def connect(self, url: str) -> Any:
        return self._driver.connect(url, autocommit=True)

    def _url(self, database: str) -> str:
        return f"postgresql://zenvia@127.0.0.1:{self.port}/{database}"

    def _ask(self, query: str) -> bool:
        with self.connect(self._url("postgres")) as connection:
            connection.execute(query)
        return True


class MariaDB(Server):
    name, driver, system_user = "MariaDB", "MySQLdb", "mysql"

    def _prepare(self) -> None:
        tool, data = find("mariadb-install-db"), f"--datadir={self.folder}/data"
        self._run(tool, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db")

    def start(self) -> None:
        options = ["--bind-address=127.0.0.1", f"--port={self.port}", "--skip-grant-tables", "--skip-log-bin"]
        files = [f"--datadir={self.folder}/data", f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid"]
        self._start(find("mariadbd"), "--no-defaults", *files, *options, look=lambda: self._ask("SELECT 1"))

    def create(self, database: str) -> str:
        self._ask(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        return f"mysql://root@127.0.0.1:{self.port}/{database}"

    def connect(self, url: str) -> Any:
        database = urlsplit(url).path.strip("/")
        connection = self._driver.connect(host="127.0.0.1", port=self.port, user="root", database=database)
        connection.autocommit(True)
        return connection

    def _ask(self, query: str) -> bool:
        connection = self.connect("")
        connection.cursor().execute(query)
        connection.close()
        return True


DATABASES: dict[str, type[Database]] = {kind.name: kind for kind in (PostgreSQL, MariaDB, SQLite)}


def find(program: str) -> str:
    """Return the path of a program. Raises NotHereError."""
    found = shutil.which(program, path=os.pathsep.join([*ELSEWHERE, os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise NotHereError(f"{program} is not installed")
    return found


def _succeeds(look: Callable[[], Any], error: type[Exception]) -> bool:
    try:
        look()
    except error:
        return False
    return True
