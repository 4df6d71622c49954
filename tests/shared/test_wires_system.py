"""One definition of the same system prompt, on every wire and on both sides of a bridge."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.exchange import Conversation
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire, system_digest

from .strategies import blocks, json_values, text

WIRES = [CHAT, MESSAGES, RESPONSES]
USER = {"role": "user", "content": "x"}
PROMPT = "Be brief.\n\nAnswer in café 中文."
PARTS = [{"type": "text", "text": "Be brief.\n"}, {"type": "text", "text": "Answer in café 中文."}]
CACHED = [PARTS[0], {**PARTS[1], "cache_control": {"type": "ephemeral"}}]
TYPED = [{"type": "input_text", "text": "Be brief."}, {"type": "input_text", "text": "Answer in cafe\u0301 中文."}]
TOOLS = {
    CHAT: [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("weather", "search")],
    MESSAGES: [{"name": name, "input_schema": {}} for name in ("search", "weather")],
    RESPONSES: [{"type": "function", "name": name, "parameters": {}} for name in ("weather", "search")],
}


def _digest(wire: Wire, prompts: Any = (), **more: Any) -> str:
    """The digest of a request that has these messages before the user's."""
    return Conversation.of({wire.history: [*prompts, USER], **more}, wire, "mimo-v2.6-pro").system


EXPECTED = _digest(CHAT, [{"role": "system", "content": PROMPT}])


@pytest.mark.parametrize(
    "written",
    [
        _digest(CHAT, [{"role": "developer", "content": PROMPT}]),
        _digest(CHAT, [{"role": "system", "content": PARTS}]),
        _digest(CHAT, [{"role": "system", "content": CACHED}]),
        _digest(CHAT, [{"role": "system", "content": ["Be brief.", "Answer in café 中文."]}]),
        _digest(CHAT, [{"role": "system", "content": part["text"]} for part in PARTS]),
        _digest(
            CHAT, [{"role": role, "content": [part]} for role, part in zip(("system", "developer"), PARTS, strict=True)]
        ),
        _digest(CHAT, [{"role": "system", "content": PROMPT}], system="not of this wire", instructions="nor this"),
        _digest(CHAT, [{"role": "system", "content": PROMPT}], tools=TOOLS[CHAT]),
        _digest(MESSAGES, system=PROMPT),
        _digest(MESSAGES, system=f"  {PROMPT}\r\n"),
        _digest(MESSAGES, system=PARTS),
        _digest(MESSAGES, system=CACHED),
        _digest(MESSAGES, system=PROMPT, tools=TOOLS[MESSAGES]),
        _digest(MESSAGES, [{"role": "system", "content": PARTS[1]["text"]}], system=PARTS[:1]),
        _digest(RESPONSES, instructions=PROMPT),
        _digest(RESPONSES, instructions=PROMPT, tools=TOOLS[RESPONSES]),
        _digest(RESPONSES, [{"role": "developer", "content": TYPED}]),
        _digest(RESPONSES, [{"type": "message", "role": "system", "content": PROMPT}]),
        _digest(RESPONSES, [{"role": "developer", "content": TYPED[1:]}], instructions="Be brief."),
        system_digest({"instructions": PROMPT, "input": "x"}, RESPONSES, [USER]),
    ],
)
def test_the_same_prompt(written: str) -> None:
    """String or blocks, one message or several, cached or not, whatever the wire: the same text is the same prompt."""
    assert EXPECTED == written


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_another_prompt(wire: Wire) -> None:
    """Another text is another prompt, and so is none; what a user says is no prompt."""
    place = wire.system or "messages"

    def prompted(prompt: str) -> str:
        return (
            _digest(wire, **{place: prompt}) if wire.system else _digest(wire, [{"role": "system", "content": prompt}])
        )

    others = [prompted("Be brief"), prompted(f"{PROMPT} Always."), prompted("be brief."), _digest(wire)]

    assert EXPECTED == prompted(PROMPT)
    assert 5 == len({EXPECTED, *others})
    assert _digest(wire) == _digest(wire, [{"role": "user", "content": PROMPT}])


def test_without_a_prompt_the_tools_tell() -> None:
    """Their names alone, in any order, on any wire; a blank prompt is none."""
    named = [_digest(wire, tools=tools) for wire, tools in TOOLS.items()]
    named += [
        _digest(CHAT, [{"role": "system", "content": " \n"}], tools=TOOLS[CHAT][::-1]),
        _digest(MESSAGES, system=[], tools=[{**tool, "description": "other"} for tool in TOOLS[MESSAGES]]),
        _digest(RESPONSES, instructions="", tools=(*TOOLS[RESPONSES],)),
    ]
    none = [
        _digest(wire, **more) for wire in WIRES for more in ({}, {"tools": None}, {"tools": []}, {"tools": "weather"})
    ]

    assert 1 == len(set(named))
    assert 1 == len(set(none))
    assert 4 == len({named[0], none[0], _digest(CHAT, tools=TOOLS[CHAT][:1]), EXPECTED})


def test_a_prompt_is_no_tool() -> None:
    """Who is told the name of a tool does not have it."""
    tool = {"name": "weather"}

    assert _digest(MESSAGES, system="weather") != _digest(MESSAGES, tools=[tool])


def test_strange_tools() -> None:
    """What is no tool is none; one without a name, of a service's own, counts as that."""
    nameless = [{"type": "web_search"}, {"function": {"name": 3}}, {"function": {}}]

    assert _digest(CHAT) == _digest(CHAT, tools=[None, "x", 3])
    assert 3 == len({_digest(CHAT, tools=nameless[:count]) for count in range(3)})
    assert 1 == len({_digest(CHAT, tools=[each]) for each in nameless})


def test_the_system_prompt_is_kept_as_a_digest() -> None:
    """It is a digest, as a store may keep it."""
    assert {32} == {len(digest) for digest in (EXPECTED, _digest(CHAT), _digest(CHAT, tools=TOOLS[CHAT]))}
    assert set("0123456789abcdef") >= set(EXPECTED)


@given(
    prompt=text | st.lists(blocks, max_size=3) | json_values,
    tools=json_values | st.lists(json_values, max_size=3),
    wire=st.sampled_from(WIRES),
)
def test_anything(prompt: Any, tools: Any, wire: Wire) -> None:
    """Whatever stands where a prompt or the tools should: the same request has the same digest, nothing is raised."""
    member = wire.system or "system"
    request = {member: prompt, "tools": tools, wire.history: [{"role": "system", "content": prompt}]}

    assert _digest(wire, **{member: prompt, "tools": tools}) == _digest(wire, **{member: prompt, "tools": tools})
    assert 32 == len(Conversation.of(request, wire, "mimo-v2.6-pro").system)
