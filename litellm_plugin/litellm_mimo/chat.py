"""LiteLLM's two views of a chat request, as the core reads them: translation, no rule of MiMo's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import litellm
from pydantic import BaseModel

from mimo_quirks.journal import note
from mimo_quirks.quirks import Quirks
from mimo_quirks.replay import ReplayReport, replay
from mimo_quirks.settings import Settings
from mimo_quirks.thinking import is_thinking

_OTHER_WIRES: Final = frozenset({"anthropic", "anthropic_text", "bedrock", "bedrock_converse", "vertex_ai", "gemini"})
"""Providers whose finished body has `messages` that are not the chat wire's."""


def replay_call(arguments: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """The arguments of a completion call with the history to send; None where they may stay as they are.

    The arguments are copied and never edited: LiteLLM hands the same objects to the fallback's provider.
    """
    model, provider, base_url = _deployment(arguments)
    quirks = settings.quirks_for(model, base_url, provider)
    if quirks is None:
        return None
    history, report = _replay(arguments.get("messages"), arguments, quirks)
    note(report)
    return {**arguments, "messages": history} if report.changed else None


def replay_body(details: Mapping[str, Any], settings: Settings) -> None:
    """Changes the finished body of a chat request, as LiteLLM's logging object holds it, before it is sent.

    LiteLLM reads nothing back but this dict, which it made for this attempt alone; its `messages` are replaced, and
    the list that stood there is not edited.
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
    history, report = _replay(body["messages"], body, quirks)
    if report.changed:
        body["messages"] = history
    if report.changed or not _is_async(details):  # what the other hook has noted is not noted again
        note(report)


def _replay(messages: Any, request: Mapping[str, Any], quirks: Quirks) -> tuple[Sequence[Any], ReplayReport]:
    """The core's replay, after the SDK's own message objects were written out as the dicts that LiteLLM sends."""
    readable = messages
    if isinstance(messages, list) and any(isinstance(message, BaseModel) for message in messages):
        readable = [m.model_dump(exclude_none=True) if isinstance(m, BaseModel) else m for m in messages]
    return replay(readable, quirks, thinking=is_thinking(request, quirks))


def _deployment(arguments: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """Model id, provider and URL of the chosen deployment, as LiteLLM itself resolves them."""
    model, base_url = str(arguments.get("model") or ""), arguments.get("api_base") or arguments.get("base_url")
    provider = arguments.get("custom_llm_provider")
    with suppress(litellm.exceptions.BadRequestError):  # LiteLLM will say so itself, in its own words
        model, provider, _, base_url = litellm.get_llm_provider(model, custom_llm_provider=provider, api_base=base_url)
    return model, provider, base_url


def _is_async(details: Mapping[str, Any]) -> bool:
    return bool((details.get("litellm_params") or {}).get("acompletion"))
