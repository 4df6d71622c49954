"""One conversation as the three wires write it: what is the same, and what each has in its own way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

History = list[dict[str, Any]]
PNG = "iVBORw0KGgo="
_IMAGES = {
    "chat": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    "messages": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
    "responses": {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
}


@dataclass(frozen=True)
class Call:
    """A call and its result."""

    id: str
    arguments: dict[str, Any]
    result: str | list[str]


@dataclass(frozen=True)
class Step:
    """A turn, and what the user says before it: nothing where tools have answered."""

    user: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    text: str = ""
    calls: list[Call] = field(default_factory=list)
    sees: bool = False


def in_chat(steps: list[Step]) -> History:
    """On the chat wire, without reasoning."""
    history: History = []
    for step in steps:
        history += _user(step, "chat", "text")
        turn: dict[str, Any] = {"role": "assistant", "content": step.text}
        if step.calls:
            turn["tool_calls"] = [
                {"id": c.id, "type": "function", "function": {"name": "f", "arguments": json.dumps(c.arguments)}}
                for c in step.calls
            ]
        history.append(turn)
        history += [{"role": "tool", "tool_call_id": c.id, "content": _parts(c.result, "text")} for c in step.calls]
    return history


def in_messages(steps: list[Step]) -> History:
    """On the messages wire, its thinking blocks between the others."""
    history: History = []
    for step in steps:
        history += _user(step, "messages", "text")
        said = [{"type": "text", "text": step.text}] if step.text else []
        said += [{"type": "tool_use", "id": c.id, "name": "f", "input": c.arguments} for c in step.calls]
        thoughts = [{"type": "thinking", "thinking": thought} for thought in step.thoughts]
        history.append({"role": "assistant", "content": _between(thoughts, said)})
        results = [
            {"type": "tool_result", "tool_use_id": c.id, "content": _parts(c.result, "text")} for c in step.calls
        ]
        history += [{"role": "user", "content": results}] if results else []
    return history


def in_responses(steps: list[Step], *, between: bool = True) -> History:
    """On the responses wire, its reasoning items between the others, or before them."""
    history: History = []
    for step in steps:
        history += _user(step, "responses", "input_text")
        parts = [{"type": "output_text", "text": step.text}]
        said: History = [{"type": "message", "role": "assistant", "content": parts}] if step.text else []
        said += [
            {"type": "function_call", "call_id": c.id, "name": "f", "arguments": json.dumps(c.arguments, indent=1)}
            for c in step.calls
        ]
        thoughts = [
            {"type": "reasoning", "id": f"rs_{n}", "summary": [], "content": [{"type": "reasoning_text", "text": t}]}
            for n, t in enumerate(step.thoughts)
        ]
        history += _between(thoughts, said) if between else [*thoughts, *said]
        history += [
            {"type": "function_call_output", "call_id": c.id, "output": _parts(c.result, "input_text")}
            for c in step.calls
        ]
    return history


def _user(step: Step, wire: str, kind: str) -> History:
    parts = [{"type": kind, "text": text} for text in step.user]
    if step.sees and parts:
        parts.append(_IMAGES[wire])
    content: Any = step.user[0] if len(parts) == 1 else parts
    return [{"role": "user", "content": content}] if parts else []


def _parts(result: str | list[str], kind: str) -> Any:
    return result if isinstance(result, str) else [{"type": kind, "text": text} for text in result]


def _between(thoughts: History, said: History) -> History:
    pairs = [[*thoughts[n : n + 1], one] for n, one in enumerate(said)]
    return [block for pair in pairs for block in pair] + thoughts[len(said) :]


_words = st.text(min_size=1, max_size=20).filter(str.strip)
_arguments = st.dictionaries(_words, st.integers() | st.booleans() | _words, max_size=3)
_results = _words | st.lists(_words, min_size=1, max_size=3)
_thoughts = st.lists(_words.map(" {}\n".format), max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> list[Step]:
    """Rounds of tool turns and an answer; ids are drawn, and so is what every turn says and thinks."""
    steps = []
    for round_ in range(draw(st.integers(1, 3))):
        user = draw(st.lists(_words, min_size=1, max_size=3))
        for number in range(draw(st.integers(0, 2))):
            calls = [
                Call(f"call_{round_}{number}{n}", arguments, draw(_results))
                for n, arguments in enumerate(draw(st.lists(_arguments, min_size=1, max_size=3)))
            ]
            steps.append(Step(user, draw(_thoughts), draw(st.just("") | _words), calls, draw(st.booleans())))
            user = []
        steps.append(Step(user, draw(_thoughts), draw(_words), [], draw(st.booleans())))
    return steps
