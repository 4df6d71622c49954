"""Content as a string, for the roles whose content MiMo takes only so.

An assistant message with `content: null` and a tool message with a list were each answered with a 400 (contract §5.3,
§7; XiaomiMiMo/MiMo-V2-Flash#8, XiaomiMiMo/MiMo#44). User messages keep their lists: they hold images.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .spellings import is_reasoning_block
from .turns import Message, is_turn

_CALL_TYPES: Final = ("tool_use", "tool_call", "invalid_tool_call", "function_call", "input_json_delta")
"""Blocks that repeat what stands in `tool_calls`."""


def string_content(message: Message) -> Message:
    """The message with its content as a string; the same object where it is one, or where the role may have a list."""
    content = message.get("content")
    if isinstance(content, str) or not (is_turn(message) or message.get("role") == "tool"):
        return message
    return {**message, "content": _joined(content, separator="" if is_turn(message) else "\n")}


def _joined(content: Any, *, separator: str) -> str:
    """The texts of the blocks. A block of another kind is written out as JSON, so that nothing is lost."""
    if not isinstance(content, list | tuple):
        return "" if content is None else json.dumps(content, ensure_ascii=False)
    return separator.join(_block_text(block) for block in content if not _is_said_elsewhere(block))


def _block_text(block: Any) -> str:
    text = block.get("text") if isinstance(block, dict) and block.get("type") in ("text", None) else block
    return text if isinstance(text, str) else json.dumps(block, ensure_ascii=False)


def _is_said_elsewhere(block: Any) -> bool:
    return is_reasoning_block(block) or (isinstance(block, dict) and block.get("type") in _CALL_TYPES)
