"""LiteLLM's views of a request, as the core reads them: translation, no rule of MiMo's.

A request shows itself twice: as the arguments of a call, before LiteLLM transforms them, and as the *details* of its
logging object, with the finished body. Each is read into an `Attempt`: one history on its way to one deployment, on one
wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import litellm
from pydantic import BaseModel

from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.facts.reasoning_fields import KEYS
from mimo_quirks.history.content import string_content
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.history.turns import Message, is_turn
from mimo_quirks.rejections.evidence import AttemptSettings, Remedy
from mimo_quirks.rejections.ladder import RequestPlan
from mimo_quirks.request.thinking import is_thinking
from mimo_quirks.sealing.sealed_reasoning import opened
from mimo_quirks.settings import Settings
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, View, Wire

from .call_state import DRAFT, get
from .scope import owner_of

FIELDS: Final = {CHAT.name: "messages", MESSAGES.name: "messages", RESPONSES.name: "input"}
"""Wire → the argument, and the member of the body, that holds the history."""

_UNREADABLE: Final = frozenset({"anthropic_text", "bedrock", "bedrock_converse", "vertex_ai", "gemini"})
"""Providers whose finished body has `messages` of a wire that is none of ours."""

FALLBACKS: Final = ("fallbacks", "context_window_fallback_dict")
"""Arguments with which the SDK itself goes on to other models, from the arguments that our hook returned."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One history on its way to one deployment.

    Attributes:
        history: As the wire writes it, as dicts where it can be read.
        terms: On what terms it goes out.
        wire: The wire that the history is written in.
        scope: Whose memory the deployment's answers are; None for nobody's.
        view: The history as messages of the chat wire; None where it cannot be read.
        messages: The view's messages as they go out where nothing is done to them.
        beside: The same with what else is known of their reasoning, which goes out only where it is of use.
    """

    history: Any = field(repr=False)
    terms: AttemptSettings
    wire: Wire
    scope: str | None
    view: View | None = field(repr=False)
    messages: Sequence[Message] = field(repr=False)
    beside: Sequence[Message] = field(repr=False)

    @classmethod
    def of(cls, history: Any, terms: AttemptSettings, wire: Wire, scope: str | None) -> Attempt:
        """The attempt that a history makes."""
        view = wire.view(history)
        messages = view.messages if view else ()
        return cls(history, terms, wire, scope, view=view, messages=messages, beside=messages)

    def opened(self, open_: Callable[[str], str | None]) -> Attempt:
        """The attempt with every carrier opened."""
        messages = opened(self.messages, open_)
        return replace(self, messages=messages, beside=messages)

    def draft(self, recall: FoundReasoning, model: str, *, step: Remedy, plain: bool = False) -> RequestPlan:
        """The request in a step, as the wire writes it.

        Args:
            recall: What was found for turns that lost their reasoning.
            model: The model's id.
            step: What is sent.
            plain: Whether content must be a string, as on the chat wire of a host.
        """
        terms = replace(self.terms, step=step)
        quirks, thinking = terms.effective
        if self.view is None:
            _, report = replay(self.history, quirks, thinking=thinking)
            return RequestPlan(model, terms, self.history, (), report)
        replayed, report = replay(self.beside, quirks, thinking=thinking, recall=recall)
        useful = {turn.index for turn in report.turns if turn.action == "kept"}
        steps = enumerate(zip(self.messages, self.beside, replayed, strict=True))
        messages = [old if new is beside and place not in useful else new for place, (old, beside, new) in steps]
        if plain and self.wire is CHAT:
            messages = [string_content(message) for message in messages]
        history = self.wire.write(self.history, self.view, messages)
        return RequestPlan(model, terms, history, messages, replace(report, changed=history is not self.history))

    def unchanged(self) -> Any:
        """The history with nothing but its carriers opened."""
        return self.history if self.view is None else self.wire.write(self.history, self.view, self.messages)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went out, and whose memory its answers are.

    Attributes:
        draft: As LiteLLM's transformation left it.
        drafted: As it was before, which is what a request can be compared with that LiteLLM makes again.
    """

    draft: RequestPlan
    drafted: RequestPlan
    scope: str | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a call goes, as LiteLLM itself resolves it."""

    model: str
    base_url: str | None
    provider: str | None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Deployment:
        """The deployment that a call's arguments name."""
        model, base_url = str(arguments.get("model") or ""), arguments.get("api_base") or arguments.get("base_url")
        provider = arguments.get("custom_llm_provider")
        with suppress(litellm.exceptions.BadRequestError):  # LiteLLM will say so itself, in its own words
            model, provider, _, base_url = litellm.get_llm_provider(
                model, custom_llm_provider=provider, api_base=base_url
            )
        return cls(model, base_url, provider)

    def quirks(self, settings: Settings, wire: Wire) -> Quirks | None:
        """The deployment's quirks on a wire; None where it is not ours to touch."""
        if self.provider in _UNREADABLE:
            return None
        return settings.quirks_for(self.model, self.base_url, self.provider, wire=wire.name)


def readable(history: Any) -> Any:
    """A history as dicts: applications hand LiteLLM its own objects back."""
    if isinstance(history, list) and any(isinstance(message, BaseModel) for message in history):
        return [m.model_dump(exclude_none=True) if isinstance(m, BaseModel) else m for m in history]
    return history


def body_of(details: Mapping[str, Any]) -> tuple[dict[str, Any], Wire | None]:
    """The finished body that LiteLLM's logging object holds, and its wire; None for one that is none of ours."""
    body = (details.get("additional_args") or {}).get("complete_input_dict")
    if not isinstance(body, dict):
        return {}, None
    return body, _wire_of(body, details.get("custom_llm_provider"), url_of(details))


def attempt_of_details(details: Mapping[str, Any], settings: Settings, *, shared: bool) -> Attempt | None:
    """The attempt whose finished body LiteLLM's logging object holds; None where it is not ours.

    What the other hook has decided holds: it may know the host by another name.
    """
    body, wire = body_of(details)
    if wire is None:
        return None
    url, model = url_of(details), body.get("model") or details.get("model")
    quirks = Deployment(str(model or ""), url or None, details.get("custom_llm_provider")).quirks(settings, wire)
    if quirks is None:
        return None
    owner = owner_of(details.get("litellm_params") or {}, settings)
    scope = settings.scope_of(owner, quirks, shared=shared)
    drafted: RequestPlan | None = get(details, DRAFT)
    terms = drafted.terms if drafted else AttemptSettings(quirks, is_thinking(body, quirks))
    return Attempt.of(body[FIELDS[wire.name]], terms, wire, scope)


def lay_beside(attempt: Attempt, given: object) -> Attempt:
    """The attempt, each turn with what the given one in its place knows of its reasoning besides.

    Args:
        attempt: Of a finished body: some providers' transformations take spellings of reasoning off.
        given: The history as LiteLLM was given it, on the chat wire.
    """
    view = CHAT.view(readable(given))
    finished, source = _turns(attempt.messages), _turns(view.messages if view else ())
    if len(finished) != len(source):
        return attempt
    laid = {place: _laid(message, other) for (place, message), (_, other) in zip(finished, source, strict=True)}
    return replace(attempt, beside=[laid.get(place, message) for place, message in enumerate(attempt.messages)])


def _turns(messages: Sequence[Message]) -> list[tuple[int, Message]]:
    return [(place, message) for place, message in enumerate(messages) if is_turn(message)]


def is_async(details: Mapping[str, Any]) -> bool:
    """Whether the details are of an asynchronous call."""
    parameters = details.get("litellm_params") or {}
    return any(parameters.get(name) for name in ("acompletion", "aresponses", "aanthropic_messages"))


def url_of(details: Mapping[str, Any]) -> str:
    """Where a finished body goes, as LiteLLM's logging object has it."""
    return str((details.get("additional_args") or {}).get("api_base") or "")


def _wire_of(body: Mapping[str, Any], provider: str | None, url: str) -> Wire | None:
    if provider in _UNREADABLE:
        return None
    if "input" in body and "messages" not in body:
        return RESPONSES if url.rstrip("/").endswith("/responses") else None
    if "messages" not in body:
        return None
    return MESSAGES if provider == "anthropic" or url.rstrip("/").endswith("/messages") else CHAT


def _laid(message: Message, source: Message) -> Message:
    missing = {key: source[key] for key in KEYS if source.get(key) and key not in message}
    return {**message, **missing} if missing else message
