"""LiteLLM's real bridges: what they turn into another wire is remembered, and found, under the same keys."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from litellm.litellm_core_utils.prompt_templates.factory import anthropic_messages_pt
from litellm.llms.anthropic.pass_through.adapters.transformation import LiteLLMAnthropicMessagesAdapter
from litellm.responses.litellm_completion_transformation.transformation import LiteLLMCompletionResponsesConfig

from litellm_mimo.conversations import across, signed
from mimo_quirks.exchange import Conversation
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.replay import replay
from mimo_quirks.history.turns import is_turn, lift
from mimo_quirks.sealing.sealed_reasoning import opened
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire

from ..conversations import Step, conversations, in_chat, in_messages, in_responses
from ..shared.recalling import marks_of_turns

EXAMPLES = settings(max_examples=min(40, settings().max_examples))


def _from_messages(history: Any) -> Any:
    return LiteLLMAnthropicMessagesAdapter().translate_anthropic_messages_to_openai(copy.deepcopy(history))


def _from_responses(history: Any) -> Any:
    return LiteLLMCompletionResponsesConfig.transform_responses_api_input_to_messages(
        copy.deepcopy(history), {}, replay_reasoning=True
    )


def _to_messages(history: Any) -> Any:
    return anthropic_messages_pt(copy.deepcopy(history), "mimo-v2.6-pro", "anthropic")


def _keys(wire: Wire, history: Any) -> list[Any]:
    view = wire.view(history)
    assert view is not None
    return marks_of_turns(view.messages)


def _reasoning(history: Any) -> list[str | None]:
    """What a host of the chat wire is told each turn thought, after the call behind the bridge was replayed."""
    quirks = quirks_for("mimo-v2.6-pro", host="vllm")
    assert quirks is not None
    sent, _ = replay(opened(history, lambda _: None), quirks, thinking=True)
    return [lift(message)[0] for message in sent if is_turn(message)]


def _across(history: Any, wire: Wire) -> Any:
    return across(Conversation.of({wire.history: history}, wire, "mimo-v2.6-pro"), "mimo")


@EXAMPLES
@given(steps=conversations())
def test_keys_of_messages(steps: list[Step]) -> None:
    """A conversation of the messages wire has the same keys behind the bridge, mended on its way or not."""
    history, expected = in_messages(steps), _keys(CHAT, in_chat(steps))

    assert expected == _keys(MESSAGES, history)
    assert expected == _keys(CHAT, _from_messages(history))
    assert expected == _keys(CHAT, _from_messages(_across(history, MESSAGES)))


@EXAMPLES
@given(steps=conversations())
def test_keys_of_responses(steps: list[Step]) -> None:
    """A conversation of the responses wire has the same keys behind the bridge, mended on its way or not."""
    history, expected = in_responses(steps, between=False), _keys(CHAT, in_chat(steps))

    assert expected == _keys(RESPONSES, history)
    assert expected == _keys(CHAT, _from_responses(history))
    assert expected == _keys(CHAT, _from_responses(_across(history, RESPONSES)))
    assert expected == _keys(CHAT, _from_responses(_across(in_responses(steps), RESPONSES)))


@EXAMPLES
@given(steps=conversations())
def test_keys_of_chat(steps: list[Step]) -> None:
    """A conversation of the chat wire has the same keys when LiteLLM has made it Anthropic's."""
    history = in_chat(steps)

    assert _keys(CHAT, history) == _keys(MESSAGES, _to_messages(history))


@EXAMPLES
@given(steps=conversations())
def test_reasoning_crosses_whole(steps: list[Step]) -> None:
    """To the byte, from either wire, wherever it stood in its turn; the client's history is as it was."""
    expected = ["".join(step.thoughts) or None for step in steps]
    for wire, history, bridge in (
        (MESSAGES, in_messages(steps), _from_messages),
        (RESPONSES, in_responses(steps), _from_responses),
    ):
        before = copy.deepcopy(history)

        assert expected == _reasoning(bridge(_across(history, wire)))
        assert before == history


@EXAMPLES
@given(steps=conversations())
def test_reasoning_crosses_to_anthropic_s_wire(steps: list[Step]) -> None:
    """LiteLLM drops blocks that nobody signed; what it is given signed with our word arrives."""
    history = [
        {**message, "reasoning_content": f" {index}\n"} if is_turn(message) else message
        for index, message in enumerate(in_chat(steps))
    ]
    view = MESSAGES.view(_to_messages(signed(history, "mimo")))

    assert view is not None
    carried = [lift(message)[0] for message in opened(view.messages, lambda _: None) if is_turn(message)]
    assert [message["reasoning_content"] for message in history if is_turn(message)] == carried


@pytest.mark.parametrize("wire", [MESSAGES, RESPONSES], ids=lambda wire: wire.name)
@pytest.mark.parametrize("history", ["x", [], [{"role": "user", "content": "x", "thinking_blocks": 3}], 3])
def test_what_has_no_reasoning_crosses_as_it_came(history: Any, wire: Wire) -> None:
    """A history without reasoning, or that cannot be read, is the same object."""
    assert _across(history, wire) is history


def test_what_another_vendor_signed() -> None:
    """It is not given our word; a sealed item, whose seal the bridge would lose, is left out."""
    said = {"role": "assistant", "content": "hi"}
    block = {"type": "thinking", "thinking": "a", "signature": "EsYCC"}
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}],
        "encrypted_content": "gAAA",
    }
    ours = {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": " b"}]}
    user, messages = {"role": "user", "content": "x"}, [{"role": "assistant", "content": [block]}]

    assert messages is _across(messages, MESSAGES)
    assert [user, said] == _across([user, item, said], RESPONSES)
    assert [None, " b"] == _reasoning(_from_responses(_across([user, item, said, user, said, ours], RESPONSES)))


@pytest.mark.parametrize("text", ["a", " a\n"])
def test_what_litellm_does_without_us(text: str) -> None:
    """Why all this: the bridge strips an item, splits its turn, and forgets the seal; a failure here is good news."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}
    bridged = _from_responses([call, {**item, "encrypted_content": "gAAA"}, {**call, "call_id": "c2"}])

    assert ["a"] == [message["reasoning_content"] for message in bridged if message.get("reasoning_content")]
    assert 2 == len(bridged)
