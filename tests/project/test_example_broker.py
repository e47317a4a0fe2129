"""The example project's broker in files: what is measured to break with kombu's own, once it is raced."""

from __future__ import annotations

import importlib.util
import json
import threading
from pathlib import Path
from queue import Empty
from types import ModuleType
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from tests.support.paths import EXAMPLE

MODULE = EXAMPLE / "example_project" / "file_broker.py"


@pytest.fixture(scope="module")
def file_broker() -> ModuleType:
    # By its path: the example project is no package of the suite's.
    spec = importlib.util.spec_from_file_location("file_broker", MODULE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def connect(file_broker: ModuleType, folder: Path) -> Any:
    return Connection(
        "filesystem://localhost",
        transport=file_broker.Transport,
        transport_options=file_broker.options(folder),
    )


def test_a_message_is_there_whole_or_not_at_all(
    file_broker: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, looked = Path.replace, []
    with connect(file_broker, tmp_path) as connection:
        channel = connection.default_channel

        def look_then_replace(path: Path, target: Path) -> Path:
            assert path.read_bytes()
            with pytest.raises(Empty):
                channel._get("q")
            looked.append(channel._size("q"))
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", look_then_replace)
        channel._put("q", {"body": "João"})
        assert looked == [0]
        assert channel._size("q") == 1
        assert channel._get("q") == {"body": "João"}


def test_queues_that_are_bound_at_once_are_all_bound(file_broker: ModuleType, tmp_path: Path) -> None:
    names = ["q1", "q2", "q3"]
    for round_ in range(30):
        folder = tmp_path / str(round_)
        start = threading.Barrier(len(names))

        def bind(name: str, folder: Path = folder, start: threading.Barrier = start) -> None:
            with connect(file_broker, folder) as connection:
                channel = connection.default_channel
                start.wait(10)
                Queue(name, Exchange(f"x{folder.name}", "direct"), routing_key=name)(channel).declare()

        threads = [threading.Thread(target=bind, args=[name]) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        table = json.loads((folder / "tables" / f"x{round_}.exchange").read_text())
        assert sorted(key for key, _, _ in table) == names
