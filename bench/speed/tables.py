"""Figures, and tables of them that can be pasted into a page of the docs."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence

#: Figure → one value a round.
Found = dict[str, list[float]]
#: Subject → its figures, of one measure.
Figures = dict[str, Found]


def median(found: Found, figure: str, digits: int = 0) -> str:
    return f"{statistics.median(found[figure]):,.{digits}f}"


def spread(found: Found, figure: str) -> str:
    return f"{min(found[figure]):,.0f} to {max(found[figure]):,.0f}"


def ratio(figures: Figures, subject: str, other: str, figure: str) -> str:
    """Return the median of each round's own ratio; nothing where the other was not measured."""
    if other not in figures:
        return ""
    pairs = zip(figures[subject][figure], figures[other][figure], strict=True)
    return f"{statistics.median(one / two for one, two in pairs):.2f}"


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print it as Markdown."""
    table = [list(titles), *map(list, rows)]
    widths = [max(3, *(len(row[column]) for row in table)) for column in range(len(titles))]
    table.insert(1, ["-" * width for width in widths])
    say("")
    for row in table:
        say("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
