"""What the matrix runs.

| Python | SQLite             | PostgreSQL        | MariaDB |
|--------|--------------------|-------------------|---------|
| 3.11   | newest, everything | lowest            |         |
| 3.12   | lowest             | newest            | newest  |
| 3.13   | newest             | newest, workers   | lowest  |

Each two of Python, database and versions meet at least once, but for MariaDB on 3.11: 8 runs instead of 18. What
breaks, breaks in one of the three (a Python that lost a module, SQL that a database refuses, a Django that lost a name)
or where two meet (a driver on a Python, a Django on a database). Django 6 needs Python 3.12, so 3.11's newest Django is
the last of 5.2.

What starts processes or a browser is slow. "everything" has all of it; there alone run the tests marked `once` (wheel,
nginx, demo, browser, processes of commands; the load test apart, as it wants the machine for itself), which are the
same on every Python and database. What asks no database runs on SQLite alone, and under coverage. "workers" has the
other real workers a second time, where everything is newest. The rest runs in process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Environments and results; ignored by git.
WORK = ROOT / "build" / "ci"
#: Tests against other people's apps and themes, each with environments of its own.
SITES = ROOT / "tests" / "sites"

#: What setup.cfg allows at the least, for each of the libraries whose versions matter.
LOWEST = ["Django==5.2.19", "celery==5.5.0", "requests==2.32.4", "urllib3==2.6.3", "phonenumbers==9.0.0"]
LOWEST += ["djangorestframework==3.16.0", "django-filter==25.1", "drf-spectacular==0.28.0"]
DATABASES = {"SQLite": "", "PostgreSQL": "TEST_POSTGRES_URL", "MariaDB": "TEST_MARIADB_URL"}

LOAD = "tests/bench/test_load.py"
#: More than there are cores, as many a test waits.
SPREAD = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]
#: The load test wants the machine for itself.
EVERYTHING = [f"--ignore={LOAD}"]
WORKERS = [*SPREAD, "-m", "not once"]
IN_PROCESS = [*SPREAD, "-m", "not once and not worker"]
#: Folders whose tests ask no database of ours: the runs on SQLite have them, one for each Python.
NO_DATABASE = [f"--ignore=tests/{name}" for name in ("client", "contracts", "project", "sandbox")]
COVERAGE = ["--cov", "--cov-report=term", "--cov-fail-under=95"]


@dataclass(kw_only=True)
class Run:
    """One run of pytest, and what came of it."""

    python: str
    database: str
    versions: str = "newest"
    arguments: list[str] = field(default_factory=list)
    #: What the table calls it.
    what: str = "in process"
    #: The command that the README names, in the environment that it makes.
    by_readme: bool = False
    is_of_sites: bool = False
    #: In seconds; far more than it takes. What hangs must not use up the time of all the others.
    limit: float = 600
    counts: dict[str, int] = field(default_factory=dict)
    #: What each failed test said, behind its name.
    failures: list[str] = field(default_factory=list)
    installed: str = ""
    seconds: float = 0

    @property
    def title(self) -> str:
        return f"Python {self.python}, {self.versions} versions, {self.database}, {self.what}"

    @property
    def is_good(self) -> bool:
        return bool(self.counts) and self.counts["passed"] > 0 and not self.counts["failed"] + self.counts["skipped"]


RUNS = [
    Run(python="3.11", database="SQLite", arguments=EVERYTHING, what="everything", by_readme=True, limit=900),
    Run(python="3.11", database="SQLite", arguments=[LOAD], what="load", by_readme=True, limit=900),
    Run(python="3.11", database="PostgreSQL", versions="lowest", arguments=[*IN_PROCESS, *NO_DATABASE]),
    Run(python="3.12", database="SQLite", versions="lowest", arguments=IN_PROCESS),
    Run(python="3.12", database="PostgreSQL", arguments=[*IN_PROCESS, *COVERAGE]),
    Run(python="3.12", database="MariaDB", arguments=[*IN_PROCESS, *NO_DATABASE]),
    Run(python="3.13", database="SQLite", arguments=IN_PROCESS),
    Run(python="3.13", database="PostgreSQL", arguments=WORKERS, what="workers"),
    Run(python="3.13", database="MariaDB", versions="lowest", arguments=[*IN_PROCESS, *NO_DATABASE]),
    Run(python="3.12", database="SQLite", arguments=["tests/sites"], what="sites", is_of_sites=True, limit=900),
]
