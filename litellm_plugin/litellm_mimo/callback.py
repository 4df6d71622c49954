"""The callback: two of LiteLLM's hooks, each one line of translation away from the core.

`async_pre_call_deployment_hook` is where LiteLLM lets a callback change a request after it chose the deployment. It
does not run for synchronous calls, does not see a URL that a provider takes from the environment, and runs once for a
call whose fallbacks the SDK itself goes through. `log_pre_api_call` runs everywhere, last, with the finished body of
one attempt, so it serves what the first hook cannot; what has been done already it leaves alone.
"""

from __future__ import annotations

from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.types.utils import CallTypes

from mimo_quirks.settings import Settings

from .chat import replay_body, replay_call


class MiMoCallback(CustomLogger):
    """Carries the reasoning of MiMo deployments through LiteLLM and leaves every other deployment alone.

    LiteLLM ignores some hooks that are inherited: a subclass must define again what it wants to keep.

    Args:
        settings: The operator's settings; read from the environment by default.

    Raises:
        SettingsError: A `MIMO_QUIRKS_*` variable is unknown or its value cannot be used.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings or Settings.from_env()

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: CallTypes | None
    ) -> dict[str, Any] | None:
        """Returns the call's arguments with the history that the deployment wants, or None where nothing changes."""
        is_chat = call_type in (CallTypes.completion, CallTypes.acompletion)
        return replay_call(kwargs, self._settings) if is_chat else None

    def log_pre_api_call(self, model: str, messages: object, kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - by keyword
        """Puts the history that the deployment wants into the body that is about to be sent."""
        replay_body(kwargs, messages, self._settings)
