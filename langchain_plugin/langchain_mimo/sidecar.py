"""What a message knows of its reasoning, carried through langchain-anthropic's formatting of a request.

It drops reasoning of every provider but Anthropic, leaves messages out and merges others, so what it made cannot be
paired with what it was given. A block of a type that it does not know it passes on: each turn is given one, which is
taken away again before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage

from mimo_quirks import Message, block_texts, is_reasoning_block, unwrap

from .messages import carried

_SIDECAR: Final = "mimo_sidecar"
_NATIVE: Final = ("thinking", "redacted_thinking")


def with_sidecar(message: BaseMessage) -> BaseMessage:
    """The message with its blocks as the messages wire has them, and with what it knows sidecars as the first.

    Args:
        message: Any message of a history. A turn is changed, in a copy, and so is another message that holds reasoning,
            where an answer was taken for a tool's result or a question: this wire has reasoning in turns alone.
    """
    if not isinstance(message, AIMessage):
        said = [block for block in message.content if not is_reasoning_block(block)]
        is_thought = isinstance(message.content, list) and len(said) < len(message.content)
        return message.model_copy(update={"content": said}) if is_thought else message
    content: Sequence[Any] = message.content if isinstance(message.content, list) else [_text(message.content)]
    sidecar = {"type": _SIDECAR, **carried(message), "response_metadata": message.response_metadata}
    return message.model_copy(update={"content": [sidecar, *map(_native, content)]})


def without_sidecars(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """The messages of a body as they can be sent, and what each knew sidecars; those that say nothing are left out."""
    bare: list[Message] = []
    sidecars: list[Message] = []
    for message in messages:
        content = message.get("content")
        blocks = content if isinstance(content, list) else []
        if blocks and _is_sidecar(blocks[0]):
            if blocks[1:] or len(blocks[0]) > 1:
                bare.append({**message, "content": blocks[1:]})
                sidecars.append({name: value for name, value in blocks[0].items() if name != "type"})
        else:
            bare.append(message)
            sidecars.append({})
    return bare, sidecars


def without_nothing(block: Any) -> Any:
    """The block without members that are None: the SDK makes them of what an answer does not have, such as a signature.

    A host that signs nothing need not take `null` for a signature.
    """
    return {name: value for name, value in block.items() if value is not None} if isinstance(block, Mapping) else block


def _is_sidecar(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == _SIDECAR


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _native(block: Any) -> Any:
    """A block of reasoning or a call of LangChain's standard ones as Anthropic writes it; any other as it is."""
    if not isinstance(block, Mapping):
        return block
    if is_reasoning_block(block):
        inner = unwrap(block)
        if inner.get("type") in _NATIVE:
            return without_nothing(inner)
        return {"type": "thinking", "thinking": "".join(block_texts(block))}
    if block.get("type") == "tool_call":
        return {"type": "tool_use", "id": block.get("id"), "name": block.get("name"), "input": block.get("args") or {}}
    return block
