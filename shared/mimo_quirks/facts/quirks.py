"""What is special about one host serving one model family: a row of each table, joined.

A provider prefix, such as LiteLLM's ``hosted_vllm/``, names a dialect; it does not prove who answers, so it is heard
only where the URL says nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from .families import FAMILIES, Family, family_of, last_segment
from .hosts import (
    HOSTS,
    MESSAGES,
    OPENROUTER,
    RELAY,
    RESPONSES,
    TEMPLATE,
    Dialect,
    Host,
    authority,
    host_name,
)

_PROVIDER_HOSTS: Final[Mapping[str, str]] = {"xiaomi_mimo": "xiaomi", "openrouter": "openrouter"}
"""Where LiteLLM sends a provider's requests when nobody gives it a URL."""
_PROVIDER_DIALECTS: Final[Mapping[str, Dialect]] = {"openrouter": OPENROUTER, "hosted_vllm": TEMPLATE}
"""What a provider prefix tells of an unknown host."""

_WIRES: Final[Mapping[str, tuple[Dialect, str | None]]] = {"messages": (MESSAGES, " "), "responses": (RESPONSES, None)}
"""Wire → its dialect, and its placeholder where it is not the family's: on the messages wire nobody has shown that an
empty block passes, and `" "` was sent by several clients (EVIDENCE §4.7); of responses there is no report (§4.8)."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """How one host serving one model family departs from the plain chat wire.

    Attributes:
        family: Name of the family row.
        host: Name of the host row.
        dialect: How reasoning and the thinking switch are spelled.
        placeholder: What stands in for lost reasoning on a tool turn; `None` for nothing.
        thinks_by_default: The model thinks unless the request says otherwise.
        forbids_when_off: Reasoning is rejected while thinking is off.
        forbids: Reasoning is rejected always.
        pads_every_turn: The placeholder stands on plain turns too.
        forces_tools: The host obeys a `tool_choice` other than `auto`.
        takes_n: The host gives more than one choice.
        wire: Which wire the deployment is spoken to on.
        address: The host, and its port where that is not the scheme's own; nothing where it is not known.
    """

    family: str
    host: str
    dialect: Dialect
    placeholder: str | None
    thinks_by_default: bool
    forbids_when_off: bool
    forces_tools: bool = True
    takes_n: bool = True
    forbids: bool = False
    pads_every_turn: bool = False
    wire: str = "chat"
    address: str = ""

    def on(self, wire: str) -> Quirks:
        """The quirks of the same deployment on another wire; those of the chat wire are these.

        Args:
            wire: `chat`, `messages` or `responses`.
        """
        if wire not in _WIRES:
            return self
        dialect, placeholder = _WIRES[wire]
        takes_another = self.placeholder is not None and placeholder is not None
        stands_in = placeholder if takes_another else self.placeholder
        return replace(self, dialect=dialect, placeholder=stands_in, wire=wire)

    def with_placeholder(self, placeholder: str | None) -> Quirks:
        """The same quirks with another placeholder: an operator's setting beats the row."""
        return replace(self, placeholder=placeholder)


@functools.lru_cache(maxsize=1024)  # each request asks for its own deployment, several times
def quirks_for(
    model: str,
    base_url: str | None = None,
    provider: str | None = None,
    *,
    family: str | None = None,
    host: str | Host | None = None,
) -> Quirks | None:
    """Returns the quirks of a model on a host, or None where the plain wire is enough.

    Args:
        model: The model id as it goes to the host; vendor prefixes and suffixes such as ``:free`` may stand.
        base_url: The URL the requests go to; its host decides over the id.
        provider: LiteLLM's provider prefix, such as ``hosted_vllm``.
        family: Name of a family row that the operator gave for this model; detection is not asked then.
        host: A host row that the operator gave for this URL, or the name of one; detection is not asked then.
    """
    host_row = _host_row(base_url, provider, host)
    family_row = _family_row(model, host_row, family)
    if family_row is None:
        return None
    unknown = host_row is RELAY and host is None
    dialect = _PROVIDER_DIALECTS.get(provider or "", RELAY.dialect) if unknown else host_row.dialect
    return Quirks(
        family=family_row.name,
        host=host_row.name,
        dialect=dialect,
        placeholder=_placeholder(host_row, family_row),
        thinks_by_default=not family_row.quiet.search(last_segment(model)),
        forbids_when_off=host_row.forbids_when_off,
        forces_tools=host_row.forces_tools,
        takes_n=host_row.takes_n,
        forbids=host_row.forbids,
        pads_every_turn=host_row.pads_every_turn,
        address=authority(base_url) or "",
    )


def _placeholder(host: Host, family: Family) -> str | None:
    if not host.takes_placeholder:
        return None
    return family.placeholder if host.placeholder is None else host.placeholder


def _host_row(base_url: str | None, provider: str | None, named: str | Host | None) -> Host:
    if isinstance(named, Host):
        return named
    named = named or (None if base_url else _PROVIDER_HOSTS.get(provider or ""))
    dialled = host_name(base_url)
    for row in HOSTS:
        if row.name == named or (named is None and dialled and row.domains and row.domains.fullmatch(dialled)):
            return row
    return RELAY


def _family_row(model: str, host: Host, named: str | None) -> Family | None:
    name = named or _served(model, host) or family_of(model)
    return next((row for row in FAMILIES if row.name == name), None)


def _served(model: str, host: Host) -> str | None:
    """The family that the host stands for: aliases are common, so its word beats the id's (mimo2codex FAQ 7.1)."""
    unlike = any(row.name == host.serves and row.unlike.search(last_segment(model)) for row in FAMILIES)
    return None if unlike else host.serves
