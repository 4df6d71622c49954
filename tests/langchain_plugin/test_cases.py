"""The table of cases, sent by ChatMiMo: what arrived on the wire."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages

from langchain_mimo import ChatMiMo
from mimo_quirks.simulator import Mode, Simulator

from ..cases import CASES, TOOL, Case

_KNOWN = {"role", "content", "tool_calls", "reasoning_content"}


def _messages(case: Case) -> list[BaseMessage]:
    """The history as LangChain holds it: what a message dict has beside OpenAI's members is in `additional_kwargs`."""
    plain = [
        {key: value for key, value in message.items() if key in {*_KNOWN, "tool_call_id"}} for message in case.history
    ]
    messages = convert_to_messages([{**message, "content": message["content"] or ""} for message in plain])
    turn = messages[1]
    assert isinstance(turn, AIMessage)
    turn.additional_kwargs |= {key: value for key, value in case.held.items() if key not in {"content", "tool_calls"}}
    return messages


@pytest.mark.parametrize("case", [case for case in CASES if "langchain" in case.only], ids=lambda case: case.id)
@pytest.mark.parametrize("streaming", [False, True])
def test_case(case: Case, streaming: bool, simulator: Simulator, make_model: Callable[..., ChatMiMo]) -> None:
    """Each case reaches the host with this reasoning, this content, and no other member."""
    simulator.mode = Mode(string_content=True)
    make_model(streaming=streaming).bind(tools=[TOOL]).invoke(_messages(case))

    (exchange,) = simulator.exchanges
    sent = json.loads(exchange.raw)["messages"][1]
    assert (case.reasoning, case.content) == (sent.get("reasoning_content"), sent["content"])
    assert set(sent) <= _KNOWN
    assert exchange.status == 200
