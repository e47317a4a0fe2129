"""What is made of the figures; the measures themselves need a machine of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench.speed import __main__ as speed

STORED = {"rate": [100.0, 400.0, 300.0], "p50": [8.0] * 3, "p99": [20.0] * 3, "cpu": [900.0] * 3}
OURS = {**STORED, "rate": [80.0, 200.0, 270.0], "p99": [30.0] * 3}


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    path = tmp_path / "figures.json"
    waits = {"latency": [10.0]}
    path.write_text(json.dumps({"storing": {"ceiling": STORED, "ours": OURS}, "latency": {"ours": waits}}))
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
    return speed.main()


def rows_of(printed: str) -> dict[str, list[str]]:
    lines = [line.strip("|").split("|") for line in printed.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in lines}


def test_a_table_has_the_median_of_each_rounds_own_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], figures: Path
) -> None:
    assert run(monkeypatch, "--show", "--measure", "storing", "--json", figures) == 0
    rows = rows_of(capsys.readouterr().out)
    # 0.8, 0.5 and 0.9: not the ratio of the medians, which is 0.67. By hand was not measured.
    assert rows["ours"][:3] == ["200", "0.80", ""]
    assert rows["ours"][3:6] == ["8.0", "30", "1.50"]
    assert rows["ours"][7] == "80 to 270"


def test_a_measure_that_is_made_again_replaces_its_own_figures_alone(
    monkeypatch: pytest.MonkeyPatch, figures: Path, tmp_path: Path
) -> None:
    def make(measure: object, *_rest: object) -> dict[str, dict[str, list[float]]]:
        return {"ours": {"latency": [20.0]}}

    for name in ("PostgreSQL", "Redis", "Site"):
        monkeypatch.setattr(speed, name, lambda *_arguments: Silent())
    monkeypatch.setattr(speed, "find", str)
    monkeypatch.setattr(speed, "end_all", int)
    monkeypatch.setattr(speed, "make", make)
    assert run(monkeypatch, "--measure", "latency", "--only", "ours", "--json", figures) == 0
    assert json.loads(figures.read_text()) == {
        "storing": {"ceiling": STORED, "ours": OURS},
        "latency": {"ours": {"latency": [20.0]}},
    }


class Silent:
    """Servers and sites that are not started."""

    def start(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--measure", "speed"], "no such measure: speed; there are: storing, "),
        (["--only", "theirs"], "no such subject: theirs; there are: ceiling, "),
        (["--show"], "--show needs the file of --json"),
        (["--show", "--json", "x.json", "--rounds", "0"], "the numbers must be greater than 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], answer: str
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, *arguments)
    assert answer in capsys.readouterr().err
