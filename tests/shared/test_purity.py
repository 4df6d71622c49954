"""The pure modules of the core import the standard library's pure parts and each other, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mimo_quirks

PURE = [
    "content",
    "contract",
    "errors",
    "families",
    "faults",
    "hosts",
    "keys",
    "kinds",
    "models",
    "prices",
    "origin",
    "parameters",
    "quirks",
    "recall",
    "refusals",
    "repair",
    "replay",
    "spellings",
    "streaming",
    "thinking",
    "turns",
    "wires/__init__",
    "wires/chat",
    "wires/messages",
    "wires/responses",
    "wires/wire",
]
ALLOWED = {
    "__future__",
    "collections.abc",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "html",
    "itertools",
    "json",
    "json.encoder",
    "math",
    "operator",
    "re",
    "typing",
    "unicodedata",
    "urllib.parse",
    ".stores.protocol",  # values and a Protocol
}
CORE = Path(mimo_quirks.__file__).parent


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
    known = {f".{pure}" for pure in PURE} | {f"mimo_quirks.{pure}" for pure in PURE} | {".", ".wire", ".wires"}

    assert set() == _imports(CORE / f"{name}.py") - ALLOWED - known


def test_every_module_is_accounted_for() -> None:
    """A new module of the core is either pure, or known here not to be."""
    pure = {name for name in PURE if "/" not in name}

    assert {"__init__", "carriers", "contracts", "journal", "memory", "sealing", "settings"} | pure == {
        module.stem for module in CORE.glob("*.py")
    }


def test_the_core_knows_no_framework() -> None:
    """No module of the core but the demo imports a framework: arrows point inward."""
    frameworks = ("litellm", "langchain", "litellm_mimo", "langchain_mimo")
    modules = [module for module in CORE.rglob("*.py") if "cli" not in module.parts]

    assert [] == [m.name for m in modules for name in _imports(m) if name.split(".")[0].startswith(frameworks)]


def test_public_names() -> None:
    """Each public name is there, also one that is looked up when it is asked for; another is none."""
    assert [] == [name for name in mimo_quirks.__all__ if not hasattr(mimo_quirks, name)]
    assert not hasattr(mimo_quirks, "is_refused")
