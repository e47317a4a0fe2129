"""The virtual environments of the matrix: one for each Python and choice of versions, kept while nothing changes.

    python3 .ci/environments.py    makes those that are missing

They share pip's cache, so that each file is fetched, and each driver compiled for a Python, once.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from runs import LOWEST, ROOT, RUNS, SITES, WORK, Run

#: An environment takes a minute. One that hangs is a network that is gone.
LIMIT_SECONDS = 900


def main() -> int:
    for run in RUNS:
        interpreter = find(run.python)
        if interpreter is not None and (SITES.exists() or not run.is_of_sites):
            environment(run, interpreter)
    return 0


def find(version: str) -> str | None:
    """Return the path of a Python of this version."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    candidates = [shutil.which(f"python{version}"), *map(str, reversed(found))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", "import venv, ensurepip"], capture_output=True).returncode == 0:
            return candidate
    return None


def environment(run: Run, interpreter: str) -> Path:
    """Return the Python of an environment for this run, made if there is none. Raises SubprocessError."""
    if run.by_readme:
        return ROOT / ".venv" / "bin" / "python"
    requirements = [ROOT / "tests" / "requirements.txt", ROOT / "example_project" / "requirements.txt"]
    if run.is_of_sites:
        requirements.append(SITES / "requirements.txt")
    folder = WORK / f"{run.python}-{run.versions}{'-sites' if run.is_of_sites else ''}"
    python, stamp = folder / "bin" / "python", folder / "made-from"
    sources = [ROOT / "setup.cfg", ROOT / "pyproject.toml", *requirements]
    content = f"{interpreter} {LOWEST}".encode() + b"".join(path.read_bytes() for path in sources)
    digest = hashlib.sha256(content).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return python
    subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True, timeout=LIMIT_SECONDS)
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    install += ["--editable", ".[api,redis,postgres,mysql]"]
    for path in requirements:
        install += ["--requirement", str(path)]
    install += LOWEST if run.versions == "lowest" else []
    subprocess.run(install, cwd=ROOT, check=True, timeout=LIMIT_SECONDS)
    stamp.write_text(digest)
    return python


if __name__ == "__main__":
    sys.exit(main())
