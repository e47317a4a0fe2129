"""Facts in the documents, in each language, held against the code."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shlex
import struct
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal

from tests.support.paths import ROOT
from zenvia_webhooks import checks, conf, signals
from zenvia_webhooks.contracts.values import Interaction, Lead, Quote

READMES = ["README.md", "README.pt-BR.md", "README.es.md"]
DOCUMENTS = [*READMES, "CHANGELOG.md"]

BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
#: An image or a link, but not one into the web.
RELATIVE_LINK = re.compile(r"\[[^\]]*\]\((?!https?://)([^)\s]+)\)")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str | None = None) -> list[str]:
    """Return the code blocks, without the indentation of a list around them."""
    return [textwrap.dedent(found[3]) for found in BLOCK.finditer(text) if language in (None, found[2])]


def prose(text: str) -> str:
    """Return a document without its code blocks."""
    return BLOCK.sub("", text)


def headings(text: str) -> list[tuple[str, str]]:
    """Return level and text of each heading."""
    return [(found[1], found[2]) for found in HEADING.finditer(prose(text))]


def anchor(heading: str) -> str:
    """Return what GitHub makes of a heading in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def tables(text: str) -> list[list[list[str]]]:
    """Return the cells of each table's rows, without its head."""
    found = re.findall(r"(?:^ *\|.*\|\n)+", prose(text), re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip()[1:-1].split("|")] for line in table.splitlines()[2:]] for table in found
    ]


def table_with(text: str, first_cell: str) -> list[list[str]]:
    """Return the rows of the table that has a row which begins with this cell."""
    return next(rows for rows in tables(text) if any(row[0] == first_cell for row in rows))


def literal(cell: str) -> Any:
    """Return the value that a cell such as "`10`" stands for; a setting's name stands for that setting."""
    source = cell.strip("`")
    return getattr(settings, source) if source.isupper() and source.isidentifier() else ast.literal_eval(source)


def our_commands() -> dict[str, BaseCommand]:
    """Return name → command of this app."""
    return {
        name: load_command_class(app, name) for name, app in get_commands().items() if str(app) == "zenvia_webhooks"
    }


def calls(text: str) -> Iterator[list[str]]:
    """Yield name and arguments of each call of one of our commands in the blocks for a shell."""
    for line in "\n".join(blocks(text, "bash")).splitlines():
        words = shlex.split(line, comments=True)
        if words[:2] == ["python", "manage.py"] and words[2].startswith("zenvia_"):
            yield words[2:]


@pytest.mark.parametrize("name", READMES)
def test_settings_are_those_that_are_read(name: str, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {}
    rows = table_with(read(name), "`ACCOUNTS`")
    assert [row[0].strip("`") for row in rows] == list(conf.KEYS)
    for row in rows:
        assert getattr(conf.conf, conf.KEYS[row[0].strip("`")]) == literal(row[1]), row[0]


@pytest.mark.parametrize("name", READMES)
def test_keys_of_an_account_are_those_that_are_read(name: str, settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {"ACCOUNTS": {"default": {}}}
    account = conf.conf.account("default")
    rows = table_with(read(name), "`API_KEY`")
    assert [row[0].strip("`") for row in rows] == list(conf.ACCOUNT_KEYS)
    for row in rows:
        assert getattr(account, row[0].strip("`").lower()) == literal(row[1]), row[0]


def test_length_of_the_retries_is_told_right(settings: Any) -> None:
    settings.ZENVIA_WEBHOOKS = {}
    delays = conf.conf.retry_delays
    assert (len(delays) + 1, round(sum(delays) / 3600)) == (9, 33)
    assert all("33 h" in read(name) for name in DOCUMENTS)


@pytest.mark.parametrize("name", READMES)
def test_system_checks_are_all_told(name: str) -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in Path(checks.__file__).parent.glob("*.py"))
    told = [row[0].strip("`") for row in table_with(read(name), "`zenvia_webhooks.E001`")]
    assert told == sorted(set(re.findall(r'id="(zenvia_webhooks\.[EW]\d{3})"', source)))
    assert set(told) == set(re.findall(r"zenvia_webhooks\.[EW]\d{3}", read(name)))


@pytest.mark.parametrize("name", READMES)
def test_commands_are_all_told_with_their_options(name: str) -> None:
    commands = our_commands()
    rows = table_with(read(name), "`zenvia_sandbox`")
    assert sorted(row[0].strip("`") for row in rows) == sorted(commands)
    # What every command of Django's has is not told.
    common = set(BaseCommand().create_parser("manage.py", "any")._option_string_actions)
    for command, cell in rows:
        options = set(commands[command.strip("`")].create_parser("manage.py", "any")._option_string_actions) - common
        assert set(re.findall(r"--[a-z-]+", cell)) == options, command
    assert set(re.findall(r"\bzenvia_(?!webhooks\b)\w+", read(name))) == set(commands)


@pytest.mark.parametrize("name", READMES)
def test_calls_of_commands_parse(name: str) -> None:
    commands = our_commands()
    found = list(calls(read(name)))
    assert len(found) >= 5
    for command, *arguments in found:
        commands[command].create_parser("manage.py", command).parse_args(arguments)


@pytest.mark.parametrize("name", READMES)
def test_signals_and_fields_are_all_told(name: str) -> None:
    text = read(name)
    told = {row[0].strip("`") for row in table_with(text, "`lead_created`")}
    there = {key for key, value in vars(signals).items() if isinstance(value, Signal)}
    assert told == there
    attributes = {row[0].strip("`"): row[1] for row in table_with(text, "`event.lead`")}
    for attribute, value in (("event.lead", Lead), ("event.quote", Quote), ("event.interaction", Interaction)):
        told_fields = re.findall(r"`(\w+)`", attributes[attribute])
        assert told_fields == [field.name for field in dataclasses.fields(value)]


@pytest.mark.parametrize("name", READMES)
def test_blocks_are_valid(name: str) -> None:
    python = blocks(read(name), "python")
    assert len(python) >= 10
    for block in python:
        compile(block, name, "exec")
    for block in blocks(read(name), "json"):
        json.loads(block)


@pytest.mark.parametrize("name", READMES[1:])
def test_each_language_holds_the_same(name: str) -> None:
    first, second = read("README.md"), read(name)
    assert [level for level, _ in headings(first)] == [level for level, _ in headings(second)]
    assert [found[2] for found in BLOCK.finditer(first)] == [found[2] for found in BLOCK.finditer(second)]
    # Comments may be translated, nothing else.
    for one, other in zip(blocks(first, "python"), blocks(second, "python"), strict=True):
        assert ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    for language in ("bash", "json", "nginx"):
        assert blocks(first, language) == blocks(second, language)
    assert [[len(rows), *map(len, rows)] for rows in tables(first)] == [
        [len(rows), *map(len, rows)] for rows in tables(second)
    ]
    assert f"({name})" in first[:200]
    assert "(README.md)" in second[:200]


@pytest.mark.parametrize(
    "name", [*DOCUMENTS, "SECURITY.md", *sorted(f"docs/{file.name}" for file in ROOT.glob("docs/*.md"))]
)
def test_links_lead_somewhere(name: str) -> None:
    for link in RELATIVE_LINK.findall(prose(read(name))):
        path, _, part = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.is_file(), link
        if part:
            assert part in {anchor(text) for _, text in headings(target.read_text(encoding="utf-8"))}, link


def test_images_are_small_and_each_is_in_the_readme_of_its_language() -> None:
    """`dev.py screenshots --readme` makes them; `dev.py bench --plot` makes that of the page about speed."""
    images = {image.name: image.read_bytes() for image in (ROOT / "docs" / "images").iterdir()}
    plot = images.pop("speed.png")
    assert "(images/speed.png)" in read("docs/performance.md")
    assert plot.startswith(b"\x89PNG")
    assert len(plot) < 150_000
    for name, content in images.items():
        assert content.startswith(b"\x89PNG")
        width = struct.unpack(">I", content[16:20])[0]
        assert (width, len(content) < 150_000) == (1200, True), name
    shown = []
    for readme in READMES:
        language = readme.removeprefix("README").removesuffix(".md")
        found = re.findall(r"\(docs/images/([^)]+)\)", read(readme))
        assert found == [f"dashboard{language}.png", f"event{language}.png"]
        shown += found
    assert sorted(images) == sorted(shown)


def test_changelog_begins_with_what_is_unreleased() -> None:
    found = headings(read("CHANGELOG.md"))
    assert found[:2] == [("#", "Changelog"), ("##", "[Unreleased]")]
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {text for level, text in found if level == "###"} <= kinds
