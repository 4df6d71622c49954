"""The chat wire, as the probe speaks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from mimo_quirks.facts.reasoning_fields import KEYS, texts_of

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

_DETAILS: Final = "reasoning_details"


def _body(model: str, steps: Sequence[Step], tools: Sequence[str], stream: bool) -> dict[str, Any]:  # noqa: FBT001
    body: dict[str, Any] = {
        "model": model,
        "messages": [message for step in steps for message in _messages(step)],
        "max_completion_tokens": MOST_TOKENS,
    }
    if tools:
        functions = ({"name": name, "description": DESCRIPTIONS[name], "parameters": PARAMETERS} for name in tools)
        body["tools"] = [{"type": "function", "function": function} for function in functions]
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _messages(step: Step) -> Iterator[dict[str, Any]]:
    if isinstance(step, User):
        yield {"role": "user", "content": step.text}
    elif isinstance(step, Results):
        yield from ({"role": "tool", "tool_call_id": call.id, "content": step.content} for call in step.calls)
    else:
        yield _turn(step)


def _turn(step: Turn) -> dict[str, Any]:
    said = step.said
    message: dict[str, Any] = {"role": "assistant", "content": step.content if said.calls else said.text}
    if said.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in said.calls
        ]
    return message | _reasoning(step.given, said)


def _reasoning(given: Given, said: Said) -> dict[str, Any]:
    if given.kind in ("issued", "joined"):
        return dict(said.native)
    return {name: _detailed(value) if name == _DETAILS else value for name, value in given.texts.items()}


def _detailed(value: str | None) -> Any:
    return [{"type": "reasoning.text", "text": value, "format": "unknown", "index": 0}]


def _read(document: Json) -> Said:
    choices = objects(document.get("choices"))
    message = member(choices[0], "message") if choices else None
    if not isinstance(message, Mapping):
        raise UnreadableError
    calls = tuple(_call(call) for call in objects(message.get("tool_calls")))
    native = _native(message)
    order = ("thought",) * bool(native) + ("text",) * bool(message.get("content")) + ("call",) * bool(calls)
    return _said(text(message.get("content")), calls, native, order, document, choices=len(choices))


def _gather(events: Iterable[Json]) -> Said:
    pieces = _Pieces()
    for event in events:
        pieces.feed(event)
    if not pieces.fed:
        raise UnreadableError
    calls = tuple(Call(call["id"], call["name"], call["arguments"]) for call in pieces.calls.values())
    order = without_gaps(pieces.order)
    return _said(pieces.said, calls, pieces.native, order, {"usage": pieces.usage}, ended=pieces.ended)


class _Pieces:
    """What the deltas of a stream amount to."""

    def __init__(self) -> None:
        self.fed = 0
        self.said = ""
        self.native: dict[str, Any] = {}
        self.calls: dict[object, dict[str, str]] = {}
        self.order: list[str] = []
        self.usage: object = None
        self.ended = False

    def feed(self, event: Json) -> None:
        choices = objects(event.get("choices"))
        if not choices and "error" in event:
            raise EventError(str(event), self.fed)
        self.fed += 1
        self.usage = event.get("usage") or self.usage
        for choice in choices[:1]:
            self.ended = self.ended or bool(choice.get("finish_reason"))
            delta = choice.get("delta")
            if isinstance(delta, Mapping):
                self._feed(delta)

    def _feed(self, delta: Json) -> None:
        for name, value in _native(delta).items():
            self.native[name] = _joined(self.native.get(name), value)
            self.order.append("thought")
        if text(delta.get("content")):
            self.said += delta["content"]
            self.order.append("text")
        for piece in objects(delta.get("tool_calls")):
            call = self.calls.setdefault(piece.get("index", 0), {"id": "", "name": "", "arguments": ""})
            read = _call(piece)
            call["id"] = call["id"] or read.id
            call["name"] = call["name"] or read.name
            call["arguments"] += read.arguments
            self.order.append("call")


def _native(message: Json) -> dict[str, Any]:
    return {name: message[name] for name in KEYS if "".join(texts_of(message.get(name)))}


def _joined(old: Any, new: Any) -> Any:
    if isinstance(new, str):
        return text(old) + new
    whole = "".join((*texts_of(old), *texts_of(new)))
    return _detailed(whole) if old is not None else new


def _said(  # noqa: PLR0913 - what an answer has
    said: str,
    calls: tuple[Call, ...],
    native: dict[str, Any],
    order: tuple[str, ...],
    document: Json,
    *,
    choices: int = 1,
    ended: bool = True,
) -> Said:
    usage = document.get("usage")
    return Said(
        said,
        calls,
        {name: "".join(texts_of(value)) for name, value in native.items()},
        order,
        native,
        Usage(
            number(member(usage, "prompt_tokens")),
            number(member(usage, "completion_tokens")),
            number_or_none(member(member(usage, "completion_tokens_details"), "reasoning_tokens")),
            number_or_none(member(member(usage, "prompt_tokens_details"), "cached_tokens")),
        ),
        blocks=1 if native else 0,
        choices=choices,
        ended=ended,
    )


def _call(call: Json) -> Call:
    function = call.get("function")
    return Call(text(call.get("id")), text(member(function, "name")), text(member(function, "arguments")))


def _made(said: str, calls: tuple[Call, ...], thought: str = "") -> Said:
    native = {KEYS[0]: thought} if thought else {}
    return Said(said, calls, native, native=native)


def _forced(name: str | None) -> object:
    return "none" if name is None else {"type": "function", "function": {"name": name}}


CHAT: Final = Speech("chat", "chat completion", KEYS[:3], _body, _read, _gather, _made, _forced)
"""Chat completions."""
