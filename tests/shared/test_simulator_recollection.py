"""A word that only the reasoning held: which modes know it, on every wire, and what it costs where they do not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mimo_quirks.simulator import Mode, Simulator

WORD = "otter-7f3a91"
THOUGHT = f"The secret word is {WORD}. I keep it to myself."
ASKED = "What is the secret word?"


def _chat(older: bool) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turn = {"role": "assistant", "content": "", "reasoning_content": THOUGHT, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "c1", "content": "21"}
    history = [{"role": "user", "content": ASKED}, turn, result]
    return {"messages": [*history, {"role": "user", "content": ASKED}] if older else history}


def _messages(older: bool) -> dict[str, Any]:
    thought = {"type": "thinking", "thinking": THOUGHT}
    turn = {"role": "assistant", "content": [thought, {"type": "tool_use", "id": "c1", "name": "f", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "21"}]}
    history = [{"role": "user", "content": ASKED}, turn, result]
    return {"messages": [*history, {"role": "user", "content": ASKED}] if older else history}


def _responses(older: bool) -> dict[str, Any]:
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": THOUGHT}], "summary": []}
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c1", "output": "21"}
    history = [{"role": "user", "content": ASKED}, thought, call, result]
    return {"input": [*history, {"role": "user", "content": ASKED}] if older else history}


WIRES = {"chat/completions": _chat, "messages": _messages, "responses": _responses}
KNOWN = [("used", False, True), ("used", True, True), ("round", False, True), ("round", True, False)]
UNKNOWN = [("dropped", False, False), ("dropped", True, False), ("untold", False, False)]


def _ask(simulator: Simulator, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{simulator.base_url}/{path}", json=body, headers={"api-key": "k"})


@pytest.mark.parametrize("path", WIRES)
@pytest.mark.parametrize(("reads", "older", "knows"), KNOWN + UNKNOWN)
def test_the_word(path: str, reads: Any, older: bool, knows: bool) -> None:
    """It is in the answer where the mode reads the turn's reasoning, and nowhere else."""
    with Simulator(Mode(reasoning=reads)) as simulator:
        answered = _ask(simulator, path, WIRES[path](older))

    assert 200 == answered.status_code
    assert knows is (WORD in answered.text)


@pytest.mark.parametrize("path", WIRES)
def test_nobody_asks(path: str) -> None:
    """Without the question the answer is like any other, and so is one with tools: it calls them."""
    with Simulator(Mode(reasoning="used")) as simulator:
        body = WIRES[path](True)
        history = body.get("messages") or body["input"]
        history[-1]["content"] = "Thanks."
        answered = _ask(simulator, path, body)

    assert 200 == answered.status_code
    assert WORD not in answered.text


def test_what_is_dropped_is_not_billed() -> None:
    """A prompt costs what the model reads of it."""
    prompts = []
    for reads in ("used", "round", "dropped"):
        with Simulator(Mode(reasoning=reads)) as simulator:  # type: ignore[arg-type]
            prompts.append(_ask(simulator, "chat/completions", _chat(older=True)).json()["usage"]["prompt_tokens"])
    used, *others = prompts

    assert all(used - len(THOUGHT) // 4 - 1 <= other <= used - len(THOUGHT) // 4 for other in others)
