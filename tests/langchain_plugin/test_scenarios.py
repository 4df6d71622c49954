"""What people do with a chat model, over at least three turns each, at a simulator that demands every turn exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, messages_to_dict

from mimo_quirks.simulator import Simulator

from ..pairs import pairs
from .scenarios import agents, calls, conversions, middleware, others, structured
from .scenarios.table import CHAT, MESSAGES, NOT_OF_MESSAGES, SCENARIOS, Bench, History, Scenario, Wire

MODULES = (agents, calls, conversions, middleware, others, structured)


pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]


def _exists(wire: Wire, scenario: Scenario, process: str) -> bool:
    return wire is CHAT or scenario.id not in NOT_OF_MESSAGES


GRID = pairs([CHAT, MESSAGES], SCENARIOS, ["one process", "a second process"], exists=_exists)


def _rows(of: str) -> list[Any]:
    return [
        pytest.param(scenario, wire, id=f"{scenario.id} · {wire.model.__name__}")
        for wire, scenario, process in GRID
        if process == of
    ]


@pytest.fixture(name="folder")
def _folder(simulator: Simulator, tmp_path: Path) -> Path:
    simulator.mode = replace(simulator.mode, tool_rounds=2, thinking_blocks=2, x_api_key=False)
    return tmp_path


def judge(scenario: Scenario, bench: Bench) -> None:
    """Every turn that the API issued is exact in every request that holds it, and nothing else is anybody's thought."""
    exchanges = bench.simulator.exchanges
    verdicts = {verdict for exchange in exchanges for verdict in exchange.verdicts}
    issued = {exchange.issued.reasoning for exchange in exchanges if exchange.issued}
    sent = {thought for exchange in exchanges for thought in bench.thoughts(exchange)}
    strangers = {"placeholder", "missing"} if scenario.strangers else set()
    assert {200} == {exchange.status for exchange in exchanges}
    assert max(len(exchange.verdicts) for exchange in exchanges) >= 2, "three turns at least"
    assert "exact" in verdicts
    assert verdicts <= {"exact", *strangers, *(["foreign"] if scenario.rewritten else [])}
    assert sent <= {*issued, None, *([bench.wire.placeholder] if scenario.strangers else [])}


def test_the_table_is_whole() -> None:
    """Every module has put its rows into the table, and no two rows have one name."""
    ids = [scenario.id for scenario in SCENARIOS]

    assert {module.__name__ for module in MODULES} == {scenario.run.__module__ for scenario in SCENARIOS}
    assert len(ids) == len(set(ids)) >= 60
    assert set() == NOT_OF_MESSAGES.keys() - set(ids)


@pytest.mark.parametrize(("scenario", "wire"), _rows("one process"))
async def test_scenario(scenario: Scenario, wire: Wire, simulator: Simulator, folder: Path) -> None:
    """The scenario goes through, exactly."""
    bench = Bench(simulator, folder, wire)
    await scenario.run(bench)

    judge(scenario, bench)


@pytest.mark.parametrize("scenario", [row for row in SCENARIOS if row.id in NOT_OF_MESSAGES], ids=lambda row: row.id)
async def test_what_a_wire_does_not_have(scenario: Scenario, simulator: Simulator, folder: Path) -> None:
    """It is rejected by name, before anything is sent."""
    with pytest.raises(ValueError, match=NOT_OF_MESSAGES[scenario.id]):
        await scenario.run(Bench(simulator, folder, MESSAGES))

    assert () == tuple(simulator.exchanges)


@pytest.fixture(name="second", scope="module")
def _second() -> Iterator[subprocess.Popen[str]]:
    program = Path(__file__).parent / "scenarios" / "second_process.py"
    command = [sys.executable, str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _issued_in(history: History) -> int:
    """How many turns of a history say themselves that they are MiMo's."""
    turns = [message for message in history if isinstance(message, AIMessage)]
    return sum(turn.response_metadata.get("model_provider") == "xiaomi_mimo" for turn in turns)


@pytest.mark.parametrize(("scenario", "wire"), _rows("a second process"))
async def test_in_a_second_process(
    scenario: Scenario, wire: Wire, simulator: Simulator, folder: Path, second: subprocess.Popen[str]
) -> None:
    """With a file for a store another process goes on exactly, though nothing of the reasoning is in the history."""
    fields = {"store": f"sqlite:///{folder}/reasoning.db", "scope": scenario.id}
    bench = Bench(simulator, folder, wire, fields)
    history = await scenario.run(bench)
    judge(scenario, bench)
    kept = messages_to_dict(history)
    assert second.stdin is not None
    assert second.stdout is not None
    asked = {"class": wire.model.__name__, "history": kept, "fields": {**fields, "base_url": bench.base_url}}
    second.stdin.write(json.dumps(asked, default=str) + "\n")
    second.stdin.flush()
    answer = second.stdout.readline()

    assert "ai\n" == answer
    assert 200 == simulator.exchanges[-1].status
    verdicts = simulator.exchanges[-1].verdicts
    if scenario.strangers or scenario.rewritten:
        assert {"exact", "placeholder", "missing"} >= set(verdicts)
        assert verdicts.count("exact") >= _issued_in(history) - scenario.rewritten * 2
    else:
        assert {"exact"} == set(verdicts)
