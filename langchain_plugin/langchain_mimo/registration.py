"""`init_chat_model("xiaomi_mimo:mimo-v2.6-pro")`, for those who choose models by name.

LangChain's name of a provider stands for one class, so each class here has a name of its own.

LangChain has a table of providers and no way for a package to be in it. So this is done on request, never on import.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

from mimo_quirks import OUR_PROVIDER

from . import _internals

_CLASSES: Final = {OUR_PROVIDER: "ChatMiMo", f"{OUR_PROVIDER}_messages": "ChatMiMoMessages"}


def register() -> None:
    """Makes `init_chat_model` and `create_agent` know `xiaomi_mimo`, and `xiaomi_mimo_messages`.

    Raises:
        ImportError: The package `langchain` is not installed.
    """
    if find_spec("langchain") is None:
        raise ImportError('register() needs langchain: pip install "langchain>=1.4.7"')
    table = _internals.providers()
    if table is not None:
        table.update({name: ("langchain_mimo", of_class, _construct) for name, of_class in _CLASSES.items()})


def _construct(cls: Callable[..., Any], **kwargs: Any) -> Any:
    return cls(**kwargs)
