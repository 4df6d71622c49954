"""MiMo for LangChain: `ChatMiMo` takes the place of `ChatOpenAI` and keeps the reasoning."""

try:
    import langchain_openai as _  # noqa: F401 - asked first, so that a missing extra is named as such
except ImportError as error:
    raise ImportError('ChatMiMo needs the "langchain" extra: pip install "mimo-quirks[langchain]"') from error

from .blocks import register_blocks
from .chat_models import ChatMiMo
from .registration import register

register_blocks()

__all__ = ["ChatMiMo", "register"]
