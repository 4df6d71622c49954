"""MiMo for LangChain: `ChatMiMo` takes the place of `ChatOpenAI` and keeps the reasoning.

`ChatMiMoMessages` takes the place of `ChatAnthropic`, for relays that speak Anthropic's messages wire alone.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if find_spec("langchain_openai") is None:  # asked first, so that a missing extra is named as such
    raise ImportError('ChatMiMo needs the "langchain" extra: pip install "mimo-quirks[langchain]"')

from .blocks import register_blocks
from .chat_models import ChatMiMo
from .registration import register
from .rejection import ReasoningRejectedError

if TYPE_CHECKING:
    from .messages_wire import ChatMiMoMessages

register_blocks()

__all__ = ["ChatMiMo", "ChatMiMoMessages", "ReasoningRejectedError", "register"]


def __getattr__(name: str) -> Any:
    """`ChatMiMoMessages` is imported where it is used: it needs an extra of its own."""
    if name != "ChatMiMoMessages":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .messages_wire import ChatMiMoMessages  # noqa: PLC0415 - see there

    return ChatMiMoMessages
