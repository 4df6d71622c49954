"""Who produced a piece of reasoning, as far as the message that carries it tells.

Reasoning of another model is never replayed as the family's own: a model that is handed thoughts it never had follows
them (EVIDENCE §12.4), and a signed block belongs to the vendor that signed it (EVIDENCE §4.5). What nobody signed
or named counts as ours, because most clients carry the bare text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mimo_quirks.facts.families import family_of, is_of_another_vendor
from mimo_quirks.facts.reasoning_fields import KEYS, NESTS, is_reasoning_block, unwrap

from .turns import is_bare

OUR_PROVIDER: Final = "xiaomi_mimo"
"""What ChatMiMo writes as `response_metadata["model_provider"]`: LiteLLM's name for the same service."""

_OBJECT: Final = (dict, Mapping)
"""The first is seen at once."""

_ANYBODY: Final = (None, "openai")
"""Providers that tell nothing: langchain-openai writes its own name for every host that speaks its wire."""

_OTHERS_FORMAT: Final = re.compile(r"(?:anthropic|openai|azure|google|xai)-", re.IGNORECASE)
"""OpenRouter's `format` of a reasoning detail that another vendor's model produced."""


def is_foreign(message: Mapping[str, Any], family: str) -> bool:
    """Whether the message itself says that its reasoning came from another family."""
    if is_named_foreign(message.get("response_metadata"), family):
        return True
    return not is_bare(message) and any(map(_is_signed, _blocks(message)))


def is_named_foreign(metadata: object, family: str) -> bool:
    """Whether LangChain's `response_metadata` names a model or a provider of another family."""
    if not isinstance(metadata, _OBJECT):
        return False
    model, provider = metadata.get("model_name"), metadata.get("model_provider")
    known = family_of(model) if isinstance(model, str) else None
    if known is None and provider == OUR_PROVIDER:
        known = "mimo"
    if known is not None:
        return known != family
    return provider not in _ANYBODY or (isinstance(model, str) and is_of_another_vendor(model))


def _is_signed(block: Mapping[str, Any]) -> bool:
    block = unwrap(block)
    others_format = block.get("format")
    if isinstance(others_format, str) and _OTHERS_FORMAT.match(others_format):
        return True
    # Bedrock signs one level deeper; LangChain's standard block keeps what is not standard in `extras`.
    layers = (block, block.get("reasoning_content"), block.get("extras"))
    signed = any(
        layer.get("signature") or layer.get("encrypted_content") for layer in layers if isinstance(layer, Mapping)
    )
    return signed or block.get("type") in ("redacted_thinking", "reasoning.encrypted")


def _blocks(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every block of reasoning that the message holds, wherever it stands."""
    content = message.get("content")
    yield from filter(is_reasoning_block, content if isinstance(content, list | tuple) else ())
    for holder in (message, *(message.get(nest) for nest in NESTS)):
        if isinstance(holder, Mapping):
            for key in KEYS:
                value = holder.get(key)
                if value is not None and not isinstance(value, str):
                    blocks = value if isinstance(value, list | tuple) else (value,)
                    yield from (block for block in blocks if isinstance(block, Mapping))
