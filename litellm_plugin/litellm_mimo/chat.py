"""LiteLLM's two views of a chat request, as the core reads them: translation, no rule of MiMo's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import litellm
from pydantic import BaseModel

from mimo_quirks.journal import note
from mimo_quirks.replay import replay
from mimo_quirks.settings import Settings
from mimo_quirks.spellings import KEYS
from mimo_quirks.thinking import is_thinking

_OTHER_WIRES: Final = frozenset({"anthropic", "anthropic_text", "bedrock", "bedrock_converse", "vertex_ai", "gemini"})
"""Providers whose finished body has `messages` that are not the chat wire's."""

_FALLBACKS: Final = ("fallbacks", "context_window_fallback_dict")
"""Arguments with which the SDK itself goes on to other models, from the arguments that our hook returned."""


def replay_call(arguments: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """The arguments of a completion call with the history to send; None where they may stay as they are.

    The arguments are copied and never edited. A call with fallbacks of its own is left to `replay_body`: LiteLLM would
    hand the copy to the fallback's provider too.
    """
    model, provider, base_url = _deployment(arguments)
    quirks = settings.quirks_for(model, base_url, provider)
    if quirks is None or provider in _OTHER_WIRES or any(arguments.get(name) for name in _FALLBACKS):
        return None
    messages = arguments.get("messages")
    history, report = replay(_readable(messages), quirks, thinking=is_thinking(arguments, quirks))
    note(report)
    return {**arguments, "messages": history} if report.changed else None


def replay_body(details: Mapping[str, Any], messages: object, settings: Settings) -> None:
    """Changes the finished body of a chat request, as LiteLLM's logging object holds it, before it is sent.

    LiteLLM reads nothing back but this dict, which it made for this attempt alone; its `messages` are replaced, and
    the list that stood there is not edited.

    Args:
        details: The logging object's details of the call.
        messages: The history as LiteLLM was given it: some providers' transformations take spellings of reasoning off.
        settings: The operator's settings.
    """
    extra = details.get("additional_args") or {}
    body, provider = extra.get("complete_input_dict"), details.get("custom_llm_provider")
    if not isinstance(body, dict) or "messages" not in body or provider in _OTHER_WIRES:
        return
    base_url = extra.get("api_base")
    model = body.get("model") or details.get("model") or ""
    quirks = settings.quirks_for(str(model), str(base_url) if base_url else None, provider)
    if quirks is None:
        return
    finished = body["messages"]
    beside = _beside(finished, _readable(messages))
    history, report = replay(beside, quirks, thinking=is_thinking(body, quirks))
    if report.changed:
        body["messages"] = [
            old if new is laid else new for old, laid, new in zip(finished, beside, history, strict=True)
        ]
    if report.changed or not _is_async(details):  # what the other hook has noted is not noted again
        note(report)


def _readable(messages: Any) -> Any:
    """The messages as dicts: applications hand LiteLLM its own message objects back."""
    if isinstance(messages, list) and any(isinstance(message, BaseModel) for message in messages):
        return [m.model_dump(exclude_none=True) if isinstance(m, BaseModel) else m for m in messages]
    return messages


def _beside(finished: Any, given: Any) -> Any:
    """The finished messages, each with what the given one in its place knows of its reasoning besides."""
    if not isinstance(finished, list) or not isinstance(given, list) or len(finished) != len(given):
        return finished
    return [_laid(message, source) for message, source in zip(finished, given, strict=True)]


def _laid(message: Any, source: Any) -> Any:
    if not isinstance(message, Mapping) or not isinstance(source, Mapping) or source.get("role") != message.get("role"):
        return message
    missing = {key: source[key] for key in KEYS if source.get(key) and key not in message}
    return {**message, **missing} if missing else message


def _deployment(arguments: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Model id, provider and URL of the chosen deployment, as LiteLLM itself resolves them."""
    model, base_url = str(arguments.get("model") or ""), arguments.get("api_base") or arguments.get("base_url")
    provider = arguments.get("custom_llm_provider")
    with suppress(litellm.exceptions.BadRequestError):  # LiteLLM will say so itself, in its own words
        model, provider, _, base_url = litellm.get_llm_provider(model, custom_llm_provider=provider, api_base=base_url)
    return model, provider, base_url


def _is_async(details: Mapping[str, Any]) -> bool:
    return bool((details.get("litellm_params") or {}).get("acompletion"))
