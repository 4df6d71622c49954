"""What an import brings: complete classes, and no more than their extra has."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import langchain_mimo
from langchain_mimo import ChatMiMo, ChatMiMoMessages

MODULES = sorted(Path(langchain_mimo.__file__).parent.glob("*.py"))

LOADED = """
import json, sys
import langchain_mimo
print(json.dumps(sorted(sys.modules)))
"""

THREADS = """
import json, sys, threading
from langchain_mimo import ChatMiMo

class Subclass(ChatMiMo):
    team: int = 1

start, made = threading.Barrier(16), []

def make(number):
    start.wait()
    model = Subclass(model="mimo-v2.6-pro", api_key="k", team=str(number))
    fields = model.openai_api_base, sorted(model.model_fields_set)
    made.append((type(model).__name__, model.team, model.model_name, *fields))

threads = [threading.Thread(target=make, args=[number]) for number in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(sorted(made, key=lambda fields: fields[1])))
"""


def _ran(program: str, *arguments: str) -> Any:
    command = [sys.executable, "-c", program, *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def test_the_messages_wire_is_imported_where_it_is_used() -> None:
    """Who has not installed the extra "anthropic" imports ChatMiMo all the same."""
    assert set() == {"anthropic", "langchain_anthropic", "langchain_mimo.messages_wire"} & set(_ran(LOADED))


@pytest.mark.parametrize("kind", [ChatMiMo, ChatMiMoMessages])
def test_classes_are_complete(kind: Any) -> None:
    """No schema waits for the first model, so that of models made at once none is given its parent's."""

    class Subclass(kind):  # type: ignore[misc]
        team: int = 1

    assert (True, True) == (kind.__pydantic_complete__, Subclass.__pydantic_complete__)
    assert (2, "a") == ((model := Subclass(model="a", api_key="k", team="2")).team, getattr(model, model._model_field))


def test_first_models_made_at_once() -> None:
    """The first models of a process, made by several threads at once, have the fields of all their parents."""
    made = _ran(THREADS)

    assert [("Subclass", number, "mimo-v2.6-pro") for number in range(16)] == [tuple(model[:3]) for model in made]
    assert 1 == len({json.dumps(model[3:]) for model in made})


@pytest.mark.parametrize("kind", [ChatMiMo, ChatMiMoMessages])
def test_annotations_are_read(kind: Any) -> None:
    """Tools that read annotations find the types."""
    assert "tools" in typing.get_type_hints(kind.bind_tools)
    assert "thinking" in typing.get_type_hints(kind)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_core_has_one_door(module: Path) -> None:
    """The core is imported from by its public names alone."""
    imported = [
        str(node.module) for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)
    ]

    assert [] == [name for name in imported if name.startswith("mimo_quirks.")]
