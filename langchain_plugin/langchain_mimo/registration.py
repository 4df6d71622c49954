"""`init_chat_model("xiaomi_mimo:mimo-v2.6-pro")`, for those who choose models by name.

LangChain's name of a provider stands for one class, so each class here has a name of its own.

LangChain has a table of providers and no way for a package to be in it. So this is done on request, never on import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .blocks import PROVIDER

_CLASSES: Final = {PROVIDER: "ChatMiMo", f"{PROVIDER}_messages": "ChatMiMoMessages"}


def register() -> None:
    """Makes `init_chat_model` and `create_agent` know `xiaomi_mimo`, and `xiaomi_mimo_messages`.

    Raises:
        ImportError: The package `langchain` is not installed.
    """
    try:
        from langchain.chat_models import base  # noqa: PLC0415 - only who registers needs langchain
    except ImportError as error:
        raise ImportError('register() needs langchain: pip install "langchain>=1.4.7"') from error
    for provider, class_name in _CLASSES.items():
        base._BUILTIN_PROVIDERS[provider] = ("langchain_mimo", class_name, _construct)  # noqa: SLF001 - see above


def _construct(cls: Callable[..., Any], **kwargs: Any) -> Any:
    return cls(**kwargs)
