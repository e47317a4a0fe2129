"""What all our commands are: their work never hangs on a line that can't be printed."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandParser, OutputWrapper
from django.utils.functional import Promise

from zenvia_webhooks.redaction import printable


class Printer(OutputWrapper):
    """Prints what the stream can't encode as escapes, and nothing more once the stream takes nothing more."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream or io.StringIO())  # Python sets none where a process was started without one
        self._stream: TextIO | None = stream

    def write(  # type: ignore[override]  # as Django's own
        self, msg: str = "", style_func: Callable[[str], str] | None = None, ending: str | None = None
    ) -> None:
        encodable = _encodable(msg, getattr(self._stream, "encoding", None) or "utf-8")
        self._attempt(lambda: super(Printer, self).write(encodable, style_func, ending))

    def flush(self) -> None:
        self._attempt(super().flush)

    def _attempt(self, print_: Callable[[], None]) -> None:
        if self._stream is None:
            return
        try:
            print_()
        except OSError as error:  # a closed pipe, a full disk
            stream, self._stream = self._stream, None
            if isinstance(error, BrokenPipeError) and stream in (sys.stdout, sys.stderr):
                # What is still in its buffer goes nowhere, or Python would fail with it at its end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class OwnCommand(BaseCommand):
    #: In the language of whoever reads it.
    help: str | Promise = ""  # type: ignore[assignment]  # Django's own is a plain text

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None, **options: Any) -> None:
        super().__init__(stdout, stderr, **options)
        style_func = self.stderr.style_func
        self.stdout, self.stderr = Printer(stdout or sys.stdout), Printer(stderr or sys.stderr)
        self.stderr.style_func = style_func

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        self.help = str(self.help)  # argparse takes no lazy text
        return super().create_parser(prog_name, subcommand, **options)

    def execute(self, *args: Any, **options: Any) -> str | None:
        # Taken out, as Django would print to them by itself.
        if stdout := options.pop("stdout", None):
            self.stdout = Printer(stdout)
        if stderr := options.pop("stderr", None):
            self.stderr = Printer(stderr)
        try:
            return super().execute(*args, **options)
        finally:
            self.stdout.flush()
            self.stderr.flush()

    def say(self, line: str) -> None:
        """Print a line that may hold words of Zenvia's or of a webhook's: a terminal obeys nothing in them."""
        self.stdout.write(printable(line))

    def warn(self, line: str) -> None:
        """Print such a line to standard error."""
        self.stderr.write(printable(line))


def _encodable(text: str, encoding: str) -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)
