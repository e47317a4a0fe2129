"""Named places in an event's way where a test may kill or stop the very process that comes by.

Nothing happens, and nothing is looked for, unless the environment variable ZENVIA_FAILPOINTS named a folder when the
process started. A file there named as a failpoint arms it; its text is what happens to the first process that gets
there, and to that one alone.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_folder = os.environ.get("ZENVIA_FAILPOINTS")


def reach(name: str) -> None:
    """Say that this process is at a failpoint."""
    if _folder:
        _fire(Path(_folder) / name)


def _fire(armed: Path) -> None:
    fired = armed.with_name(f"{armed.name}.{os.getpid()}.fired")
    try:
        # Whoever manages to rename it is the one whom it hits.
        armed.rename(fired)
    except FileNotFoundError:
        return
    action = fired.read_text().strip()
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "kill group":
        # A server with all its children, as the end of a container: whoever started it made it a group of its own.
        os.killpg(os.getpgrp(), signal.SIGKILL)
    elif action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        raise ValueError(f"the failpoint {armed.name} knows no action {action!r}")
