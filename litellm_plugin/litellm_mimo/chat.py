"""LiteLLM's views of a chat request, as the core reads them: translation, no rule of MiMo's.

A request shows itself twice: as the arguments of a completion call, before LiteLLM transforms them, and as the
*details* of its logging object, with the finished body. Each is read into an `Attempt`: one history on its way to one
deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import litellm
from pydantic import BaseModel

from mimo_quirks.journal import note
from mimo_quirks.quirks import Quirks
from mimo_quirks.recall import NOTHING, Recall
from mimo_quirks.replay import ReplayReport, replay
from mimo_quirks.settings import Settings
from mimo_quirks.spellings import KEYS
from mimo_quirks.thinking import is_thinking

from .scope import owner_of

_OTHER_WIRES: Final = frozenset({"anthropic", "anthropic_text", "bedrock", "bedrock_converse", "vertex_ai", "gemini"})
"""Providers whose finished body has `messages` that are not the chat wire's."""

_FALLBACKS: Final = ("fallbacks", "context_window_fallback_dict")
"""Arguments with which the SDK itself goes on to other models, from the arguments that our hook returned."""


_SENT: Final = "mimo_quirks_sent"
"""The member of the details that holds the attempt as it was sent."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One history on its way to one deployment.

    Attributes:
        history: The messages, as dicts where they can be read.
        scope: Whose memory the deployment's answers are; None for nobody's.
        thinking: Whether the model thinks in this request.
    """

    history: Any = field(repr=False)
    quirks: Quirks
    scope: str | None
    thinking: bool

    @property
    def readable(self) -> Sequence[Any]:
        """The history as far as the core can make anything of it; nothing where it cannot."""
        fit = isinstance(self.history, list) and all(isinstance(message, Mapping) for message in self.history)
        return self.history if fit else ()

    @property
    def wanted(self) -> Sequence[Any]:
        """The history to recall for; nothing where the host wants nothing."""
        return self.readable if self.thinking else ()

    def replay(self, recall: Recall = NOTHING) -> tuple[Sequence[Any], ReplayReport]:
        """The history to send."""
        return replay(self.history, self.quirks, thinking=self.thinking, recall=recall)


class _Sealed:
    """Keeps an attempt among LiteLLM's details: what serialises those finds no member to write down."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt: Callable[[], Attempt] = lambda: attempt

    def open(self) -> Attempt:
        """The attempt that was put in."""
        return self._attempt()


def attempt_of_call(arguments: Mapping[str, Any], settings: Settings, *, shared: bool) -> Attempt | None:
    """The attempt that a completion call's arguments make; None where it is not ours to change.

    A call with fallbacks of its own is left to its finished bodies: LiteLLM would hand changed arguments to the
    fallback's provider too.
    """
    model, provider, base_url = _deployment(arguments)
    quirks = settings.quirks_for(model, base_url, provider)
    if quirks is None or provider in _OTHER_WIRES or any(arguments.get(name) for name in _FALLBACKS):
        return None
    scope = settings.scope_of(owner_of(arguments.get("metadata"), settings), quirks, shared=shared)
    return Attempt(_readable(arguments.get("messages")), quirks, scope, is_thinking(arguments, quirks))


def take_sent(details: dict[str, Any]) -> Attempt | None:
    """Takes the attempt that was sent off the details; None where it was not ours, or was taken."""
    sealed = details.pop(_SENT, None)
    return sealed.open() if isinstance(sealed, _Sealed) else None


def attempt_of_details(details: Mapping[str, Any], settings: Settings, *, shared: bool) -> Attempt | None:
    """The attempt whose finished body LiteLLM's logging object holds; None where it is not ours."""
    extra, parameters = details.get("additional_args") or {}, details.get("litellm_params") or {}
    body, provider = extra.get("complete_input_dict"), details.get("custom_llm_provider")
    if not isinstance(body, dict) or "messages" not in body or provider in _OTHER_WIRES:
        return None
    base_url = extra.get("api_base")
    model = body.get("model") or details.get("model") or ""
    quirks = settings.quirks_for(str(model), str(base_url) if base_url else None, provider)
    if quirks is None:
        return None
    scope = settings.scope_of(owner_of(parameters.get("metadata"), settings), quirks, shared=shared)
    return Attempt(body["messages"], quirks, scope, is_thinking(body, quirks))


def replay_call(arguments: Mapping[str, Any], attempt: Attempt, recall: Recall) -> dict[str, Any] | None:
    """The arguments with the history to send; None where they may stay. They are copied and never edited."""
    history, report = attempt.replay(recall)
    note(report)
    return {**arguments, "messages": history} if report.changed else None


def lay_beside(attempt: Attempt, given: object) -> Attempt:
    """The attempt, each message with what the given one in its place knows of its reasoning besides.

    Args:
        attempt: Of a finished body: some providers' transformations take spellings of reasoning off.
        given: The history as LiteLLM was given it.
    """
    finished, source = attempt.history, _readable(given)
    if not isinstance(finished, list) or not isinstance(source, list) or len(finished) != len(source):
        return attempt
    beside = [_laid(message, other) for message, other in zip(finished, source, strict=True)]
    return replace(attempt, history=beside)


def replay_body(details: dict[str, Any], attempt: Attempt, recall: Recall) -> None:
    """Replaces the messages of the finished body; the list that stood there is not edited.

    LiteLLM reads nothing back but this dict, which it made for this attempt alone. What was sent is kept with the
    details, because LiteLLM forgets the body before some answers are there.
    """
    body = details["additional_args"]["complete_input_dict"]
    history, report = attempt.replay(recall)
    if report.changed:
        steps = zip(body["messages"], attempt.history, history, strict=True)
        body["messages"] = [old if new is laid else new for old, laid, new in steps]
    details[_SENT] = _Sealed(replace(attempt, history=body["messages"]))
    if report.changed or not is_async(details):  # what the other hook has noted is not noted again
        note(report)


def is_async(details: Mapping[str, Any]) -> bool:
    """Whether the details are of an asynchronous call."""
    return bool((details.get("litellm_params") or {}).get("acompletion"))


def _readable(messages: Any) -> Any:
    """The messages as dicts: applications hand LiteLLM its own message objects back."""
    if isinstance(messages, list) and any(isinstance(message, BaseModel) for message in messages):
        return [m.model_dump(exclude_none=True) if isinstance(m, BaseModel) else m for m in messages]
    return messages


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
