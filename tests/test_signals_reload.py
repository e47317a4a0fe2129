"""A module of receivers that is loaded again, as autoreloaders and test tools do."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import event_received, lead_created

SOURCE = """
from django.dispatch import receiver
from zenvia_webhooks.signals import event_received, lead_created

@receiver([lead_created, event_received])
def save(sender, event, **kwargs):
    return {version}

@receiver(lead_created, dispatch_uid="named")
def save_by_name(sender, event, **kwargs):
    return {version}
"""
TWICE = (
    SOURCE
    + """
@receiver(lead_created)
def save(sender, event, **kwargs):
    return "another of this name"
"""
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "reloaded_receivers.py").write_text(SOURCE.format(version=1))
    yield importlib.import_module("reloaded_receivers")
    sys.modules.pop("reloaded_receivers", None)


def returned() -> dict[str, list[object]]:
    return {
        name: [(known.name, known.function(sender=Event, event=None)) for known in signal.connected(Event)]
        for name, signal in (("lead_created", lead_created), ("event_received", event_received))
    }


def as_of(version: int) -> dict[str, list[object]]:
    return {
        "lead_created": [("reloaded_receivers.save", version), ("named", version)],
        "event_received": [("reloaded_receivers.save", version)],
    }


@pytest.mark.parametrize("is_new_module", [False, True])
def test_the_same_function_again_takes_its_place(module: ModuleType, is_new_module: bool) -> None:
    assert returned() == as_of(1)
    assert module.__file__ is not None
    Path(module.__file__).write_text(SOURCE.format(version=22))
    if is_new_module:
        del sys.modules[module.__name__]
        importlib.import_module(module.__name__)
    else:
        importlib.reload(module)
    assert returned() == as_of(22)
    assert len(lead_created.receivers) == 2  # Django's own list, too


def test_two_functions_of_one_name_in_one_module_are_still_refused(module: ModuleType) -> None:
    assert module.__file__ is not None
    Path(module.__file__).write_text(TWICE.format(version=2))
    with pytest.raises(ValueError, match="dispatch_uid of its own"):
        importlib.reload(module)
