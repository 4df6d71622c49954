"""Content as a string: MiMo takes nothing else from the model and from tools.

An assistant message with `content: null` and a tool message with a list were each answered with a 400 (EVIDENCE
§5.3, §9; MiMo-V2-Flash#8, XiaomiMiMo/MiMo#44). Other roles keep a list that holds more than text, but no
reasoning: the wire has it in turns alone, and an application that takes an answer for a question copies its blocks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mimo_quirks.facts.reasoning_fields import is_reasoning_block

from .turns import Message, is_turn

_CALL_TYPES: Final = ("tool_use", "tool_call", "invalid_tool_call", "function_call", "input_json_delta")
"""Blocks that repeat what stands in `tool_calls`."""


def string_content(message: Message) -> Message:
    """The message with its content as a string; the same object where it is one, or where the role may have a list."""
    content = message.get("content")
    if isinstance(content, str):
        return message
    if is_turn(message):
        return {**message, "content": _joined(content, "")}
    if message.get("role") == "tool":
        return {**message, "content": _joined(content, "\n")}
    if not isinstance(content, list | tuple):
        return message
    said = [block for block in content if not is_reasoning_block(block)]
    if all(map(_is_text, said)):
        return {**message, "content": _joined(said, "\n")}
    return message if len(said) == len(content) else {**message, "content": said}


def _joined(content: Any, separator: str) -> str:
    """The texts of the blocks. A block of another kind is written out as JSON, so that nothing is lost."""
    if not isinstance(content, list | tuple):
        return "" if content is None else written(content)
    return separator.join(_block_text(block) for block in content if not _is_said_elsewhere(block))


def _block_text(block: Any) -> str:
    if not _is_text(block):
        return written(block)
    text = block if isinstance(block, str) else block.get("text")
    return text if isinstance(text, str) else ""


def _is_text(block: Any) -> bool:
    return isinstance(block, str) or (isinstance(block, Mapping) and block.get("type") == "text")


def _is_said_elsewhere(block: Any) -> bool:
    return is_reasoning_block(block) or (isinstance(block, Mapping) and block.get("type") in _CALL_TYPES)


def written(value: Any) -> str:
    """A value as JSON; nothing for a value that JSON cannot hold, which no request could carry either."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""
