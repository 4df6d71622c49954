"""Which wire a call of LiteLLM's speaks, and which one its provider is spoken to on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import litellm
from litellm.responses.main import provider_stores_the_conversation
from litellm.types.utils import CallTypes, LlmProviders
from litellm.utils import ProviderConfigManager

from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire

from .attempts import Deployment

CALLS: Final[Mapping[CallTypes | None, Wire]] = {
    CallTypes.completion: CHAT,
    CallTypes.acompletion: CHAT,
    CallTypes.anthropic_messages: MESSAGES,
    CallTypes.responses: RESPONSES,
    CallTypes.aresponses: RESPONSES,
}
"""LiteLLM's name of a call → the wire that its arguments speak."""
_CACHED: Final = frozenset({"anthropic_messages", "responses", "aresponses"})
"""Calls on the wires that have carriers, by the names that LiteLLM's cache has for them."""


def called_as(details: Mapping[str, Any]) -> Wire | None:
    """The wire of the call that the caller made; LiteLLM may be several calls further."""
    return next((wire for call, wire in CALLS.items() if call and call.value == details.get("call_type")), None)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of LiteLLM's, on its way to a deployment.

    Attributes:
        arguments: As the hook is given them.
        wire: What the arguments speak.
        upstream: The wire that the host is spoken to on; None where LiteLLM makes another call of this one, which comes
            to the hooks by itself.
        details: Of the call's logging object, which all calls that LiteLLM makes of one have in common.
    """

    arguments: Mapping[str, Any] = field(repr=False)
    wire: Wire
    deployment: Deployment
    upstream: Wire | None
    details: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, arguments: Mapping[str, Any], call_type: CallTypes | None) -> Call | None:
        """The call that a hook is told of; None for one on none of our wires."""
        wire = CALLS.get(call_type)
        if wire is None:
            return None
        deployment = Deployment.of(arguments)
        return cls(arguments, wire, deployment, _upstream(wire, deployment, arguments), details_of(arguments))

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
        cache: Any = litellm.cache
        asked = self.arguments.get("cache")
        if cache is None or _CACHED.isdisjoint(cache.supported_call_types or ()):
            return False
        stores = not (isinstance(asked, Mapping) and asked.get("no-store"))
        return stores and bool(cache.should_use_cache(**self.arguments))


def details_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The details of the logging object among a call's arguments; of none, nothing that is kept."""
    details = getattr(arguments.get("litellm_logging_obj"), "model_call_details", None)
    return details if isinstance(details, dict) else {}


def _upstream(wire: Wire, deployment: Deployment, arguments: Mapping[str, Any]) -> Wire | None:
    if wire is CHAT:
        return MESSAGES if deployment.provider == "anthropic" else CHAT
    if wire is MESSAGES:
        return MESSAGES if _passes_messages_through(deployment, arguments) else None
    return RESPONSES if provider_stores_the_conversation(deployment.model, deployment.provider, arguments) else None


def _passes_messages_through(deployment: Deployment, arguments: Mapping[str, Any]) -> bool:
    """Whether `/v1/messages` goes to the host as it is: LiteLLM's own conditions."""
    endpoints = (arguments.get("model_info") or {}).get("supported_endpoints") or ()
    if "/v1/messages" in endpoints:
        return True
    known = deployment.provider in {provider.value for provider in LlmProviders}
    return known and bool(
        ProviderConfigManager.get_provider_anthropic_messages_config(
            model=deployment.model, provider=LlmProviders(deployment.provider)
        )
    )
