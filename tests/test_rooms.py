"""The order of the rooms: what a room of the core may import, and what the plug-ins may."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import langchain_mimo
import litellm_mimo
import mimo_quirks

CORE = Path(mimo_quirks.__file__).parent
ORDER = (
    "facts",
    "history",
    "request",
    "wires",
    "sealing",
    "stores",
    "recall",
    "rejections",
    "settings",
    "log",
    "exchange",
    "memory",
    "explanation",
    "__init__",
    "simulator",
    "cli",
    "__main__",
)
"""Each room imports from the rooms before it, and from no other."""


def _room(module: Path) -> str:
    place = module.relative_to(CORE)
    return place.parts[0] if len(place.parts) > 1 else place.stem


def _imported(module: Path) -> Iterator[str]:
    """The rooms that a module imports from, its own included."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = module.parents[node.level - 1].relative_to(CORE)
            parts = [*folder.parts, *(node.module or "").split(".")]
            yield from [parts[0]] if parts[0] else [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "mimo_quirks":
            yield str(node.module).partition(".")[2].partition(".")[0] or "__init__"


@pytest.mark.parametrize("room", ORDER)
def test_rooms_import_only_from_rooms_before_them(room: str) -> None:
    """No circle, and no import that runs back up."""
    modules = [module for module in CORE.rglob("*.py") if _room(module) == room]
    allowed = {*ORDER[: ORDER.index(room)], room}

    assert [] == [(module.name, other) for module in modules for other in _imported(module) if other not in allowed]


def test_every_room_has_its_place() -> None:
    """A new folder or file at the core's top is put into the order, and there are at most 18 of them."""
    top = {entry.stem for entry in CORE.iterdir() if entry.suffix in ("", ".py") and entry.name != "__pycache__"}

    assert set(ORDER) == top
    assert 18 >= len(top) + 1  # py.typed


def test_the_command_goes_through_the_door() -> None:
    """The command uses what users and adapters use, the simulator, and the rows, which the probe compares with."""
    modules = [module for module in CORE.rglob("*.py") if _room(module) == "cli"]

    assert {"__init__", "cli", "facts", "simulator"} == {other for module in modules for other in _imported(module)}


@pytest.mark.parametrize(("plugin", "other"), [(litellm_mimo, "langchain_mimo"), (langchain_mimo, "litellm_mimo")])
def test_a_plugin_knows_the_core_alone(plugin: object, other: str) -> None:
    """The two plug-ins know nothing of each other."""
    modules = Path(str(getattr(plugin, "__file__", ""))).parent.glob("*.py")
    imported = {
        str(node.module).partition(".")[0]
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level
    }

    assert other not in imported
