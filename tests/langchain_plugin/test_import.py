"""Whoever only imports the class does not pay for what a model needs; the first model pays, and no request."""

from __future__ import annotations

import json
import subprocess
import sys
import typing

from langchain_mimo import ChatMiMo
from langchain_mimo.blocks import PROVIDER
from mimo_quirks.history.provenance import OUR_PROVIDER
from mimo_quirks.simulator import Simulator

STEPS = """
import json, sys
import langchain_mimo
from langchain_mimo import ChatMiMo, ReasoningRejectedError, register

def step():
    print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in ("langchain_mimo", "mimo_quirks"))))

class Subclass(ChatMiMo):
    team: str = "a"

step()
model = Subclass(model="mimo-v2.6-pro", api_key="k", base_url=sys.argv[1])
step()
model.invoke("hi")
[*model.stream("hi")]
step()
"""


def _loaded(simulator: Simulator) -> list[set[str]]:
    """Our modules that a new process has after importing and subclassing, after making a model, and after requests."""
    command = [sys.executable, "-c", STEPS, simulator.base_url]
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [set(json.loads(line)) for line in said.splitlines()]


def test_what_is_loaded_when(simulator: Simulator) -> None:
    """The class comes without the core, the first model brings all of it, and no request loads more."""
    imported, made, asked = _loaded(simulator)

    ours = {"", ".blocks", ".chat_models", ".deferred", ".rejection", ".registration", ".base"}
    assert {f"langchain_mimo{name}" for name in ours} == imported
    assert {f"mimo_quirks.{name}" for name in ("contract", "memory", "recall", "repair", "replay", "settings")} <= made
    assert set() == asked - made


def test_the_schema_waits_for_the_first_model() -> None:
    """A class that nobody makes a model of has no schema; one that is asked has, with the fields of all its parents."""

    class Subclass(ChatMiMo):
        team: int = 1

    assert not Subclass.__pydantic_complete__
    assert (2, "a") == ((model := Subclass(model="a", api_key="k", team="2")).team, model.model_name)
    assert Subclass.__pydantic_complete__


def test_annotations_are_still_read() -> None:
    """Tools that read annotations find the types, though they come from modules that wait."""
    assert "tools" in typing.get_type_hints(ChatMiMo.bind_tools)
    assert "thinking" in typing.get_type_hints(ChatMiMo)


def test_the_provider_is_the_core_s() -> None:
    """The name that is spelled out for the import's sake is the one that the core reads."""
    assert OUR_PROVIDER == PROVIDER
