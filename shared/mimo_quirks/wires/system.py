"""The system prompt of a request: one definition of "the same" for all wires, and for both sides of a bridge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mimo_quirks.facts.digests import digest
from mimo_quirks.history.canonical import Effort, canonical_content
from mimo_quirks.history.turns import Message

from .wire import Wire


def system_digest(request: Mapping[str, Any], wire: Wire, messages: Sequence[Message]) -> str:
    """The digest of a request's system prompt: the text of all its parts, joined, without white space.

    Where there is none the names of the tools stand in for it: they tell two agents of one application apart.

    Args:
        request: A request's body, or the arguments of a call.
        wire: The wire that it is written in.
        messages: Its history as messages of the chat wire.
    """
    text = b"".join(_prompts(request, wire, messages))
    if text:
        return digest("system", text.decode("utf-8", "surrogatepass"))
    tools = request.get("tools")
    return digest("tools", sorted(_names(tools if isinstance(tools, list | tuple) else ())))


def _prompts(request: Mapping[str, Any], wire: Wire, messages: Sequence[Message]) -> Iterator[bytes]:
    effort = Effort()
    if wire.system is not None:
        yield canonical_content(request.get(wire.system), effort)
    for message in messages:
        if message.get("role") in ("system", "developer"):
            yield canonical_content(message.get("content"), effort)


def _names(tools: Sequence[Any]) -> Iterator[str]:
    for tool in tools:
        if isinstance(tool, Mapping):
            function = tool.get("function")
            name = (function if isinstance(function, Mapping) else tool).get("name")
            yield name if isinstance(name, str) else ""
