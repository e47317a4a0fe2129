"""A progress bar, where there is a terminal to show it on."""

from __future__ import annotations

from django.core.management.base import OutputWrapper

WIDTH = 40


class Progress:
    """Shows how much of `total` is done, on a terminal; elsewhere it is silent."""

    def __init__(self, stream: OutputWrapper, total: int) -> None:
        self._stream, self._total, self._done = stream, total, 0

    def advance(self, number: int = 1) -> None:
        self._done += number
        if self._stream.isatty() and self._total:
            part = min(1.0, self._done / self._total)
            bar = "#" * int(part * WIDTH)
            self._stream.write(f"\r[{bar:<{WIDTH}}] {self._done}/{self._total}", ending="")

    def end(self) -> None:
        if self._stream.isatty() and self._done:
            self._stream.write("")
