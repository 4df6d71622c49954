"""The pure rooms of the core import the standard library's pure parts and each other, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mimo_quirks

CORE = Path(mimo_quirks.__file__).parent
PURE_ROOMS = tuple(f"mimo_quirks.{room}" for room in ("facts", "history", "request", "wires", "recall", "rejections"))
PURE = sorted(
    str(module.relative_to(CORE))
    for room in PURE_ROOMS
    for module in (CORE / room.rpartition(".")[2]).glob("*.py")
    if module.name != "policies.py"  # keeps what a process learned
)
PURE.append("exchange.py")
ALLOWED = {
    "__future__",
    "collections",
    "collections.abc",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "html",
    "http",  # the numbers of statuses
    "itertools",
    "json",
    "json.encoder",
    "math",
    "operator",
    "re",
    "string",
    "typing",
    "unicodedata",
    "urllib.parse",
    "mimo_quirks.stores.protocol",  # values and a Protocol
}


def _imports(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


@pytest.mark.parametrize("name", PURE)
def test_pure(name: str) -> None:
    """A pure module reaches for no I/O, no clock, no framework and no logging."""
    outside = {imported for imported in _imports(CORE / name) if not imported.startswith((".", *PURE_ROOMS))}

    assert set() == outside - ALLOWED


def test_the_core_knows_no_framework() -> None:
    """No module of the core but the demo imports a framework: arrows point inward."""
    frameworks = ("litellm", "langchain", "litellm_mimo", "langchain_mimo")
    modules = [module for module in CORE.rglob("*.py") if "cli" not in module.parts]

    assert [] == [m.name for m in modules for name in _imports(m) if name.split(".")[0].startswith(frameworks)]


def test_public_names() -> None:
    """Each public name is there."""
    assert [] == [name for name in mimo_quirks.__all__ if not hasattr(mimo_quirks, name)]
