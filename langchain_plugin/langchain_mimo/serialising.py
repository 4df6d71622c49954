"""What a serialised model shows of itself: no key, no password, no token."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = importlib.metadata.version("mimo-quirks")
KEY: Final = "MIMO_API_KEY"
"""The variable that holds the key, whose name stands for it."""

_USER: Final = re.compile(r"(?<=//)[^/@]*@")
_CREDENTIAL: Final = re.compile(r"auth|key|token|secret|passw|cookie", re.IGNORECASE)


def shown(urls: Mapping[str, str | None], **named: Mapping[str, Any] | None) -> dict[str, Any]:
    """The constructor's arguments that may hold credentials, without them. Who loads the model gives them again.

    Args:
        urls: The base URL and a proxy by the names of their fields; users and passwords are left out.
        **named: What is sent by name, such as headers, by the names of its fields; values whose name says that they are
            a credential are left out.
    """
    attributes: dict[str, Any] = {name: _USER.sub("", url) for name, url in urls.items() if url is not None}
    for field, values in named.items():
        if values is not None:
            attributes[field] = {name: value for name, value in values.items() if not _CREDENTIAL.search(name)}
    return attributes
