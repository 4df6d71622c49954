"""What a serialised model shows of itself: no key, no password, no token."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Mapping
from typing import Any, Final

VERSION: Final = importlib.metadata.version("mimo-quirks")

_USER: Final = re.compile(r"(?<=//)[^/@]*@")
_CREDENTIAL: Final = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)


def shown(base_url: str | None, proxy: str | None, headers: Mapping[str, str] | None) -> dict[str, Any]:
    """The constructor's arguments that may hold credentials, without them. Who loads the model gives them again.

    Args:
        base_url: Its user and password are left out, and so are those of `proxy`.
        proxy: See there.
        headers: Those whose name says that they hold a credential are left out.
    """
    attributes: dict[str, Any] = {"openai_api_base": _USER.sub("", base_url or "")}
    if proxy is not None:
        attributes["openai_proxy"] = _USER.sub("", proxy)
    if headers is not None:
        attributes["default_headers"] = {name: value for name, value in headers.items() if not _CREDENTIAL.search(name)}
    return attributes
