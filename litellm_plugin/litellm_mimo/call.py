"""One call of LiteLLM's: what it speaks, where it goes, and what its hooks tell each other.

LiteLLM shows a request twice: as the arguments of a call, before it transforms them, and as the *details* of its
logging object, with the finished body. All calls that LiteLLM makes of one have the details in common, so that is where
the one object of ours stands, `CallState`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from mimo_quirks import (
    CHAT,
    MESSAGES,
    RESPONSES,
    AttemptSettings,
    Exchange,
    Message,
    Quirks,
    Rejection,
    ReplayReport,
    Settings,
    Wire,
)

from . import _internals

Seal = Callable[[str], str | None]
"""Seals a text for a client; None where it does not."""

CALLS: Final[Mapping[object, Wire]] = {
    "completion": CHAT,
    "acompletion": CHAT,
    "anthropic_messages": MESSAGES,
    "responses": RESPONSES,
    "aresponses": RESPONSES,
}
"""LiteLLM's name of a call → the wire that its arguments speak."""
FALLBACKS: Final = ("fallbacks", "context_window_fallback_dict")
"""Arguments with which the SDK itself goes on to other models, from the arguments that our hook returned."""

_UNREADABLE: Final = frozenset({"anthropic_text", "bedrock", "bedrock_converse", "vertex_ai", "gemini"})
"""Providers whose finished body has `messages` of a wire that is none of ours."""
_CACHED: Final = frozenset({"anthropic_messages", "responses", "aresponses"})
"""Calls on the wires that have carriers, by the names that LiteLLM's cache has for them."""
_STATE: Final = "mimo_quirks"


class StreamListener(Protocol):
    """Who is told of finished streams, and of failed ones: by the thread that reads one, before its end leaves.

    And of those that may be left before their end.
    """

    def stream_left(self, state: CallState, turns: Sequence[Message]) -> None:
        """The calls of a stream are whole, and it may have been left. Nothing here may wait."""

    def stream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """The turns of a stream are whole."""

    def stream_failed(self, details: dict[str, Any], error: object) -> None:
        """A stream ends with an error: an exception, or an event that says so."""

    async def astream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """As `stream_finished`, for an asynchronous stream."""

    async def astream_failed(self, details: dict[str, Any], error: object) -> None:
        """As `stream_failed`, for an asynchronous stream; in the context in which LiteLLM makes the call again."""


@dataclass(eq=False)
class CallState:
    """What the hooks of one call tell each other.

    Attributes:
        asked: Whether the client asks to think.
        exchange: The client's request, until it is answered or rejected.
        is_of_body: Whether it began with a finished body; another body of the same details is another attempt's.
        is_sent: Whether it left: LiteLLM answers some calls from its cache.
        passes_messages: Whether it goes through on the messages wire, and LiteLLM tidies it.
        seal: What seals a text for the client; None for a wire that has no place for it.
        sign: What signs a thinking block.
        heard: Gives the turns of a stream that calls tools, once their calls are whole; None for any other stream.
        left: What it gave last, which is recorded.
        listener: Who is told of the end of its stream.
        rejection: What the host rejected of it.
        report: What was done to the request that was sent last.
        attempt: Where it was sent, until its answer's tokens are counted.
        unrecognised: The deployment, the body and its wire, where nothing says what the deployment is.
    """

    asked: bool | None = None
    exchange: Exchange | None = None
    is_of_body: bool = False
    is_sent: bool = False
    passes_messages: bool = False
    seal: Seal | None = None
    sign: Seal | None = None
    heard: Callable[[], Sequence[Message]] | None = None
    left: Sequence[Message] = field(default=(), repr=False)
    listener: StreamListener | None = None
    rejection: Rejection | None = None
    report: ReplayReport | None = None
    attempt: AttemptSettings | None = None
    unrecognised: tuple[Deployment, Mapping[str, Any], Wire] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, details: dict[str, Any]) -> CallState:
        """The state that stands among these details, from its first use on."""
        kept = details.get(_STATE)
        if not isinstance(kept, _Kept):
            details[_STATE] = kept = _Kept(cls())
        return kept.state()

    def begin(self) -> None:
        """Forgets what an attempt before has left: a fallback has the same details."""
        self.asked = self.exchange = self.seal = self.sign = self.heard = self.rejection = None
        self.report = self.attempt = None
        self.is_of_body = self.is_sent = self.passes_messages = False
        self.left = ()

    def taken(self) -> Exchange | None:
        """The exchange whose request was sent, once: a call behind a bridge ends with the one that the caller made."""
        exchange, self.exchange = (self.exchange, None) if self.is_sent else (None, self.exchange)
        return exchange


class _Kept:
    """Keeps a state from being written down: what serialises the details finds no member here."""

    def __init__(self, state: CallState) -> None:
        self.state: Callable[[], CallState] = lambda: state


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a call goes, as LiteLLM itself resolves it."""

    model: str
    base_url: str | None
    provider: str | None

    @classmethod
    def of(cls, arguments: Mapping[str, Any], details: Mapping[str, Any]) -> Deployment:
        """The deployment that a call's arguments name, or where the model was given by position, its details."""
        model, base_url = arguments.get("model") or details.get("model"), arguments.get("api_base")
        provider = arguments.get("custom_llm_provider")
        return cls(*_internals.resolved(str(model or ""), base_url or arguments.get("base_url"), provider))

    def quirks(self, settings: Settings, wire: Wire) -> Quirks | None:
        """The deployment's quirks on a wire; None where it is not ours to touch."""
        if self.provider in _UNREADABLE:
            return None
        return settings.quirks_for(self.model, self.base_url, self.provider, wire=wire.name)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of LiteLLM's, on its way to a deployment.

    Attributes:
        arguments: As the hook is given them.
        wire: What the arguments speak.
        upstream: The wire that the host is spoken to on; None where LiteLLM makes another call of this one, which comes
            to the hooks by itself.
        details: Of the call's logging object.
        state: What stands among the details.
    """

    arguments: Mapping[str, Any] = field(repr=False)
    wire: Wire
    deployment: Deployment
    upstream: Wire | None
    details: dict[str, Any] = field(repr=False)
    state: CallState = field(repr=False)

    @classmethod
    def of(cls, arguments: Mapping[str, Any], call_type: object) -> Call | None:
        """The call that a hook is told of; None for one on none of our wires, or where LiteLLM does not say which."""
        wire = wire_of(call_type)
        if wire is None:
            return None
        details = details_of(arguments)
        deployment = Deployment.of(arguments, details)
        passes = _passes(wire, deployment, arguments)
        if passes is None:
            return None
        upstream = MESSAGES if wire is CHAT and deployment.provider == "anthropic" else wire if passes else None
        return cls(arguments, wire, deployment, upstream, details, CallState.of(details))

    @property
    def passes(self) -> bool:
        """Whether it speaks the host's own wire."""
        return self.wire is self.upstream

    @property
    def is_outer_call(self) -> bool:
        """Whether it is the call that the caller made, and not one that LiteLLM made of it."""
        return called_as(self.details) is self.wire

    @property
    def is_cached(self) -> bool:
        """Whether LiteLLM may hand the answer to others who ask the same, for whom its carriers are worth nothing."""
        cache = _internals.cache()
        asked = self.arguments.get("cache")
        if cache is None or _CACHED.isdisjoint(cache.supported_call_types or ()):
            return False
        stores = not (isinstance(asked, Mapping) and asked.get("no-store"))
        return stores and bool(cache.should_use_cache(**self.arguments))


def wire_of(call_type: object) -> Wire | None:
    """The wire of a call, by LiteLLM's name of it or the member of an enumeration that has it as its value."""
    return CALLS.get(getattr(call_type, "value", call_type))


def called_as(details: Mapping[str, Any]) -> Wire | None:
    """The wire of the call that the caller made; LiteLLM may be several calls further."""
    return wire_of(details.get("call_type"))


def details_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The details of the logging object among a call's arguments; of none, nothing that is kept."""
    details = getattr(arguments.get("litellm_logging_obj"), "model_call_details", None)
    return details if isinstance(details, dict) else {}


def body_of(details: Mapping[str, Any]) -> tuple[dict[str, Any], Wire | None]:
    """The finished body that LiteLLM's logging object holds, and its wire; None for one that is none of ours."""
    body = (details.get("additional_args") or {}).get("complete_input_dict")
    provider = details.get("custom_llm_provider")
    if not isinstance(body, dict) or provider in _UNREADABLE:
        return {}, None
    url = url_of(details).rstrip("/")
    if "messages" in body:
        return body, MESSAGES if provider == "anthropic" or url.endswith("/messages") else CHAT
    return body, RESPONSES if "input" in body and url.endswith("/responses") else None


def deployment_of(details: Mapping[str, Any], body: Mapping[str, Any]) -> Deployment:
    """Where a finished body goes, as LiteLLM's logging object has it."""
    model = str(body.get("model") or details.get("model") or "")
    return Deployment(model, url_of(details) or None, details.get("custom_llm_provider"))


def url_of(details: Mapping[str, Any]) -> str:
    """Where a finished body goes, as LiteLLM's logging object has it."""
    return str((details.get("additional_args") or {}).get("api_base") or "")


def is_async(details: Mapping[str, Any]) -> bool:
    """Whether the details are of an asynchronous call."""
    parameters = details.get("litellm_params") or {}
    return any(parameters.get(name) for name in ("acompletion", "aresponses", "aanthropic_messages"))


def span_of(details: Mapping[str, Any]) -> Any:
    """The span of a proxy's request, which LiteLLM hands on beside it; None where there is none."""
    parameters = details.get("litellm_params") or {}
    known = (parameters.get(name) for name in ("litellm_metadata", "metadata"))
    spans = [one.get("litellm_parent_otel_span") for one in known if isinstance(one, Mapping)]
    return next((span for span in spans if hasattr(span, "is_recording")), None)


def _passes(wire: Wire, deployment: Deployment, arguments: Mapping[str, Any]) -> bool | None:
    """Whether LiteLLM speaks to the host on this wire, by its own conditions; None where it does not say."""
    if wire is CHAT:
        return True
    if wire is RESPONSES:
        return _internals.speaks_responses(deployment.model, deployment.provider, arguments)
    endpoints = (arguments.get("model_info") or {}).get("supported_endpoints") or ()
    return "/v1/messages" in endpoints or _internals.speaks_messages(deployment.model, deployment.provider)
