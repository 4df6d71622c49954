"""How many tokens a text or a history has, estimated without a tokenizer and without a network.

MiMo's tokenizer comes with its weights and not with a package. Four bytes of UTF-8 are about one token, of English and
of Chinese alike; what the API counted is in `usage_metadata`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from .messages import reasoning_of

_BYTES: Final = 4
_PER_MESSAGE: Final = 4
"""What separates a message from the next, and names its role."""
_PER_IMAGE: Final = 85
"""OpenAI's figure for a small image, which langchain-core takes too; MiMo's is not published."""

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool


def token_ids(text: str) -> list[int]:
    """One number for each estimated token; numbers of this estimate, not of MiMo's vocabulary."""
    data = text.encode("utf-8", "replace")
    return [int.from_bytes(data[start : start + _BYTES], "big") for start in range(0, len(data), _BYTES)]


def count_tokens(messages: Sequence[BaseMessage], tools: Sequence[Tool] | None, count: Callable[[str], int]) -> int:
    """Tokens of a request, with the reasoning that goes back to the API in it.

    Args:
        messages: The history.
        tools: What is bound beside it.
        count: How many tokens a text has.
    """
    texts = sum(map(count, (text for message in messages for text in _texts(message))))
    images = sum(_PER_IMAGE for message in messages for block in message.content if _is_medium(block))
    schemas = sum(count(json.dumps(convert_to_openai_tool(tool), ensure_ascii=False)) for tool in tools or ())
    return texts + images + schemas + _PER_MESSAGE * len(messages)


def _texts(message: BaseMessage) -> Iterator[str]:
    yield message.text
    if isinstance(message, AIMessage):
        yield reasoning_of(message) or ""
        for call in message.tool_calls:
            yield call["name"] + json.dumps(call["args"], ensure_ascii=False)


def _is_medium(block: object) -> bool:
    return isinstance(block, dict) and block.get("type") in ("image", "image_url")
