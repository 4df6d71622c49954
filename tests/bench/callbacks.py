"""LiteLLM with one callback and nothing of any other, so that two can be measured in turns in one process."""

from __future__ import annotations

from typing import Any, Final

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper

_LISTS: Final = [
    name for name in vars(litellm) if name.endswith("callback") and isinstance(getattr(litellm, name), list)
]
"""LiteLLM copies each callback into most of these."""

_WRAPPED: Final = ("__next__", "__anext__")
_PLAIN: Final = {name: vars(CustomStreamWrapper)[name] for name in _WRAPPED}
"""What our callback wraps for the whole process, with its first call at the latest."""


class Alone:
    """A callback as the only one.

    Args:
        callback: The callback.
        wraps_streams: Whether it is ours, which wraps the class of LiteLLM's streams.
    """

    _wrapped: dict[str, Any] | None = None

    def __init__(self, callback: CustomLogger, *, wraps_streams: bool) -> None:
        self._lists: dict[str, list[Any]] = {name: [] for name in _LISTS} | {"callbacks": [callback]}
        self._wraps_streams = wraps_streams

    def install(self) -> None:
        """Makes LiteLLM know this callback alone, from the next call on."""
        for name, value in self._lists.items():
            setattr(litellm, name, value)
        current = {name: vars(CustomStreamWrapper)[name] for name in _WRAPPED}
        if current != _PLAIN:
            Alone._wrapped = current
        for name, method in ((Alone._wrapped if self._wraps_streams else None) or _PLAIN).items():
            setattr(CustomStreamWrapper, name, method)
