"""Imports run one way, downward, at the top of the file; nothing runs in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import zenvia_webhooks

PACKAGE = zenvia_webhooks.__name__

#: From the ground up: one level for each package, and for each loose module.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("", "exceptions", "failpoints", "origins", "redaction", "safe_json", "settings_values"),
    ("contracts",),
    ("broker", "conf", "signals"),
    ("callback", "wakeup", "client", "people"),
    ("models",),
    ("erasure",),
    ("dispatch", "subscriptions", "retention", "schedule", "webhook"),
    ("recovery", "replay"),
    ("checks", "urls"),
    ("diagnosis", "sandbox", "apps", "migrations"),
    ("tasks", "test_event"),
    ("admin", "api", "management"),
    ("templatetags",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

#: Besides the direction: who else may import one of these, at any height. A dotted name is a module's own rule.
ONLY_FOR = {
    "admin": {"admin", "templatetags"},
    "api": {"api"},
    "management": {"management"},
    "webhook": {"recovery", "replay", "test_event", "webhook", "urls"},
    "webhook.probe": {"webhook", "diagnosis", "test_event"},
    "client": {"client", "subscriptions", "recovery", "diagnosis", "admin", "api", "management"},
    "client.transport": {"client", "diagnosis"},
    "client.secret_query": {"client"},
    "sandbox": {"sandbox", "management", "test_event"},
    "test_event": {"test_event", "management", "admin"},
}

#: A package without imports, to plant them in.
EMPTY = (
    *("admin", "client.api", "contracts.base", "dispatch.claims", "dispatch.dispatcher", "dispatch.outcomes"),
    *("management.commands.a", "models", "models.event", "tasks", "wakeup", "webhook.intake", "webhook.views"),
)

#: Its ready() runs when the models are there, which its own import does not.
MAY_IMPORT_INSIDE = {f"{PACKAGE}.apps"}


def sources() -> dict[str, str]:
    """Return module → source of the package."""
    root = Path(zenvia_webhooks.__file__).parent
    found = {}
    for file in root.rglob("*.py"):
        parts = [PACKAGE, *file.relative_to(root).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file.read_text(encoding="utf-8")
    return found


def part_of(module: str) -> str:
    """Return what stands in LAYERS for a module: "zenvia_webhooks.models.event" → "models"."""
    return module.removeprefix(PACKAGE).lstrip(".").partition(".")[0]


def imports(tree: ast.AST, modules: Mapping[str, str]) -> Iterator[str]:
    """Yield the package's own modules that a tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in modules else node.module


def cycles(graph: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield each circle of imports that a walk in depth runs into."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> Iterator[str]:
        if module in path:
            yield " → ".join([*path[path.index(module) :], module])
        elif module not in done:
            for imported in sorted(graph.get(module, ())):
                yield from walk(imported, [*path, module])
            done.add(module)

    for module in sorted(graph):
        yield from walk(module, [])


def faults(modules: Mapping[str, str]) -> list[str]:
    """Return a line for each import that runs the wrong way."""
    lines, graph = [], {}
    for module, source in sorted(modules.items()):
        tree, part = ast.parse(source), part_of(module)
        if part not in LEVEL:
            lines.append(f"{module} has no layer")
            continue
        graph[module] = set(imports(tree, modules)) - {module}
        for imported in sorted(graph[module]):
            other = part_of(imported)
            readers = ONLY_FOR.get(imported.removeprefix(f"{PACKAGE}."), ONLY_FOR.get(other, {part}))
            if LEVEL.get(other, 0) > LEVEL[part] or part not in readers:
                lines.append(f"{module} imports {imported}")
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                lines.append(f"{module} imports by a relative name")
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                and module not in MAY_IMPORT_INSIDE
            ):
                inside = [inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
                lines += [f"{module} imports inside a function"] * bool(inside)
    return lines + [f"in a circle: {line}" for line in cycles(graph)]


def test_package_imports_one_way() -> None:
    assert faults(sources()) == []


def test_package_is_seen_whole() -> None:
    found = sources()
    assert {PACKAGE, f"{PACKAGE}.models.event", f"{PACKAGE}.contracts", f"{PACKAGE}.apps"} < set(found)
    seen = set(imports(ast.parse(found[f"{PACKAGE}.webhook.intake"]), found))
    assert {f"{PACKAGE}.{name}" for name in ("contracts", "safe_json", "wakeup", "models", "conf")} <= seen


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        (
            {"models.event": "from zenvia_webhooks.dispatch.dispatcher import dispatch_due"},
            "models.event imports {}.dispatch.dispatcher",
        ),
        (
            {"models.event": "from zenvia_webhooks.dispatch import dispatcher"},
            "models.event imports {}.dispatch.dispatcher",
        ),
        ({"models.event": "import zenvia_webhooks.dispatch.claims"}, "models.event imports {}.dispatch.claims"),
        ({"contracts.base": "from zenvia_webhooks.client import api"}, "contracts.base imports {}.client.api"),
        ({"dispatch.claims": "from zenvia_webhooks.client import api"}, "dispatch.claims imports {}.client.api"),
        ({"client.api": "from zenvia_webhooks.models import Event"}, "client.api imports {}.models"),
        ({"wakeup": "from zenvia_webhooks.tasks import dispatch_events"}, "wakeup imports {}.tasks"),
        ({"tasks": "from zenvia_webhooks.webhook.intake import store"}, "tasks imports {}.webhook.intake"),
        ({"management.commands.a": "import zenvia_webhooks.admin"}, "management.commands.a imports {}.admin"),
        ({"dispatch.claims": "from .outcomes import lock"}, "dispatch.claims imports by a relative name"),
        ({"webhook.views": "def f():\n    import json"}, "webhook.views imports inside a function"),
        (
            {"webhook.views": "class A:\n    async def f(self):\n        from json import loads"},
            "webhook.views imports inside a function",
        ),
        ({"helpers": ""}, "helpers has no layer"),
        ({"helpers.dates": ""}, "helpers.dates has no layer"),
        (
            {
                "dispatch.claims": "import zenvia_webhooks.dispatch.outcomes",
                "dispatch.outcomes": "import zenvia_webhooks.dispatch.claims",
            },
            "in a circle: {}.dispatch.claims → {}.dispatch.outcomes → {}.dispatch.claims",
        ),
    ],
)
def test_planted_fault_is_found(planted: dict[str, str], fault: str) -> None:
    modules = {f"{PACKAGE}.{name}": "" for name in EMPTY} | {f"{PACKAGE}.{name}": planted[name] for name in planted}
    line = fault.replace("{}", PACKAGE)
    assert faults(modules) == [line if line.startswith("in a circle") else f"{PACKAGE}.{line}"]
