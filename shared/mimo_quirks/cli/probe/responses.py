"""The responses wire, OpenAI's, as the probe speaks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from mimo_quirks import reasoning_item

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
    text,
    without_gaps,
)

_KINDS: Final = {"reasoning": "thought", "message": "text", "function_call": "call"}


def _body(model: str, steps: Sequence[Step], tools: Sequence[str], stream: bool) -> dict[str, Any]:  # noqa: FBT001
    body: dict[str, Any] = {
        "model": model,
        "input": [item for step in steps for item in _items(step)],
        "max_output_tokens": MOST_TOKENS,
    }
    if tools:
        body["tools"] = [
            {"type": "function", "name": name, "description": DESCRIPTIONS[name], "parameters": PARAMETERS}
            for name in tools
        ]
    return body | ({"stream": True} if stream else {})


def _items(step: Step) -> Iterator[dict[str, Any]]:
    if isinstance(step, User):
        yield {"type": "message", "role": "user", "content": step.text}
    elif isinstance(step, Results):
        for call in step.calls:
            yield {"type": "function_call_output", "call_id": call.id, "output": step.content}
    else:
        yield from _turn(step)


def _turn(step: Turn) -> Iterator[dict[str, Any]]:
    items: list[dict[str, Any]] = step.said.native
    calls = iter(step.said.calls)  # their ids may be others than those that were issued
    named = [{**item, "call_id": next(calls).id} if item.get("type") == "function_call" else item for item in items]
    if step.given.kind == "issued":
        yield from named
        return
    yield from _thoughts(step.given, step.said)
    yield from (item for item in named if item.get("type") != "reasoning")


def _thoughts(given: Given, said: Said) -> Iterator[dict[str, Any]]:
    if given.kind == "joined":
        yield reasoning_item(said.thoughts.get("content", ""))
    elif given.texts:
        item = reasoning_item(given.texts.get("content") or "")
        summary = given.texts.get("summary")
        if summary is not None:
            item["summary"] = [{"type": "summary_text", "text": summary}]
        if "content" not in given.texts:
            del item["content"]
        yield item


def _read(document: Json) -> Said:
    if not isinstance(document.get("output"), list):
        raise UnreadableError
    return _said(objects(document["output"]), document.get("usage"))


def _said(items: Sequence[Json], usage: object, *, ended: bool = True) -> Said:
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    held = {name: "".join(map(_text, (item.get(name) for item in thoughts))) for name in ("content", "summary")}
    return Said(
        "".join(_text(item.get("content")) for item in items if item.get("type") == "message"),
        tuple(_call(item) for item in items if item.get("type") == "function_call"),
        {name: value for name, value in held.items() if value},
        without_gaps(_KINDS.get(str(item.get("type")), "other") for item in items),
        [dict(item) for item in items],
        Usage(
            number(member(usage, "input_tokens")),
            number(member(usage, "output_tokens")),
            number_or_none(member(member(usage, "output_tokens_details"), "reasoning_tokens")),
            number_or_none(member(member(usage, "input_tokens_details"), "cached_tokens")),
        ),
        blocks=len(thoughts),
        ended=ended,
    )


def _text(content: object) -> str:
    return text(content) or "".join(text(part.get("text")) for part in objects(content))


def _call(item: Json) -> Call:
    return Call(text(item.get("call_id")), text(item.get("name")), text(item.get("arguments")))


def _gather(events: Iterable[Json]) -> Said:
    items: list[Json] = []
    usage: object = None
    fed, ended = 0, False
    for event in events:
        kind = event.get("type")
        if kind in ("error", "response.failed"):
            raise EventError(str(event), fed)
        fed += 1
        if kind == "response.output_item.done":
            items += objects([event.get("item")])
        elif kind in ("response.completed", "response.incomplete"):
            usage, ended = member(event.get("response"), "usage"), True
    if not fed:
        raise UnreadableError
    return _said(items, usage, ended=ended)


def _made(said: str, calls: tuple[Call, ...], thought: str = "") -> Said:
    parts = [{"type": "output_text", "text": said, "annotations": []}]
    items: list[dict[str, Any]] = [reasoning_item(thought)] if thought else []
    items += [{"type": "message", "role": "assistant", "content": parts}] if said else []
    items += [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments} for call in calls
    ]
    return Said(said, calls, {"content": thought} if thought else {}, native=items)


def _forced(name: str | None) -> object:
    return "none" if name is None else {"type": "function", "name": name}


RESPONSES: Final = Speech("responses", "response", ("content", "summary"), _body, _read, _gather, _made, _forced)
"""OpenAI's responses."""
