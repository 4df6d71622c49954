"""MiMo for LiteLLM: `callbacks: ["litellm_mimo.mimo_callback"]` in a proxy's config is the whole set-up.

In the SDK: `litellm.callbacks = [litellm_mimo.mimo_callback]`. The settings are read when this package is imported, so
that a bad one stops the start.
"""

from typing import Final

try:
    import litellm as _  # noqa: F401 - asked first, so that a missing extra is named as such
except ImportError as error:
    raise ImportError('mimo_callback needs the "litellm" extra: pip install "mimo-quirks[litellm]"') from error

from .callback import MiMoCallback
from .rejections import ReasoningRejectedError

mimo_callback: Final = MiMoCallback()
"""LiteLLM wants an instance: a factory boots and then fails every request."""

__all__ = ["MiMoCallback", "ReasoningRejectedError", "mimo_callback"]
