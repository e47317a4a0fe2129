"""Facts of docs/topics.md, held against the readers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.project.test_readme import BLOCK, blocks, read, table_with
from zenvia_webhooks import signals
from zenvia_webhooks.contracts import ENVELOPES
from zenvia_webhooks.contracts.values import KINDS
from zenvia_webhooks.models import Event
from zenvia_webhooks.signals import EventSignal, signals_of
from zenvia_webhooks.webhook import intake

PAGE = read("docs/topics.md")


def samples() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield contract, topic and sample of each heading."""
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE):
        for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]:
            (block,) = [found[3] for found in BLOCK.finditer(section) if found[2] == "json"]
            yield part.split("`")[1], section.split("`")[1], json.loads(block)


SAMPLES = list(samples())


@pytest.mark.parametrize(("contract", "topic", "sample"), SAMPLES, ids=[" ".join(row[:2]) for row in SAMPLES])
def test_a_sample_is_read_as_its_heading_says(contract: str, topic: str, sample: dict[str, Any]) -> None:
    columns = intake.read("default", json.dumps(sample).encode())
    assert (columns["contract"], columns["topic"]) == (contract, topic)
    assert columns["occurred_at"] is not None
    event = Event(**columns)
    for signal in signals_of(event):
        assert topic_is_told(topic, next(name for name, value in vars(signals).items() if value is signal))


def topic_is_told(topic: str, signal: str) -> bool:
    told = next(row[1] for row in table_with(PAGE, "`lead_created`") if row[0] == f"`{signal}`")
    return f"`{topic}`" in told or f"`{topic.partition('.')[0]}.*`" in told


@pytest.mark.parametrize("contract", ENVELOPES)
def test_every_topic_that_arrives_is_told(contract: str) -> None:
    told = {topic for name, topic, _sample in SAMPLES if name == contract}
    assert told <= set(ENVELOPES[contract].ARRIVING)
    part = PAGE[PAGE.index(f"## `{contract}`") :].split("\n## ")[0]
    assert not [topic for topic in ENVELOPES[contract].ARRIVING if f"`{topic}`" not in part]


def test_every_signal_and_kind_is_told() -> None:
    there = [name for name, value in vars(signals).items() if isinstance(value, EventSignal)]
    assert [row[0].strip("`") for row in table_with(PAGE, "`lead_created`")] == there
    assert tuple(row[0].strip("`") for row in table_with(PAGE, "`message`")) == KINDS


def test_the_receiver_on_the_page_compiles() -> None:
    for block in blocks(PAGE, "python"):
        compile(block, "docs/topics.md", "exec")
