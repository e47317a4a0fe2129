"""The defects that the table of faults plants: each can still be planted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults.rows import row_14
from tests.support.paths import ROOT


@pytest.mark.parametrize("defect", row_14.PLANTED, ids=lambda defect: defect.patch)
def test_patch_changes_the_package(defect: row_14.Defect, tmp_path: Path) -> None:
    planted = row_14.patched(tmp_path / "copy", defect.patch)
    sources = {file.relative_to(ROOT): file.read_bytes() for file in (ROOT / "zenvia_webhooks").rglob("*.py")}
    assert any((planted / name).read_bytes() != source for name, source in sources.items())


def test_every_patch_is_planted() -> None:
    assert {defect.patch for defect in row_14.PLANTED} == {file.stem for file in row_14.DEFECTS.glob("*.patch")}
