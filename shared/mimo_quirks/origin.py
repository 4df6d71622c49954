"""Who produced a piece of reasoning, as far as the message that carries it tells.

Reasoning of another model is never replayed as the family's own: a model that is handed thoughts it never had follows
them (lessons.md 81), and a signed block belongs to the vendor that signed it (contract §4.5, §4.7). What nobody signed
or named counts as ours, because most clients carry the bare text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .families import family_of
from .spellings import KEYS, NESTS, is_reasoning_block, unwrap

OUR_PROVIDER: Final = "xiaomi_mimo"
"""What ChatMiMo writes as `response_metadata["model_provider"]`: LiteLLM's name for the same service."""

_OTHERS_FORMAT: Final = re.compile(r"(?:anthropic|openai|azure|google|xai)-", re.IGNORECASE)
"""OpenRouter's `format` of a reasoning detail that another vendor's model produced."""


def is_foreign(message: Mapping[str, Any], family: str) -> bool:
    """Whether the message itself says that its reasoning came from another family."""
    return _is_named_foreign(message.get("response_metadata"), family) or any(map(_is_signed, _blocks(message)))


def _is_named_foreign(metadata: object, family: str) -> bool:
    if not isinstance(metadata, Mapping):
        return False
    provider, model = metadata.get("model_provider"), metadata.get("model_name")
    if not isinstance(provider, str) or provider == OUR_PROVIDER:
        return False
    return not (isinstance(model, str) and family_of(model) == family)


def _is_signed(block: Mapping[str, Any]) -> bool:
    block = unwrap(block)
    if block.get("type") in ("redacted_thinking", "reasoning.encrypted") or block.get("encrypted_content"):
        return True
    others_format = block.get("format")
    if isinstance(others_format, str) and _OTHERS_FORMAT.match(others_format):
        return True
    inner = block.get("reasoning_content")  # Bedrock signs one level deeper
    return bool(block.get("signature") or (isinstance(inner, Mapping) and inner.get("signature")))


def _blocks(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, list | tuple):
        yield from (block for block in content if is_reasoning_block(block))
    for holder in (message, *(message.get(nest) for nest in NESTS)):
        if isinstance(holder, Mapping):
            for key in KEYS:
                value = holder.get(key)
                yield from (block for block in (value if isinstance(value, list | tuple) else (value,))
                            if isinstance(block, Mapping))  # fmt: skip
