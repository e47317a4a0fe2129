"""What a row of the table gets to work with, and what it leaves."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.faults.brokers import BROKERS, Broker
from bench.faults.databases import DATABASES, Database, NotHereError
from bench.faults.site import Site
from tests.support.paths import ROOT

COLUMNS = ("fault", "sent", "acknowledged", "stored", "delivered", "lost", "run twice", "longest answer")


class NotWantedError(Exception):
    """This part is not to be run."""


@dataclass
class Line:
    """One line of the table."""

    fault: str
    sent: int = 0
    acknowledged: int = 0
    stored: int = 0
    delivered: int = 0
    lost: int = 0
    run_twice: int = 0
    longest_answer: float | None = None
    #: What else was measured.
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def expect(self, truth: object, otherwise: str) -> None:
        """Note what must hold. The row goes on, so that everything that is wrong is seen."""
        if not truth:
            self.failures.append(otherwise)

    def count(
        self,
        sent: dict[str, Any],
        found: dict[str, Any],
        *,
        bad: Collection[str] = (),
        statuses: Collection[str] = ("dispatched",),
        may_run_twice: bool = False,
    ) -> None:
        """Fill in from what the senders and the checker say, and expect that nothing is lost.

        The receivers of `bad` are not expected to run to their ends, or once; all events are to end in `statuses`.
        """
        found = found | {
            name: [(receiver, pk) for receiver, pk in found[name] if receiver not in bad]
            for name in ("undelivered", "run_twice")
        }
        undelivered = {pk for _receiver, pk in found["undelivered"]}
        self.sent += sent["sent"]
        self.acknowledged += len(sent["acknowledged"])
        self.stored += found["stored"]
        self.delivered += found["stored"] - len(undelivered)
        self.lost += len(found["missing"]) + len(undelivered)
        self.run_twice += len({pk for _receiver, pk in found["run_twice"]})
        self.longest_answer = max([self.longest_answer or 0, *sent["latencies"]])
        self.expect(sent["acknowledged"], "nothing was acknowledged")
        self.expect(set(found["statuses"]) <= set(statuses), f"statuses: {found['statuses']}, not {statuses} alone")
        self.expect(may_run_twice or not found["run_twice"], f"run twice: {found['run_twice'][:5]}")
        for wrong, what in {
            "missing": "acknowledged, but not stored",
            "doubled": "stored more than once",
            "undelivered": "stored, but not delivered",
            "after_success": "run again after a success that had been committed",
            "overlapping": "run by two at once",
            "effects": "an atomic receiver's effect is not there exactly once, or stayed without a success",
        }.items():
            self.expect(not found[wrong], f"{what}: {len(found[wrong])}, such as {found[wrong][:5]}")

    def cells(self) -> tuple[str, ...]:
        counts = (self.sent, self.acknowledged, self.stored, self.delivered, self.lost, self.run_twice)
        longest = "-" if self.longest_answer is None else f"{1000 * self.longest_answer:.0f} ms"
        return (f"{self.fault} (FAILED)" if self.failures else self.fault, *map(str, counts), longest)


class Servers:
    """Servers that rows share, each started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._databases: dict[str, Database] = {}
        self._brokers: dict[str, Broker] = {}

    def database(self, name: str) -> Database:
        """Return a running database. Raises NotHereError."""
        if name not in self._databases:
            self._databases[name] = database = DATABASES[name](self.folder / name)
            database.start()
        return self._databases[name]

    def broker(self, kind: str, name: str = "") -> Broker:
        """Return a running broker, one for each name. Raises NotHereError."""
        name = name or kind
        if name not in self._brokers:
            self._brokers[name] = broker = BROKERS[kind](self.folder / name)
            broker.start()
        return self._brokers[name]

    def stop(self) -> None:
        with contextlib.ExitStack() as all_of_them:
            for database in self._databases.values():
                all_of_them.callback(database.stop)
            for broker in self._brokers.values():
                all_of_them.callback(broker.stop)


class Case:
    """One row's run: its folder, its sites, its lines of the table."""

    def __init__(self, folder: Path, *, short: bool, only: str = "", package: Path | None = None) -> None:
        """With `only`, no part whose fault lacks that text is run; `package` is a folder to import our package from."""
        folder.mkdir()
        folder.chmod(0o755)
        self.folder, self.short, self.only, self.package = folder, short, only, package
        self.servers = Servers(folder)
        self.lines: list[Line] = []
        #: Why a part could not be run on this machine.
        self.left_out: list[str] = []

    def amount(self, whole: int, short: int) -> int:
        """Return how much of something to do."""
        return short if self.short else whole

    def line(self, fault: str) -> Line:
        self.lines.append(Line(fault))
        return self.lines[-1]

    @contextlib.contextmanager
    def part(self, fault: str) -> Iterator[Line]:
        """Open a line of the table; what fails inside fails the line, not the rest of the row."""
        line = self.line(fault)
        try:
            yield line
        except NotWantedError:
            self.lines.remove(line)
        except NotHereError as error:
            self.lines.remove(line)
            self.left_out.append(f"{fault}: {error}")
        except Exception:  # noqa: BLE001  # whatever it is, the other parts are worth running
            line.failures.append(traceback.format_exc())

    def require(self, fault: str) -> None:
        """Leave the part where it is not to be run."""
        if self.only not in fault:
            raise NotWantedError

    @contextlib.contextmanager
    def site(self, database: str = "PostgreSQL", broker: str | Broker = "Redis", **options: Any) -> Iterator[Site]:
        """Make a site on servers of this row; whatever was started for it is stopped in the end."""
        self.require(self.lines[-1].fault)
        if self.package is not None:
            options["variables"] = {**options.get("variables", {}), "PYTHONPATH": f"{self.package}:{ROOT}"}
        name = f"site_{len(list(self.folder.glob('site_*')))}"
        if isinstance(broker, str):
            broker = self.servers.broker(broker)
        site = Site(self.folder / name, self.servers.database(database), broker, **options)
        try:
            yield site
        finally:
            self.lines[-1].failures += site.complaints
            site.stop()
