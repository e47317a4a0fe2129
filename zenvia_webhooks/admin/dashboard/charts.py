"""Bars as numbers for a template to draw: no style and no script stands in a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zenvia_webhooks.admin.dashboard.figures import Figures

#: The chart's own units, in which its parts are placed.
WIDTH, HEIGHT = 720, 150
#: So many topics have a colour of their own; the rest share the last.
COLOURS = 4


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A coloured part of a bar."""

    colour: int
    y: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Bar:
    since: datetime
    until: datetime
    total: int
    x: int
    width: int
    pieces: Sequence[Piece]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Events over time, by topic."""

    bars: Sequence[Bar]
    #: What the highest bar stands for.
    highest: int
    #: (topic, colour, number); the last one's topic is None where it stands for several.
    legend: Sequence[tuple[str | None, int, int]]
    width: int = WIDTH
    height: int = HEIGHT


def chart_of(figures: Figures) -> Chart:
    topics = figures.topics.most_common()
    own = topics[:COLOURS] if len(topics) > COLOURS + 1 else topics
    legend: list[tuple[str | None, int, int]] = [(topic, colour, number) for colour, (topic, number) in enumerate(own)]
    if rest := sum(number for _topic, number in topics[len(own) :]):
        legend.append((None, COLOURS, rest))
    colours = {topic: colour for topic, colour, _number in legend if topic is not None}
    steps = figures.by_step()
    highest = max((step.total() for step in steps), default=0)
    place = WIDTH // max(len(steps), 1)
    bars = [
        Bar(
            since=figures.span.since + number * figures.span.step,
            until=figures.span.since + (number + 1) * figures.span.step,
            total=step.total(),
            x=number * place + 2,
            width=place - 4,
            pieces=_pieces(step, colours, highest),
        )
        for number, step in enumerate(steps)
    ]
    return Chart(bars=bars, highest=highest, legend=legend)


def _pieces(step: Counter[str], colours: dict[str, int], highest: int) -> list[Piece]:
    by_colour: Counter[int] = Counter()
    for topic, number in step.items():
        by_colour[colours.get(topic, COLOURS)] += number
    pieces, top, passed = [], HEIGHT, 0
    for colour in sorted(by_colour):
        passed += by_colour[colour]
        # By the sum, so that rounding does not add up; a single event can be seen.
        y = min(HEIGHT - HEIGHT * passed // highest, top - 1)
        pieces.append(Piece(colour=colour, y=y, height=top - y))
        top = y
    return pieces
