"""A host in memory: openai's clients talk to it without a network, so that no server is measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import openai

from langchain_mimo._internals import httpx_of

MODEL: Final = "mimo-v2.6-pro"
URL: Final = "https://relay.example/v1"

_FRAME: Final = {"id": "1", "created": 1, "model": MODEL}
_USAGE: Final = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_HTTPX: Final = httpx_of(openai)


class Host:
    """Answers every request with the same, and keeps the last.

    Args:
        body: The answer.
        kind: Its content type.
    """

    def __init__(self, body: bytes, kind: str = "application/json") -> None:
        self.body = body
        self.received: Any = None
        self._headers = {"content-type": kind}

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The history that arrived last."""
        return json.loads(self.received.content)["messages"]

    def http_client(self) -> Any:
        """What a synchronous client of openai's takes as its `http_client`."""
        return openai.DefaultHttpxClient(transport=_HTTPX.MockTransport(self._serve))

    def asynchronous(self) -> openai.AsyncOpenAI:
        """An asynchronous client of openai's."""
        http_client = openai.DefaultAsyncHttpxClient(transport=_HTTPX.MockTransport(self._serve))
        return openai.AsyncOpenAI(api_key="k", base_url=URL, http_client=http_client, max_retries=0)

    def _serve(self, request: Any) -> Any:
        self.received = request
        return _HTTPX.Response(200, content=self.body, headers=self._headers)


def answer(turn: Mapping[str, Any]) -> bytes:
    """A whole answer with this assistant message."""
    end = "tool_calls" if turn.get("tool_calls") else "stop"
    choice = {"index": 0, "message": turn, "finish_reason": end}
    return json.dumps({**_FRAME, "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()


def streamed(deltas: Sequence[Mapping[str, Any]]) -> bytes:
    """A stream of one answer, one event for each delta and one that ends it."""
    steps = [*((delta, None) for delta in deltas), ({}, "stop")]
    choices = [{"index": 0, "delta": delta, "finish_reason": end} for delta, end in steps]
    events = [{**_FRAME, "object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def deltas(count: int) -> list[dict[str, Any]]:
    """The deltas of one answer: four of five are reasoning."""
    thought = [{"reasoning_content": f"想 {number} "} for number in range(count * 4 // 5)]
    return [*thought, *({"content": f"word {number} "} for number in range(count - len(thought)))]
