"""Agent loops as people write them with the anthropic SDK and the openai SDK, and what they keep of a turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from anthropic import Anthropic
from openai import OpenAI

from mimo_quirks.cli.demo.client import converse
from mimo_quirks.cli.proxy import LiteLLMProxy

Block = dict[str, Any]
Keep = Callable[[Block], Block | None]
"""What a client replays of one block or item; None where it drops it."""

QUESTION: Final = "天气? Ask for one city at a time."
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def _all(block: Block) -> Block | None:
    return block


def _no_reasoning(block: Block) -> Block | None:
    return None if block["type"] in ("thinking", "reasoning") else block


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


KEEPS: Final[Mapping[str, Mapping[str, Keep]]] = {
    "chat": {"echoes": _all, "drops": _no_reasoning},
    "messages": {"echoes": _all, "drops": _no_reasoning, "signature": _signature_only, "strips": _stripped},
    "responses": {"echoes": _all, "drops": _no_reasoning, "encrypted": _encrypted_only},
}
"""Route → name of a client → what it replays."""


def talk(proxy: LiteLLMProxy, route: str, model: str, client: str, *, streams: bool, steps: int, **more: Any) -> str:
    """Goes on until the model answers without calling a tool, and returns that answer."""
    keep = KEEPS[route][client]
    if route == "chat":
        openai = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)
        return converse(openai, model, echoes=keep is _all, streams=streams, most_steps=steps)
    return _LOOPS[route](proxy, model, keep, streams=streams, steps=steps, **more)


def messages(proxy: LiteLLMProxy, model: str, keep: Keep, *, streams: bool, steps: int, **more: Any) -> str:
    """The loop of Claude Code: results of parallel calls in one user message."""
    client = Anthropic(base_url=proxy.base_url, api_key=proxy.key, max_retries=0)
    tools: Any = [{"name": "weather", "description": "The weather in a city.", "input_schema": SCHEMA}]
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for _ in range(steps):
        arguments: Any = {"model": model, "max_tokens": 4000, "messages": history, "tools": tools, **more}
        if streams:
            with client.messages.stream(**arguments) as stream:
                turn = stream.get_final_message()
        else:
            turn = client.messages.create(**arguments)
        blocks = [block.model_dump(exclude_none=True) for block in turn.content]
        history.append({"role": "assistant", "content": _kept(blocks, keep)})
        calls = [block for block in blocks if block["type"] == "tool_use"]
        if not calls:
            return "".join(block.get("text", "") for block in blocks)
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "21 °C"} for call in calls]
        history.append({"role": "user", "content": results})
    raise RuntimeError(f"no answer after {steps} steps")


def responses(proxy: LiteLLMProxy, model: str, keep: Keep, *, streams: bool, steps: int, **more: Any) -> str:
    """The loop of Codex: it keeps the items as they are finished, and nothing at the service."""
    client = OpenAI(base_url=f"{proxy.base_url}/v1", api_key=proxy.key, max_retries=0)
    tools: Any = [{"type": "function", "name": "weather", "description": "Weather.", "parameters": SCHEMA}]
    history: list[Any] = [{"role": "user", "content": QUESTION}]
    for _ in range(steps):
        arguments: Any = {"model": model, "input": history, "tools": tools, "store": False, **more}
        if streams:
            events = list(client.responses.create(stream=True, **arguments))
            output = [event.item for event in events if event.type == "response.output_item.done"]
        else:
            output = list(client.responses.create(**arguments).output)
        items = [item.model_dump(exclude_none=True) for item in output]
        history.extend(_kept(items, keep))
        calls = [item for item in items if item["type"] == "function_call"]
        if not calls:
            return "".join(part.get("text", "") for item in items for part in _parts(item))
        history.extend(
            {"type": "function_call_output", "call_id": call["call_id"], "output": "21 °C"} for call in calls
        )
    raise RuntimeError(f"no answer after {steps} steps")


_LOOPS: Final = {"messages": messages, "responses": responses}


def _kept(blocks: list[Block], keep: Keep) -> list[Block]:
    return [kept for kept in map(keep, blocks) if kept is not None]


def _parts(item: Block) -> list[Block]:
    return item["content"] if item["type"] == "message" else []
