"""Whose memory a request is: in a proxy its authenticated identity, elsewhere what the application says.

In a proxy nothing that a client can choose counts. The identity is the object that LiteLLM's authentication made; a
client's JSON cannot hold one, whatever it puts into `metadata`. Without authentication the object holds whatever key
the client sent, so then everybody is one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from mimo_quirks.settings import Settings

EVERYBODY: Final = "proxy"
"""The one owner of a proxy that cannot tell its clients apart."""

_AUTHENTICATORS: Final = ("enable_jwt_auth", "enable_oauth2_auth", "enable_oauth2_proxy_auth")
_MEMBERS: Final[Mapping[str, str]] = {"key": "api_key", "user": "user_id", "team": "team_id"}


def owner_of(arguments: Mapping[str, Any], settings: Settings) -> str | None:
    """Who owns the memory of a request, or None where nobody says.

    Args:
        arguments: Of a call, or the parameters among its details. LiteLLM's proxy adds to `metadata` on the chat route,
            and on the others to `litellm_metadata`, because `metadata` is the client's there.
        settings: For the order in which an identity is read.
    """
    given = [arguments.get(name) for name in ("litellm_metadata", "metadata")]
    known = [metadata for metadata in given if isinstance(metadata, Mapping)]
    identities = (metadata.get("user_api_key_auth") for metadata in known)
    identity = next((identity for identity in identities if isinstance(identity, BaseModel)), None)
    if identity is not None or is_proxy():
        return _owner(identity, settings) if authenticates() else EVERYBODY
    named = next((metadata["mimo_scope"] for metadata in known if metadata.get("mimo_scope") is not None), None)
    return None if named is None else f"application:{named}"


def is_proxy() -> bool:
    """Whether this process is a LiteLLM proxy that has read its configuration."""
    return getattr(_proxy_server(), "llm_router", None) is not None


def authenticates() -> bool:
    """Whether the proxy knows who its clients are."""
    server = _proxy_server()
    general = getattr(server, "general_settings", None) or {}
    known = (getattr(server, "master_key", None), getattr(server, "user_custom_auth", None))
    return any(known) or any(general.get(name) for name in _AUTHENTICATORS)


def tells_clients_apart() -> bool:
    """Whether the proxy can have more than one owner: with a master key alone everybody shares it."""
    server = _proxy_server()
    return authenticates() and any((getattr(server, "user_custom_auth", None), getattr(server, "prisma_client", None)))


def _owner(identity: object, settings: Settings) -> str | None:
    """The identity's first member that there is; where an authenticating proxy names nobody, nobody owns anything."""
    for kind in settings.identity:
        value = getattr(identity, _MEMBERS[kind], None)
        if isinstance(value, str) and value:
            return f"{kind}:{value}"
    return None


def _proxy_server() -> Any:
    return sys.modules.get("litellm.proxy.proxy_server")
