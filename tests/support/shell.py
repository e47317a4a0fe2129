"""The shell of a host project: one process for all that a test asks of it, as each start takes a second."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

#: Runs code, a line of JSON each, as `manage.py shell -c` does; answers with what it printed.
SERVE = """
import contextlib, io, json, sys
import django
django.setup()
names = {}
exec("from zenvia_webhooks.models import *; from shop.models import *", names)
for line in sys.stdin:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(json.loads(line), dict(names))
    print(json.dumps(said.getvalue()), flush=True)
"""


class Shell:
    """Runs code in the project's folder until it is stopped. Code that fails ends it."""

    def __init__(self, python: Path | str, folder: Path, environment: dict[str, str]) -> None:
        self._errors = folder / "shell.log"
        with self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [python, "-c", SERVE],
                cwd=folder,
                env={**environment, "DJANGO_SETTINGS_MODULE": "host.settings"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def run(self, code: str) -> str:
        """Run code with the models at hand; return what it printed. Fails with its errors where it fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._errors.read_text()
        said: str = json.loads(answer)
        return said

    def stop(self) -> None:
        """End the process; what it has begun to send is out."""
        with self._process:  # closes its input, and waits
            pass
