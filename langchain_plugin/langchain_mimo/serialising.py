"""What a serialised model shows of itself: no key, no password, no token."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any, Final

from mimo_quirks import digest

VERSION: Final = importlib.metadata.version("mimo-quirks")
KEY: Final = "MIMO_API_KEY"
"""The variable that holds the key, whose name stands for it."""

_USER: Final = re.compile(r"(?<=//)[^/?#]*@")
_HARMLESS: Final = frozenset(
    {
        "accept",
        "accept-language",
        "anthropic-beta",
        "anthropic-version",
        "api-version",
        "content-type",
        "openai-beta",
        "user-agent",
        "x-title",
    }
)
"""Headers and queries whose values tell nothing. No name tells that a value is no credential, so the list is short."""


def shown(urls: Mapping[str, str | None], **named: Mapping[str, Any] | None) -> dict[str, Any]:
    """The constructor's arguments that may hold credentials, without them. Who loads the model gives them again.

    Args:
        urls: The base URL and a proxy by the names of their fields; users and passwords are left out.
        **named: What is sent by name, such as headers, by the names of its fields; None stands for each value but those
            of a few names that are known to be harmless.
    """
    attributes: dict[str, Any] = {name: anonymous(url) for name, url in urls.items() if url is not None}
    for field, values in named.items():
        if values is not None:
            attributes[field] = {name: value if name.lower() in _HARMLESS else None for name, value in values.items()}
    return attributes


def anonymous(url: str) -> str:
    """A URL without its user and password."""
    return _USER.sub("", url)


def given(values: object) -> object:
    """Headers or queries as they are loaded: without those of which the text has only the name."""
    if isinstance(values, Mapping):
        return {name: value for name, value in values.items() if value is not None}
    return values


def digest_of_sent(url: str | None, **named: Mapping[str, Any] | None) -> str:
    """Tells apart models that send otherwise, without what they send.

    Args:
        url: The base URL, as it is.
        **named: As for `shown`.
    """
    return digest(url, {field: _texts(values) for field, values in named.items()})


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (values or {}).items()}
