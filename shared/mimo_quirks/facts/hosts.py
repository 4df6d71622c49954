"""Who serves the model, and how that host speaks: one row per kind of host.

A host is known by its name, parsed and never searched, so that a lookalike is not taken for the real one (EVIDENCE
§3.9). Each row has a section in EVIDENCE.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .families import words
from .reasoning_fields import BLOCKS


@dataclass(frozen=True, slots=True)
class Switch:
    """One spelling of the thinking switch: where it stands in the request, and its two values."""

    path: tuple[str, ...]
    on: object
    off: object


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a host spells reasoning on an assistant message, and the thinking switch on a request.

    Attributes:
        fields: The message keys that must hold the reasoning; we write all of them.
        alternatives: Further keys each of which the host accepts alone, as it issued them.
        switches: Every spelling of the switch that the host obeys; we write the first.
    """

    fields: tuple[str, ...]
    switches: tuple[Switch, ...]
    source: str
    date: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """One kind of host.

    Attributes:
        domains: Matches the whole host name; `None` where only the operator can know (``MIMO_QUIRKS_HOSTS``).
        serves: The family that any chat model on this host belongs to, whatever its id says.
        takes_placeholder: False where a placeholder is useless or harmful.
        placeholder: The one that the host takes where it is not the family's own.
        pads_every_turn: The host wants something on plain turns too.
        forbids: The host rejects reasoning in every request.
        forbids_when_off: The host rejects reasoning in a request that switches thinking off.
        forces_tools: False where every `tool_choice` but `auto` is dropped without a word.
        takes_n: False where more than one choice is rejected.
    """

    name: str
    domains: re.Pattern[str] | None
    dialect: Dialect
    source: str
    date: str
    serves: str | None = None
    takes_placeholder: bool = True
    placeholder: str | None = None
    pads_every_turn: bool = False
    forbids: bool = False
    forbids_when_off: bool = False
    forces_tools: bool = True
    takes_n: bool = True


PLAIN: Final = Dialect(
    fields=("reasoning_content",),
    switches=(Switch(("thinking", "type"), on="enabled", off="disabled"),),
    source="Xiaomi deep-thinking page; EVIDENCE §6.1, §8",
    date="2026-05-12",
)
OPENROUTER: Final = Dialect(
    fields=("reasoning",),
    alternatives=("reasoning_details",),
    switches=(
        Switch(("reasoning", "enabled"), on=True, off=False),
        Switch(("reasoning", "effort"), on="high", off="none"),
    ),
    source="OpenRouter docs, nanobot#3851: strips `thinking`, wants `reasoning_details` verbatim; EVIDENCE §3.3",
    date="2026-09-22",
)
ALIBABA: Final = Dialect(
    fields=("reasoning_content",),
    switches=(Switch(("enable_thinking",), on=True, off=False),),
    source="help.aliyun.com model-studio/mimo; EVIDENCE §3.4, §6.1",
    date="2026-10-21",
)
MESSAGES: Final = Dialect(
    fields=("reasoning_content",),
    alternatives=(BLOCKS,),
    switches=(Switch(("thinking", "type"), on="enabled", off="disabled"),),
    source="Xiaomi anthropic-api.md: blocks, the same switch, no budget, no effort; EVIDENCE §4.7, §6.1",
    date="2026-05-15",
)
"""The messages wire, the same at every host; what its view calls `reasoning_content` is written as a block."""
RESPONSES: Final = Dialect(
    fields=("reasoning_content",),
    alternatives=(BLOCKS,),
    switches=(Switch(("reasoning", "effort"), on="high", off="none"),),
    source="Xiaomi responses page: `none` is off, the other efforts are the same; EVIDENCE §4.8, §6.1",
    date="2026-08-02",
)
TEMPLATE: Final = Dialect(
    # vLLM reads `reasoning` only since 0.26 and drops the older name without a word; SGLang reads the older one.
    fields=("reasoning_content", "reasoning"),
    switches=(Switch(("chat_template_kwargs", "enable_thinking"), on=True, off=False),),
    source="vLLM 0.26 and SGLang reasoning outputs; EVIDENCE §3.5, §3.6",
    date="2026-09-22",
)

RELAY: Final = Host(
    name="relay",
    domains=None,
    dialect=PLAIN,
    source="docs.infini-ai.com, models.dev, cursor-byok#268; EVIDENCE §3.8",
    date="2026-05-12",
)
"""Any host that no other row knows.

It is taken to enforce the rule: a placeholder on a host that does not is harmless.
"""

HOSTS: Final = (
    Host(
        name="token-plan",
        domains=words(r"token-plan-[a-z]+\.xiaomimimo\.com"),
        serves="mimo",
        dialect=PLAIN,
        forces_tools=False,  # EVIDENCE §9
        takes_n=False,
        source="models.dev xiaomi-token-plan providers; EVIDENCE §3.1",
        date="2026-05-18",
    ),
    Host(
        name="xiaomi",
        domains=words(r"(?:[a-z0-9-]+\.)*xiaomimimo\.com"),
        serves="mimo",
        dialect=PLAIN,
        forces_tools=False,  # EVIDENCE §9
        takes_n=False,
        source="Xiaomi API reference; EVIDENCE §3.2",
        date="2026-05-12",
    ),
    Host(
        name="openrouter",
        domains=words(r"(?:[a-z0-9-]+\.)*openrouter\.ai"),
        dialect=OPENROUTER,
        takes_placeholder=False,
        source="OpenRouter docs: reasoning goes back unmodified or not at all; EVIDENCE §3.3",
        date="2026-09-22",
    ),
    Host(
        name="alibaba",
        domains=words(r"(?:[a-z0-9-]+\.)*aliyuncs\.com"),
        dialect=ALIBABA,
        source="help.aliyun.com model-studio/mimo; EVIDENCE §3.4",
        date="2026-10-21",
    ),
    Host(
        name="vllm",
        domains=None,
        dialect=TEMPLATE,
        takes_placeholder=False,
        source="vLLM docs; the open weights' template treats empty reasoning as absent; EVIDENCE §3.5",
        date="2026-09-22",
    ),
    Host(
        name="sglang",
        domains=None,
        dialect=TEMPLATE,
        takes_placeholder=False,
        source="SGLang docs; else as vllm; EVIDENCE §3.6",
        date="2026-09-22",
    ),
    Host(
        name="strict-relay",
        domains=None,
        dialect=PLAIN,
        forbids_when_off=True,
        source="gateways that reject the field while thinking is off (oh-my-pi#1485); EVIDENCE §3.7",
        date="2026-06-01",
    ),
    RELAY,
)
"""The first row whose domains match is a host's, so a narrower one stands before a wider one."""

HOST_NAMES: Final = tuple(host.name for host in HOSTS)
PORTS: Final[Mapping[str, str]] = {"http": "80", "https": "443"}
"""The schemes that a host may be dialled by, and their own ports."""


def host_name(base_url: str | None) -> str | None:
    """The lower-case host of a URL as clients dial it, or None where it cannot be told for certain."""
    if not base_url or "\\" in base_url:  # clients disagree about which side of a backslash is the host
        return None
    try:
        name = urlsplit(base_url if "://" in base_url else f"//{base_url}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def authority(url: str | None) -> str | None:
    """The host of a URL, with its port where one is written that is not the scheme's own."""
    name = host_name(url)
    if name is None or url is None:
        return None
    scheme, separator, rest = url.partition("://")
    port = (rest if separator else url).partition("/")[0].rpartition("@")[2].rpartition(":")[2]
    return f"{name}:{port}" if port.isdigit() and port != PORTS.get(scheme.lower()) else name
