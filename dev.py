#!/usr/bin/env python3
"""Try and develop django-zenvia-webhooks with Python 3.11+ and nothing else.

    python3 dev.py demo         the example project with a stand-in Zenvia, on this machine
    python3 dev.py test         the test suite on SQLite; further arguments go to pytest
    python3 dev.py faults       break real processes and servers, and count what is lost; --help tells more
    python3 dev.py bench        measure how fast it stores and hands out, beside yardsticks; --help tells more
    python3 dev.py screenshots  picture every page of the admin, in each language; --help tells more
    python3 dev.py check        lint, formatting, types, migrations, import directions, translations
    python3 dev.py messages     bring new texts into the catalogues, and compile them: see docs/translating.md

Each makes .venv beside this file first, and installs what it needs into it.
"""

import sys

if sys.version_info < (3, 11):
    # Before anything that an older Python might not have.
    sys.exit(
        "dev.py needs Python 3.11 or newer; this is Python %d.%d. Run it with a newer one, such as: "
        "python3.11 dev.py %s" % (sys.version_info[0], sys.version_info[1], " ".join(sys.argv[1:]))
    )

import argparse
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
EXAMPLE = ROOT / "example_project"
CATALOGUES = str(ROOT / ".ci" / "catalogues.py")
FOR_DEMO = [EXAMPLE / "requirements.txt"]
FOR_TESTS = [*FOR_DEMO, ROOT / "tests" / "requirements.txt"]
FOR_CHECKS = [*FOR_TESTS, ROOT / "tests" / "requirements-check.txt"]
FOR_BENCH = [*FOR_TESTS, ROOT / "bench" / "requirements.txt"]
FOR_SCREENSHOTS = [*FOR_TESTS, ROOT / "bench" / "screenshots" / "requirements.txt"]

# What the caller's shell may hold for another project, and would lead ours astray.
FOREIGN = [
    "DJANGO_SETTINGS_MODULE",
    "MYPYPATH",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_TARGET",
    "PIP_USER",
    "PYTEST_ADDOPTS",
    "PYTHONDONTWRITEBYTECODE",  # every process would compile all of Django and Celery again: three times the work
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="demo | test | faults | bench | screenshots | check | messages"
    )
    demo = commands.add_parser("demo", allow_abbrev=False)
    demo.add_argument("--once", action="store_true", help="stop after the first lead; exit 0 if it arrived")
    commands.add_parser("test", allow_abbrev=False, usage="dev.py test [pytest arguments]")
    commands.add_parser("faults", allow_abbrev=False, add_help=False)
    commands.add_parser("bench", allow_abbrev=False, add_help=False)
    commands.add_parser("screenshots", allow_abbrev=False, add_help=False)
    commands.add_parser("check", allow_abbrev=False)
    commands.add_parser("messages", allow_abbrev=False)
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in ("test", "faults", "bench", "screenshots"):
        parser.error(f"unknown: {shlex.join(rest)}")
    if os.name != "posix":
        sys.exit("dev.py needs Linux, macOS or WSL: Celery's worker processes do not run on Windows.")

    os.chdir(ROOT)
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ["PATH"] = f"{PYTHON.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"

    if arguments.command == "demo":
        install("demo", FOR_DEMO)
        become([str(EXAMPLE / "demo.py"), *(["--once"] if arguments.once else [])])
    if arguments.command == "bench":
        install("bench", FOR_BENCH)
        become(["-m", "bench.speed", *rest])
    if arguments.command == "screenshots":
        install("screenshots", FOR_SCREENSHOTS)
        become(["-m", "bench.screenshots", *rest])
    for_checks = arguments.command in ("check", "messages")
    install(*(("checks", FOR_CHECKS) if for_checks else ("tests", FOR_TESTS)))
    if arguments.command == "test":
        # The whole in four processes, even on two cores, as much of it waits: a file's tests in one of them, and what
        # is slow first.
        is_whole = all(argument.startswith(("--junitxml=", "--ignore=")) for argument in rest)
        in_four = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"] if is_whole else []
        # -rs: pytest says what it left out, and why, above its closing line.
        become(["-m", "pytest", "-rs", *in_four, *rest])
    if arguments.command == "faults":
        become(["-m", "bench.faults", *rest])
    if arguments.command == "messages":
        become([CATALOGUES, "--write"])
    return check()


def check() -> int:
    """Run every check, also after one that failed, and say which did."""
    failed = []
    with tempfile.TemporaryDirectory() as data_dir:
        for command in (
            ["-m", "ruff", "check"],
            ["-m", "ruff", "format", "--check"],
            ["-m", "mypy"],
            # The package's own migrations too: the example project has it installed.
            [str(EXAMPLE / "manage.py"), "makemigrations", "--check", "--dry-run"],
            [CATALOGUES],
            ["-m", "pytest", "-q", "tests/test_imports.py"],
        ):
            shown = shlex.join(command)
            print(f"\n> {shown}", flush=True)
            if subprocess.call([str(PYTHON), *command], env={**os.environ, "DATA_DIR": data_dir, "DEBUG": "1"}):
                failed.append(shown)
    print("\nFailed: " + "; ".join(failed) if failed else "\nAll checks passed.", flush=True)
    return 1 if failed else 0


def become(arguments: list[str]) -> None:
    """Replace this process with the environment's Python, so that signals and exit code are its own."""
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), *arguments])


def install(name: str, requirements: list[Path]) -> None:
    """Make the environment, and install the package and `requirements`, unless nothing changed since."""
    maker = f"{sys.version} {ROOT}"
    made_by = VENV / "dev-made-by"
    if not (PYTHON.exists() and made_by.exists() and made_by.read_text() == maker):
        make_environment()
        made_by.write_text(maker)

    digest = hashlib.sha256()
    for path in [ROOT / "setup.cfg", ROOT / "pyproject.toml", *requirements]:
        digest.update(path.read_bytes())
    stamp = VENV / f"dev-installed-{name}"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    print("Installing what is needed into .venv; the first time takes a minute or two.", flush=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    pip += ["--editable", "."]
    for path in requirements:
        pip += ["--requirement", str(path)]
    if subprocess.call(pip):
        sys.exit("pip could not install (see above). dev.py needs the network this once; then run it again.")
    stamp.write_text(digest.hexdigest())


def make_environment() -> None:
    """Make .venv from scratch, or say what this Python lacks to do so."""
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        version = "%d.%d" % sys.version_info[:2]
        if shutil.which("apt-get"):
            fix = f"apt install python{version}-venv   (as root, or with sudo)"
        else:
            fix = f"install Python {version} with venv and pip: your system's packages, or python.org's"
        sys.exit(f"This Python lacks what makes virtual environments (venv, ensurepip). The fix:\n  {fix}")
    print("Making the virtual environment .venv", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        sys.exit("Making .venv failed (see above).")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
