"""The plot of storing and dispatching."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from bench.speed import dispatching
from bench.speed.tables import Figures

OURS, OTHERS, INK = "#1f6feb", "#b3bac5", "#333333"


def draw(figures: dict[str, Figures], path: Path) -> None:
    """Write a PNG with what there is of storing, and of dispatching."""
    parts = [(name, part) for name, part in (("storing", _storing), ("dispatching", _dispatching)) if figures.get(name)]
    assert parts, "there are no figures of storing or dispatching to draw"
    with plt.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "text.color": INK}):
        figure, axes = plt.subplots(1, len(parts), figsize=(5.2 * len(parts), 3.4), squeeze=False, layout="constrained")
        for axis, (name, part) in zip(axes[0], parts, strict=True):
            part(axis, figures[name])
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=150)
        plt.close(figure)


def _storing(axis: Any, figures: Figures) -> None:
    names = sorted(figures, key=lambda name: statistics.median(figures[name]["rate"]))
    medians = [statistics.median(figures[name]["rate"]) for name in names]
    lowest = [middle - min(figures[name]["rate"]) for name, middle in zip(names, medians, strict=True)]
    highest = [max(figures[name]["rate"]) - middle for name, middle in zip(names, medians, strict=True)]
    colours = [OURS if name == "ours" else OTHERS for name in names]
    axis.barh(names, medians, xerr=[lowest, highest], color=colours, ecolor=INK, capsize=3)
    axis.set_xlabel("webhooks stored a second: median, lowest and highest round")
    axis.set_title("Storing", loc="left")


def _dispatching(axis: Any, figures: Figures) -> None:
    for name, found in figures.items():
        rates = [found[f"rate_{processes}"] for processes in dispatching.PROCESSES]
        medians = [statistics.median(rate) for rate in rates]
        lowest = [middle - min(rate) for middle, rate in zip(medians, rates, strict=True)]
        highest = [max(rate) - middle for middle, rate in zip(medians, rates, strict=True)]
        colour = OURS if name == "ours" else OTHERS
        axis.errorbar(
            dispatching.PROCESSES, medians, yerr=[lowest, highest], color=colour, marker="o", capsize=3, label=name
        )
        axis.annotate(name, (dispatching.PROCESSES[-1], medians[-1]), (8, 0), textcoords="offset points", va="center")
    axis.set_xticks(dispatching.PROCESSES)
    axis.set_xlim(0.8, dispatching.PROCESSES[-1] + 0.9)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("worker processes")
    axis.set_title("Events handed out a second, of a backlog", loc="left")
