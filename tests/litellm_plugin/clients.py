"""Agent loops as people write them with the openai SDK and the anthropic SDK, and what they keep of a turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anthropic import Anthropic
from openai import OpenAI

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.history.streaming import TurnReader
from mimo_quirks.history.turns import as_message

Block = dict[str, Any]
Keep = Callable[[Block], Block | None]
"""What a client replays of one message of the chat wire, one block or one item; None where it drops it."""

QUESTION: Final = "天气? Ask for one city at a time."
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION: Final = {"name": "weather", "description": "The weather in a city.", "parameters": SCHEMA}


def _all(block: Block) -> Block | None:
    return block


def _known(message: Block) -> Block | None:
    return {key: message[key] for key in ("role", "content", "tool_calls") if key in message}


def _no_reasoning(block: Block) -> Block | None:
    return None if block["type"] in ("thinking", "redacted_thinking", "reasoning") else block


def _signature_only(block: Block) -> Block | None:
    """A client that shows thinking and keeps what is opaque."""
    return {**block, "thinking": ""} if block["type"] == "thinking" else block


def _encrypted_only(item: Block) -> Block | None:
    """A client that runs without a store at the service, as Codex does."""
    if item["type"] != "reasoning":
        return item
    kept = {"type": "reasoning", "id": item["id"], "summary": [], "encrypted_content": item.get("encrypted_content")}
    return kept if kept["encrypted_content"] else None


def _stripped(block: Block) -> Block | None:
    """A client that tidies what it shows."""
    return {**block, "thinking": block["thinking"].strip()} if block["type"] == "thinking" else block


def _trimmed(message: Block) -> Block | None:
    """As Qwen Code replays: without white space at the edges."""
    return {**message, "reasoning_content": message.get("reasoning_content", "").strip()}


KEEPS: Final[Mapping[str, Mapping[str, Keep]]] = {
    "chat": {"echoes": _all, "drops": _known, "strips": _trimmed},
    "messages": {"echoes": _all, "drops": _no_reasoning, "signature": _signature_only, "strips": _stripped},
    "responses": {"echoes": _all, "drops": _no_reasoning, "encrypted": _encrypted_only},
}
"""Route → name of a client → what it replays."""


@dataclass
class Talk:
    """One conversation of one client, which may go on at another proxy."""

    route: str
    model: str
    keep: Keep
    streams: bool
    more: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    history: list[Any] = field(default_factory=lambda: [{"role": "user", "content": QUESTION}])
    shown: list[str] = field(default_factory=list)
    shape: Callable[[list[Any]], list[Any]] = list

    def step(self, proxy: LiteLLMProxy) -> str | None:
        """Asks once, and runs the tools that it is told to run; the answer, once there is one."""
        return _STEPS[self.route](self, proxy, self.key or proxy.key)

    def run(self, proxy: LiteLLMProxy, steps: int) -> str:
        """Goes on until the model answers without calling a tool, and returns that answer."""
        for _ in range(steps):
            answer = self.step(proxy)
            if answer is not None:
                return answer
        raise RuntimeError(f"no answer after {steps} steps")

    def _replay(self, blocks: list[Block]) -> list[Block]:
        return [kept for kept in map(self.keep, blocks) if kept is not None]


def talk(proxy: LiteLLMProxy, route: str, model: str, client: str, *, streams: bool, steps: int, **more: Any) -> str:
    """One whole conversation."""
    return Talk(route, model, KEEPS[route][client], streams, more).run(proxy, steps)


def _chat(talk: Talk, proxy: LiteLLMProxy, key: str) -> str | None:
    client = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=key, max_retries=0)
    tools: Any = [{"type": "function", "function": FUNCTION}]
    arguments: Any = {"model": talk.model, "messages": talk.shape(talk.history), "tools": tools, **talk.more}
    if talk.streams:
        reader = TurnReader()
        for chunk in client.chat.completions.create(stream=True, **arguments):
            for choice in chunk.choices:
                reader.feed(choice.delta.model_dump(exclude_none=True), choice.finish_reason)
        turn = as_message(reader.turn())
    else:
        turn = client.chat.completions.create(**arguments).choices[0].message.model_dump(exclude_none=True)
    talk.shown.append(turn.get("reasoning_content", ""))
    talk.history.extend(talk._replay([turn]))
    calls = turn.get("tool_calls") or []
    talk.history.extend({"role": "tool", "tool_call_id": call["id"], "content": "21 °C"} for call in calls)
    return None if calls else turn["content"]


def _messages(talk: Talk, proxy: LiteLLMProxy, key: str) -> str | None:
    """As Claude Code asks: the results of parallel calls in one user message."""
    client = Anthropic(base_url=proxy.base_url, api_key=key, max_retries=0)
    tools: Any = [{"name": "weather", "description": "The weather in a city.", "input_schema": SCHEMA}]
    more = {"max_tokens": 4000, **talk.more}
    arguments: Any = {"model": talk.model, "messages": talk.shape(talk.history), "tools": tools, **more}
    if talk.streams:
        with client.messages.stream(**arguments) as stream:
            turn: Any = stream.get_final_message()
    else:
        turn = client.messages.create(**arguments)
    blocks = [block.model_dump(exclude_none=True) for block in turn.content]
    talk.shown.append("".join(block.get("thinking", "") for block in blocks))
    talk.history.append({"role": "assistant", "content": talk._replay(blocks)})
    calls = [block for block in blocks if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "21 °C"} for call in calls]
    talk.history.append({"role": "user", "content": results})
    return None if calls else "".join(block.get("text", "") for block in blocks)


def _responses(talk: Talk, proxy: LiteLLMProxy, key: str) -> str | None:
    """As Codex asks: it keeps the items as they are finished, and nothing at the service."""
    client = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=key, max_retries=0)
    tools: Any = [{"type": "function", **FUNCTION}]
    arguments: Any = {
        "model": talk.model,
        "input": talk.shape(talk.history),
        "tools": tools,
        **talk.more,
    }
    if talk.streams:
        events = list(client.responses.create(stream=True, store=False, **arguments))
        output = [event.item for event in events if event.type == "response.output_item.done"]
    else:
        output = list(client.responses.create(store=False, **arguments).output)
    items = [item.model_dump(exclude_none=True) for item in output]
    thoughts = [item for item in items if item["type"] == "reasoning"]
    talk.shown.append("".join(part["text"] for item in thoughts for part in _parts(item) or item["summary"]))
    talk.history.extend(talk._replay(items))
    calls = [item for item in items if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "21 °C"} for call in calls]
    talk.history.extend(results)
    said = [part.get("text", "") for item in items if item["type"] == "message" for part in _parts(item)]
    return None if calls else "".join(said)


_STEPS: Final = {"chat": _chat, "messages": _messages, "responses": _responses}


def _parts(item: Block) -> list[Block]:
    return item.get("content") or []
