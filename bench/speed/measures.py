"""The measures, by name, in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.speed import backlog, cold, dispatching, latency, memory, purging, servers, slow, storing
from bench.speed.scale import Scale
from bench.speed.site import Site
from bench.speed.tables import Figures


@dataclass(frozen=True, kw_only=True)
class Measure:
    name: str
    title: str
    subjects: tuple[str, ...]
    #: Measures a subject once, from an emptied site on, and adds to the figures. What it starts is stopped afterwards.
    measure: Callable[[Site, Figures, Scale], None]
    #: Prints a table.
    report: Callable[[Figures], None]
    #: It takes minutes and is made once, however many rounds there are.
    is_long: bool = False


def _of(name: str, module: Any, *, is_long: bool = False) -> Measure:
    return Measure(
        name=name,
        title=module.TITLE,
        subjects=module.SUBJECTS,
        measure=module.measure,
        report=module.report,
        is_long=is_long,
    )


MEASURES = {
    measure.name: measure
    for measure in (
        _of("storing", storing),
        _of("dispatching", dispatching),
        _of("slow", slow),
        _of("latency", latency),
        _of("cold", cold),
        _of("servers", servers),
        _of("memory", memory, is_long=True),
        _of("backlog", backlog, is_long=True),
        _of("purging", purging, is_long=True),
    )
}
#: For a quick look.
MAIN = ("storing", "dispatching", "latency")
