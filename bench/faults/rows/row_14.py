"""Planted defects, each a patch applied to a copy of the package: each is caught by a named row."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.faults.case import Case
from tests.support.host import environment
from tests.support.paths import ROOT

DEFECTS = ROOT / "bench" / "faults" / "defects"


@dataclass(frozen=True)
class Defect:
    patch: str
    #: The row that catches it, and the part of it that is enough.
    row: int
    part: str
    #: What that row then says, among other things: one that merely breaks off has caught nothing.
    says: str


PLANTED = (
    Defect("check_then_insert", 5, "PostgreSQL", "answers: "),
    Defect("publish_before_commit", 2, "Redis silent", "no answer: "),
    Defect("ack_before_work", 4, "PostgreSQL", "stored, but not delivered"),
    Defect("lease_never_expires", 4, "PostgreSQL", "stayed in dead hands"),
    Defect("dedupe_marks_done", 6, "sent again", "stored, but not delivered"),
    Defect("one_transaction_for_all", 7, "PostgreSQL", "run twice: [('effect'"),
    Defect("swallowed_time_limit", 7, "PostgreSQL", "swallows_the_limit of event 1 is succeeded"),
    Defect("no_fence", 10, "stopped past its lease, PostgreSQL", "the late outcome is refused"),
    Defect("not_counted_before", 8, "", "the killer ran"),
    Defect("gone_at_once", 6, "unknown to an old worker", "stored, but not delivered"),
)


def run(case: Case) -> None:
    for defect in PLANTED:
        name = defect.patch.replace("_", " ")
        with case.part(f"planted: {name}, row {defect.row}") as line:
            package = patched(case.folder / defect.patch, defect.patch)
            inner = Case(case.folder / f"{defect.patch}_row", short=True, only=defect.part, package=package)
            try:
                importlib.import_module(f"bench.faults.rows.row_{defect.row:02}").run(inner)
            finally:
                inner.servers.stop()
            said = [failure for inner_line in inner.lines for failure in inner_line.failures]
            caught = [failure for failure in said if defect.says in failure]
            line.expect(inner.lines, "no part of the row was run")
            line.expect(caught, f"not caught: no failure says {defect.says!r}, but {said}")
            line.notes += [f"caught: {first_line(failure, defect.says)[:100]}" for failure in caught[:1]]
            case.left_out += inner.left_out


def first_line(text: str, holding: str) -> str:
    return next(line.strip() for line in text.splitlines() if holding in line)


def patched(folder: Path, patch: str) -> Path:
    """Return a folder with a copy of the package that has this defect."""
    shutil.copytree(ROOT / "zenvia_webhooks", folder / "zenvia_webhooks", ignore=shutil.ignore_patterns("__pycache__"))
    command = ["git", "apply", "--recount", str(DEFECTS / f"{patch}.patch")]
    # Not in whatever repository may be around it: git would look for the files there.
    alone = environment() | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, f"the patch does not apply any more: {done.stderr}"
    return folder
