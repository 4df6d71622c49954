"""`init_chat_model("xiaomi_mimo:mimo-v2.6-pro")`, for those who choose models by name.

LangChain has a table of providers and no way for a package to be in it. So this is done on request, never on import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mimo_quirks.origin import OUR_PROVIDER


def register() -> None:
    """Makes `init_chat_model` and `create_agent` know the provider `xiaomi_mimo`.

    Raises:
        ImportError: The package `langchain` is not installed.
    """
    try:
        from langchain.chat_models import base  # noqa: PLC0415 - only who registers needs langchain
    except ImportError as error:
        raise ImportError('register() needs langchain: pip install "langchain>=1.4.7"') from error
    base._BUILTIN_PROVIDERS[OUR_PROVIDER] = ("langchain_mimo", "ChatMiMo", _construct)  # noqa: SLF001 - see above


def _construct(cls: Callable[..., Any], **kwargs: Any) -> Any:
    return cls(**kwargs)
