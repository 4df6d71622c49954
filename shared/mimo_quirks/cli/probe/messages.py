"""The messages wire, Anthropic's, as the probe speaks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from .asking import Call, Json, Said, Usage
from .speech import (
    DESCRIPTIONS,
    MOST_TOKENS,
    PARAMETERS,
    EventError,
    Given,
    Results,
    Speech,
    Step,
    Turn,
    UnreadableError,
    User,
    member,
    number,
    number_or_none,
    objects,
    parsed,
    text,
    without_gaps,
)

_BLOCK: Final = "thinking"
_KINDS: Final = {"thinking": "thought", "redacted_thinking": "thought", "text": "text", "tool_use": "call"}


def _body(model: str, steps: Sequence[Step], tools: Sequence[str], stream: bool) -> dict[str, Any]:  # noqa: FBT001
    body: dict[str, Any] = {
        "model": model,
        "messages": list(map(_message, steps)),
        "max_tokens": MOST_TOKENS,
    }
    if tools:
        body["tools"] = [
            {"name": name, "description": DESCRIPTIONS[name], "input_schema": PARAMETERS} for name in tools
        ]
    return body | ({"stream": True} if stream else {})


def _message(step: Step) -> dict[str, Any]:
    if isinstance(step, User):
        return {"role": "user", "content": step.text}
    if isinstance(step, Results):
        results = ({"type": "tool_result", "tool_use_id": call.id, "content": step.content} for call in step.calls)
        return {"role": "user", "content": list(results)}
    beside = {name: value for name, value in step.given.texts.items() if name != _BLOCK}
    return {"role": "assistant", "content": _content(step), **beside}


def _content(step: Turn) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = step.said.native
    calls = iter(step.said.calls)  # their ids may be others than those that were issued
    named = [{**block, "id": next(calls).id} if block.get("type") == "tool_use" else block for block in blocks]
    if step.given.kind == "issued":
        return named
    spoken = [block for block in named if _KINDS.get(block["type"]) != "thought"]
    return [*_thoughts(step.given, step.said), *spoken]


def _thoughts(given: Given, said: Said) -> Iterator[dict[str, Any]]:
    if given.kind in ("joined", "forged"):
        signature = {"signature": "bm9ib2R5IG1hZGUgdGhpcw=="} if given.kind == "forged" else {}
        yield {"type": _BLOCK, "thinking": said.thoughts.get(_BLOCK, ""), **signature}
    elif _BLOCK in given.texts:
        yield {"type": _BLOCK, "thinking": given.texts[_BLOCK]}


def _read(document: Json) -> Said:
    if not isinstance(document.get("content"), list):
        raise UnreadableError
    return _said(objects(document["content"]), document.get("usage"))


def _said(blocks: Sequence[Json], usage: object, *, ended: bool = True) -> Said:
    thoughts = [block for block in blocks if block.get("type") == _BLOCK]
    held = "".join(text(block.get("thinking")) for block in thoughts)
    signatures = [block.get("signature") for block in thoughts]
    cached = number_or_none(member(usage, "cache_read_input_tokens"))
    return Said(
        "".join(text(block.get("text")) for block in blocks if block.get("type") == "text"),
        tuple(_call(block) for block in blocks if block.get("type") == "tool_use"),
        {_BLOCK: held} if held else {},
        without_gaps(_KINDS.get(str(block.get("type")), "other") for block in blocks),
        [dict(block) for block in blocks],
        Usage(
            number(member(usage, "input_tokens")) + (cached or 0),
            number(member(usage, "output_tokens")),
            cached=cached,
        ),
        blocks=len(thoughts),
        signature="present" if any(signatures) else "empty" if "" in signatures else "absent",
        ended=ended,
    )


def _call(block: Json) -> Call:
    return Call(text(block.get("id")), text(block.get("name")), "{}")


def _gather(events: Iterable[Json]) -> Said:
    blocks: dict[object, dict[str, Any]] = {}
    usage: dict[str, Any] = {}
    fed, ended = 0, False
    for event in events:
        kind = event.get("type")
        if kind == "error":
            raise EventError(str(event), fed)
        fed += 1
        usage |= member(event.get("message"), "usage") or event.get("usage") or {}
        ended = ended or kind == "message_stop"
        if kind == "content_block_start":
            blocks[event.get("index")] = dict(event.get("content_block") or {})
        elif kind == "content_block_delta":
            _fill(blocks.setdefault(event.get("index"), {}), event.get("delta"))
    if not fed:
        raise UnreadableError
    return _said([_whole(block) for block in blocks.values()], usage, ended=ended)


def _fill(block: dict[str, Any], delta: object) -> None:
    for name, piece in (("text", "text"), ("thinking", "thinking"), ("signature", "signature")):
        if isinstance(member(delta, piece), str):
            block[name] = text(block.get(name)) + member(delta, piece)
    if isinstance(member(delta, "partial_json"), str):
        block["partial"] = block.get("partial", "") + member(delta, "partial_json")


def _whole(block: dict[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in block.items() if name != "partial"}} | (
        {"input": parsed(block["partial"])} if "partial" in block else {}
    )


def _made(said: str, calls: tuple[Call, ...], thought: str = "") -> Said:
    blocks: list[dict[str, Any]] = [{"type": _BLOCK, "thinking": thought}] if thought else []
    blocks += [{"type": "text", "text": said}] if said else []
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": parsed(call.arguments)} for call in calls
    ]
    return Said(said, calls, {_BLOCK: thought} if thought else {}, native=blocks)


def _forced(name: str | None) -> object:
    return {"type": "none"} if name is None else {"type": "tool", "name": name}


MESSAGES: Final = Speech("messages", "message", (_BLOCK, "reasoning_content"), _body, _read, _gather, _made, _forced)
"""Anthropic's messages."""
