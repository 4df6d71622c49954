"""The examples are programs that run, and their thoughts arrive exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mimo_quirks.simulator import Mode, Simulator

EXAMPLES = Path(__file__).parents[2] / "langchain_plugin" / "examples"


@pytest.fixture(name="other")
def _other() -> Iterator[Simulator]:
    with Simulator(Mode(accepts="off")) as other:
        yield other


def _run(name: str, simulator: Simulator, *arguments: str, **environment: str) -> str:
    given = {**os.environ, "MIMO_API_KEY": "k", "MIMO_BASE_URL": simulator.base_url, **environment}
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=given)
    assert (0, "") == (ended.returncode, ended.stderr)
    return ended.stdout


def _verdicts(simulator: Simulator) -> set[str]:
    return {verdict for exchange in simulator.exchanges for verdict in exchange.verdicts}


def test_every_example_is_run() -> None:
    """No example is left out below."""
    program = Path(__file__).read_text(encoding="utf-8")

    assert [] == [path.stem for path in EXAMPLES.iterdir() if f'_run("{path.stem}"' not in program]


def test_agent(simulator: Simulator) -> None:
    """The agent answers twice, after a tool turn each."""
    printed = _run("agent_with_tools", simulator)

    assert 2 == printed.count("答案是")
    assert (4, {"exact"}) == (len(simulator.exchanges), _verdicts(simulator))


def test_graph(simulator: Simulator, tmp_path: Path) -> None:
    """The second run goes on with the first one's thread."""
    first, second = (_run("graph_with_persistence", simulator, str(tmp_path / "threads.db")) for _ in range(2))

    assert first.startswith("0 messages were there; 4 are now\n答案是")
    assert second.startswith("4 messages were there; 8 are now\n答案是")
    assert {"exact"} == _verdicts(simulator)


def test_streaming(simulator: Simulator) -> None:
    """The reasoning is grey and whole, the answer comes after it."""
    printed = _run("streaming_reasoning", simulator)
    issued = simulator.exchanges[-1].issued

    assert issued is not None
    expected = f"\033[90m{issued.reasoning}\033[0m\n\n{issued.content}\n"
    assert expected.replace("\r\n", "\n") == printed


def test_structured(simulator: Simulator) -> None:
    """The answer is an object, and its thought is counted."""
    printed = _run("structured_output", simulator)

    assert "dish='Zürich 東京' minutes=1\nafter " in printed


def test_fallback(simulator: Simulator, other: Simulator) -> None:
    """The other model answers in between without a thought of MiMo's, and MiMo goes on with its own alone."""
    simulator.mode = replace(simulator.mode, tool_rounds=1)
    printed = _run("fallback_and_back", simulator, OTHER_API_KEY="k", OTHER_BASE_URL=other.base_url)

    assert ["mimo-v2.6-pro", "gpt-5.2", "mimo-v2.6-pro"] == [line.partition(":")[0] for line in printed.splitlines()]
    assert {"exact", "placeholder", "missing"} == _verdicts(simulator)
    assert [] == [exchange for exchange in other.exchanges if b"reasoning_content" in exchange.raw]
    assert {200} == {exchange.status for exchange in simulator.exchanges}
