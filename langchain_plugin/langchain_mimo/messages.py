"""LangChain messages as the core reads them, and back: translation, no rule of MiMo's.

langchain-openai sends each message as one dict and leaves out what OpenAI does not know. What the message itself still
holds is laid beside that dict for the core to read, and taken away again before the request leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage
from pydantic import BaseModel

from mimo_quirks.facts.reasoning_fields import KEYS, NESTS, is_reasoning_block
from mimo_quirks.history.provenance import OUR_PROVIDER
from mimo_quirks.history.turns import read_reasoning

REASONING: Final = "reasoning_content"
"""The member of `additional_kwargs` in which LangChain's readers, `content_blocks` among them, look for reasoning."""

_HELD: Final = ("additional_kwargs", "response_metadata")
_BLOCKS: Final = "thinking_blocks"
_SPELLED: Final = {*KEYS, *NESTS}
_SPELLED_OTHERWISE: Final = _SPELLED - {REASONING}


def held(message: BaseMessage, wire: Mapping[str, Any]) -> Mapping[str, Any]:
    """The wire message with everything beside it that the LangChain message knows of its reasoning."""
    if not isinstance(message, AIMessage) and not (isinstance(message, ChatMessage) and message.role == "assistant"):
        return wire
    additional = message.additional_kwargs
    blocks = [*filter(is_reasoning_block, message.content)] if isinstance(message.content, list) else []
    if blocks:
        kept = additional.get(_BLOCKS)
        additional = {**additional, _BLOCKS: [*(kept if isinstance(kept, list) else ()), *blocks]}
    spelled = _SPELLED.intersection(additional)
    if spelled == {REASONING} and isinstance(additional[REASONING], str):  # as we kept it, so as the wire has it
        return {**wire, REASONING: additional[REASONING], "response_metadata": message.response_metadata}
    nested = {"additional_kwargs": additional} if spelled else {}
    return {**wire, **nested, "response_metadata": message.response_metadata}


def reasoning_of(message: AIMessage) -> str | None:
    """The reasoning that a message holds, under whatever name."""
    return read_reasoning(held(message, {}))


def on_the_wire(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message as it leaves: without what was laid beside it."""
    rest = dict(message)
    for key in _HELD:
        rest.pop(key, None)
    return rest


def choices_of(response: dict[str, Any] | BaseModel) -> Sequence[Any]:
    """The choices of a completion or of a chunk, wherever its form keeps them."""
    if not isinstance(response, dict):
        return getattr(response, "choices", None) or ()
    return response.get("choices") or (response.get("chunk") or {}).get("choices") or ()  # a stream with a format


def keep_reasoning(message: BaseMessage, said: dict[str, Any] | BaseModel | None) -> None:
    """Puts the reasoning of what the API said, a message or a delta, where LangChain's readers look for it.

    An empty text is left out: it would make an empty block, and in a stream one block per token.
    """
    message.response_metadata["model_provider"] = OUR_PROVIDER
    if not isinstance(said, dict):
        said = said.model_dump(include=_SPELLED, warnings=False) if isinstance(said, BaseModel) else {}
    reasoning = said.get(REASONING) if _SPELLED_OTHERWISE.isdisjoint(said) else read_reasoning(said)
    if reasoning and isinstance(reasoning, str):
        message.additional_kwargs[REASONING] = reasoning


def merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Two bodies as one: theirs wins, and where both hold a mapping the two are merged."""
    both = {**ours, **theirs}
    for key in ours.keys() & theirs.keys():
        if isinstance(ours[key], Mapping) and isinstance(theirs[key], Mapping):
            both[key] = merged(ours[key], theirs[key])
    return both
