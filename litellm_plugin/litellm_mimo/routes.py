"""Which wire a call of LiteLLM's speaks, and which one its provider is spoken to on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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


def called_as(details: Mapping[str, Any]) -> Wire | None:
    """The wire of the call that the caller made; LiteLLM may be several calls further."""
    return next((wire for call, wire in CALLS.items() if call and call.value == details.get("call_type")), None)


def upstream_wire(wire: Wire, deployment: Deployment, arguments: Mapping[str, Any]) -> Wire | None:
    """The wire that the host of a call is spoken to on.

    None where LiteLLM makes another call of this one, which comes to the hooks by itself.
    """
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
