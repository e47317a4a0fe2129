"""Kombu's filesystem broker, with files that appear whole or not at all.

Kombu writes a message into a file that readers already see. A worker that reads in between gets half of it,
or nothing, and stops with a JSONDecodeError: under load that takes seconds. Processes that bind their queues
at the same moment break the table of bindings for good. Here each file is written aside, then renamed.

For a developer's own machine; a real site points CELERY_BROKER_URL at Redis or RabbitMQ.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any
from uuid import uuid4

from kombu.transport import filesystem
from kombu.utils.json import dumps


def options(folder: Path) -> dict[str, Any]:
    """Return the transport's options for a broker in `folder`, and make its folders: kombu makes none."""
    messages, tables = folder / "messages", folder / "tables"
    for path in (messages, tables):
        path.mkdir(parents=True, exist_ok=True)
    return {
        # What one process puts in, another takes out: one folder for both.
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(tables),
        "polling_interval": 0.1,
    }


def write_whole(path: Path, text: str) -> None:
    """Write `text` so that a reader of `path` sees all of it or no file."""
    # Beside the folder, not in it: older versions of kombu take any file whose name holds the queue's.
    unfinished = path.parent.parent / f"{uuid4().hex}.part"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


class Channel(filesystem.Channel):
    """A channel of the filesystem transport whose writes are atomic."""

    def _put(  # type: ignore[override]  # the stubs of its two parents disagree
        self, queue: str, payload: dict[str, Any], **kwargs: Any
    ) -> None:
        # The name that kombu's reader expects: sortable by time, then the queue.
        name = f"{monotonic_ns() // 1_000_000}_{uuid4()}.{queue}.msg"
        write_whole(Path(self.data_folder_out) / name, dumps(payload))

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        with self._tables_locked():
            # Of two processes that start at once, each would create the table and one binding would be lost.
            table = self.control_folder / f"{exchange}.exchange"
            if not table.exists():
                write_whole(table, "[]")
            super()._queue_bind(exchange, routing_key, pattern, queue)

    @contextmanager
    def _tables_locked(self) -> Iterator[None]:
        with (self.control_folder / "tables.lock").open("ab", buffering=0) as lock_file:
            filesystem.lock(lock_file, filesystem.LOCK_EX)  # type: ignore[attr-defined]  # its stubs lack it
            try:
                yield
            finally:
                filesystem.unlock(lock_file)


class Transport(filesystem.Transport):
    """The transport to name in CELERY_BROKER_TRANSPORT."""

    Channel = Channel
