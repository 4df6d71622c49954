"""Errors that look like refusals of reasoning and are none, in every wrapping that relays and SDKs give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from mimo_quirks.refusals import classify_refusal

TOOL_TURN = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
}
REQUESTS: tuple[dict[str, Any] | None, ...] = (
    None,
    {"model": "mimo-v2.6-pro", "messages": [TOOL_TURN]},
    {"model": "mimo-v2.6-pro", "messages": [{**TOOL_TURN, "reasoning_content": "a"}]},
)
"""Nothing known of it; one that could be refused as too little; one that could be refused as too much."""

FIELDS = ("content", "name", "tool_call_id", "reasoning_effort", "thinking_budget", "response_format", "max_tokens")
SAID_OF_A_FIELD = (
    "The {} in the thinking mode must be passed back to the API.",
    "The {} must be passed back to the API.",
    "thinking is enabled but {} is missing in assistant tool call message at index 2",
    "messages.3.assistant.{}: Extra inputs are not permitted",
    "{}: Extra inputs are not permitted",
    "Unknown parameter: {}",
    "Input should be a valid string in `{}`",
)
SAID_OF_REASONING = (
    "reasoning_content must be a string",
    "reasoning_content is too long: at most 131072 tokens",
    "reasoning_content counts towards max_completion_tokens",
    "The reasoning_content in the thinking mode is billed as output.",
    "The reasoning_content in the thinking mode may be passed back to the API.",
    "The reasoning_content of the first choice is empty; try again",
    "thinking is enabled and reasoning_content is streamed",
    "thinking options type cannot be disabled when reasoning_effort is set",
    "cannot specify both 'thinking' and 'reasoning_effort'",
)
WRAPPINGS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "message": lambda said: {"error": {"message": said, "type": "invalid_request_error", "param": None, "code": "400"}},
    "param": lambda said: {"error": {"code": "400", "message": "Param Incorrect", "param": said, "type": ""}},
    "data": lambda said: "data:" + json.dumps({"error": {"code": "400", "message": "Param Incorrect", "param": said}}),
    "printed": lambda said: f"Error code: 400 - {{'error': {{'message': 'Param Incorrect', 'param': {said!r}}}}}",
    "relayed": lambda said: {"error": {"message": json.dumps({"error": {"message": said}}), "code": "400"}},
    "litellm": lambda said: f'litellm.BadRequestError: OpenAIException - {{"error":{{"message":{json.dumps(said)}}}}}',
}
NEAR_MISSES = [
    *(said.format(field) for said, field in product(SAID_OF_A_FIELD, FIELDS)),
    *SAID_OF_REASONING,
]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_near_misses(wrapping: str) -> None:
    """What is said of another field, or something else of this one, is not ours, whatever the request was."""
    wrap = WRAPPINGS[wrapping]
    taken = [
        said for said, request in product(NEAR_MISSES, REQUESTS) if classify_refusal(wrap(said), request) is not None
    ]

    assert taken == []


def test_there_are_enough() -> None:
    """The table is as large as it is meant to be."""
    assert len({json.dumps(wrap(said)) for wrap, said in product(WRAPPINGS.values(), NEAR_MISSES)}) >= 200
