"""The callback: LiteLLM's hooks, each a few lines of translation away from the core.

Out: `async_pre_call_deployment_hook` is where LiteLLM lets a callback change a request after it chose the deployment.
It does not run for synchronous calls, does not see a URL that a provider takes from the environment, and runs once for
a call whose fallbacks the SDK itself goes through. `log_pre_api_call` runs everywhere, last, with the finished body of
one attempt, so it serves what the first hook cannot; what has been done already it leaves alone.

Back: each answer is remembered before the caller has it, and so before it can ask again: by the success hook of
asynchronous calls, by `log_post_api_call` for synchronous ones, and for streams by `stream`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from litellm.types.utils import CallTypes, ModelResponse

from mimo_quirks.memory import Memory
from mimo_quirks.recall import NOTHING
from mimo_quirks.settings import Settings
from mimo_quirks.turns import Message

from .chat import attempt_of_call, attempt_of_details, is_async, lay_beside, replay_body, replay_call, take_sent
from .start import announce, memory_of
from .stream import StreamListener, listen

_CHAT = (CallTypes.completion, CallTypes.acompletion)


class MiMoCallback(StreamListener):
    """Carries the reasoning of MiMo deployments through LiteLLM and leaves every other deployment alone.

    LiteLLM ignores some hooks that are inherited: a subclass must define again what it wants to keep.

    Args:
        settings: The operator's settings; read from the environment by default.

    Raises:
        SettingsError: A `MIMO_QUIRKS_*` variable is unknown or its value cannot be used.
        ImportError: The store needs an extra; the message tells how to install it.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings or Settings.from_env()
        self._opened: Memory | None = None
        self._opening = threading.Lock()
        announce(self._settings)

    @property
    def memory(self) -> Memory:
        """What is remembered, and the counts of it; opened by its first use, when LiteLLM is configured."""
        with self._opening:
            if self._opened is None:
                self._opened = memory_of(self._settings)
                listen()
            return self._opened

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: CallTypes | None
    ) -> dict[str, Any] | None:
        """Returns the call's arguments with the history that the deployment wants, or None where nothing changes."""
        attempt = attempt_of_call(kwargs, self._settings, shared=self.memory.is_shared) if call_type in _CHAT else None
        if attempt is None:
            return None
        return replay_call(kwargs, attempt, await self.memory.arecall(attempt.wanted, attempt.scope))

    def log_pre_api_call(self, model: str, messages: object, kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - by keyword
        """Puts the history that the deployment wants into the body that is about to be sent.

        An asynchronous call was looked up by the other hook; here a look-up would block its event loop.
        """
        take_sent(kwargs)  # a fallback has the same details, and its answer is not this attempt's
        finished = attempt_of_details(kwargs, self._settings, shared=self.memory.is_shared)
        if finished is not None:
            attempt = lay_beside(finished, messages)
            recall = NOTHING if is_async(kwargs) else self.memory.recall(attempt.wanted, attempt.scope)
            replay_body(kwargs, attempt, recall)

    async def async_post_call_success_deployment_hook(
        self, request_data: dict[str, Any], response: Any, call_type: CallTypes | None
    ) -> None:
        """Remembers the answer of an asynchronous call."""
        details = getattr(request_data.get("litellm_logging_obj"), "model_call_details", None)
        if call_type in _CHAT and isinstance(response, ModelResponse) and isinstance(details, dict):
            turns = [choice.message.model_dump(exclude_none=True) for choice in response.choices]
            await self.astream_finished(details, turns)

    def log_post_api_call(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:  # noqa: ARG002 - by keyword
        """Remembers the answer of a synchronous call, which LiteLLM has here as the host wrote it."""
        turns = [] if is_async(kwargs) else _raw_turns(kwargs.get("original_response"))
        if turns:  # none is the beginning of a stream
            self.stream_finished(kwargs, turns)

    def stream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Remembers what a synchronous call was answered."""
        attempt = take_sent(details)
        if attempt is not None:
            self.memory.capture(attempt.readable, turns, attempt.scope)

    async def astream_finished(self, details: dict[str, Any], turns: Sequence[Message]) -> None:
        """Remembers what an asynchronous call was answered."""
        attempt = take_sent(details)
        if attempt is not None:
            await self.memory.acapture(attempt.readable, turns, attempt.scope)


def _raw_turns(answer: object) -> Sequence[Message]:
    """The answers in a chat completion as it arrived; none in anything else."""
    document: Any = None
    if isinstance(answer, str | bytes):
        with suppress(ValueError, RecursionError):
            document = json.loads(answer)
    choices = document.get("choices") if isinstance(document, dict) else None
    messages = (choice.get("message") for choice in choices or () if isinstance(choice, dict))
    return [message for message in messages if isinstance(message, dict)]
