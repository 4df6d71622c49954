"""`ChatMiMoMessages`: LangChain's Anthropic chat model, for relays that speak the messages wire alone.

langchain-anthropic keeps blocks of thinking as long as the application keeps them, and only where a message says that
it is Anthropic's. Here they go back whatever became of the message; the rules are the core's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Literal, TypeVar

try:
    import langchain_anthropic as _  # noqa: F401 - asked first, so that a missing extra is named as such
except ImportError as error:
    needed = 'ChatMiMoMessages needs the "anthropic" extra: pip install "mimo-quirks[anthropic]"'
    raise ImportError(needed) from error

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils import secret_from_env
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import Field, SecretStr, field_validator

from mimo_quirks import (
    MESSAGES,
    OUR_PROVIDER,
    Conversation,
    Quirks,
    Remedy,
    RequestPlan,
    without_forced_tools,
)

from . import _internals
from .base import BaseChatMiMo
from .calls import Call
from .clients import loop_client, without_repeats
from .messages import SIDECAR
from .messages_parameters import NO_SCHEMA, position, reject_schemas, switch, switch_thinking
from .rejection import ReasoningRejectedError
from .serialising import KEY
from .sidecar import with_sidecar, without_nothing, without_sidecars
from .structured import reading

_internals.check_hooks("langchain-anthropic", ChatAnthropic, _internals.ANTHROPIC_HOOKS)

_Client = TypeVar("_Client", anthropic.Client, anthropic.AsyncClient)

_URL: Final = "https://api.xiaomimimo.com/anthropic"
_MAX_TOKENS: Final = 32768
"""Reasoning and answer together; Anthropic's own default for an unknown model would cut a thought off."""


class MessagesReasoningRejectedError(ReasoningRejectedError, anthropic.BadRequestError):  # type: ignore[misc]
    """`ReasoningRejectedError` for whoever catches what the anthropic SDK raises."""


def _url_of_environment() -> str:
    url = os.environ.get("MIMO_BASE_URL", "")
    return url if url.rstrip("/").endswith("/anthropic") else _URL


class ChatMiMoMessages(BaseChatMiMo, ChatAnthropic):
    """Xiaomi MiMo over Anthropic's messages wire, with reasoning that survives every conversion.

    As in `ChatAnthropic`, the reasoning of an answer is in its content, as blocks of thinking, and in `content_blocks`.
    On the next request it goes back to the byte, whether the message still has it as such a block, as a standard block,
    in `additional_kwargs["reasoning_content"]`, or not at all. Everything else is as `ChatMiMo` has it.

    Example:
        ```python
        from langchain_mimo import ChatMiMoMessages

        model = ChatMiMoMessages(model="mimo-v2.6-pro", base_url="https://relay.example/anthropic")
        ```

    Args:
        model: Model id, such as `mimo-v2.6-pro`.
        api_key: MiMo's key, sent as a Bearer token; `MIMO_API_KEY` by default. Anthropic's is never used.
        base_url: The URL before `/v1/messages`. By default `MIMO_BASE_URL` if it ends with `/anthropic`; one that does
            not is of the chat wire and is not heard, and Xiaomi's pay-as-you-go host is asked.
        max_tokens: Of reasoning and answer together; 32768 by default.
        thinking: True or "enabled", False or "disabled", or `{"type": ...}`; None leaves it to the API, which thinks.
            Budgets and efforts are heard as on or off, and not sent. May be given per call too.
        store: As for `ChatMiMo`, and so is `scope`.
        scope: See there.

    Every other field is `ChatAnthropic`'s.

    Raises:
        ValueError: No key, a URL that is none, a bad `MIMO_QUIRKS_*` setting, or a store that other processes see
            without a scope.
    """

    _sdk_error = anthropic.APIError
    _rejected_as = MessagesReasoningRejectedError
    _wire = MESSAGES.name
    _model_field, _key_field, _url_field = "model", "anthropic_api_key", "anthropic_api_url"
    _proxy_field = "anthropic_proxy"
    _own_defaults = ("max_tokens",)

    anthropic_api_key: SecretStr = Field(alias="api_key", default_factory=secret_from_env(KEY, default=""))
    anthropic_api_url: str | None = Field(alias="base_url", default_factory=_url_of_environment)
    max_tokens: int | None = Field(alias="max_tokens_to_sample", default=_MAX_TOKENS)
    anthropic_proxy: str | None = None  # not ANTHROPIC_PROXY, which is for Anthropic

    @property
    def _llm_type(self) -> str:
        return "mimo-messages"

    @property
    def _uses_gateway(self) -> bool:
        """Never: a key tells nothing of MiMo's host."""
        return False

    @field_validator("thinking", mode="before")
    @classmethod
    def _is_switch(cls, thinking: object) -> dict[str, Any] | None:
        on = position(thinking)
        return None if on is None else switch(on)

    @cached_property
    def _client(self) -> anthropic.Client:
        client: anthropic.Client = _internals.made_anew(ChatAnthropic, "_client", self)
        return self._of_mimo(client)

    @cached_property
    def _async_client(self) -> anthropic.AsyncClient:
        client: anthropic.AsyncClient = _internals.made_anew(ChatAnthropic, "_async_client", self)
        own = None if self.anthropic_proxy else loop_client(anthropic)
        return self._of_mimo(client if own is None else client.copy(http_client=own))

    def _of_mimo(self, client: _Client) -> _Client:
        """The client without the key and the headers that the SDK reads from the environment, and blind retries.

        It is not made by `super()`, which would hold it under the same name before it is this one, where other threads
        find it.

        The key is a token, because some hosts take no other header.
        """
        client.api_key, client.auth_token = None, self.anthropic_api_key.get_secret_value()
        _internals.set_headers(client, _internals.client_headers(self))
        without_repeats(client)
        return client

    def _resolve_model_profile(self) -> ModelProfile | None:
        profile = super()._resolve_model_profile()
        return None if profile is None else {**profile, "structured_output": False}  # this wire has no schemas

    def _tool_choice(self, choice: Any, *, is_dropped: bool) -> Any:
        if is_dropped:
            return None
        kind = choice.get("type") if isinstance(choice, Mapping) else choice
        if kind in ("none", "required", True):  # OpenAI's words, which langchain-anthropic takes for names of tools
            return {"type": "none" if kind == "none" else "any"}
        return choice

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal["function_calling"] = "function_calling",  # type: ignore[override]
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Output in a schema, by a tool that Xiaomi's hosts cannot force the model to call.

        Args:
            schema: A pydantic class, a TypedDict, or a JSON schema.
            include_raw: Gives a dict of raw, parsed and parsing_error, and raises nothing.
            method: "function_calling"; this wire has no other.
            **kwargs: Further arguments of `bind_tools`.

        Raises:
            ValueError: Another method. A `response_format` of a call is rejected as well.
            OutputParserException: When the answer has no call of the tool, unless `include_raw`.
        """
        if method != "function_calling":
            raise ValueError(f"method={method!r}: {NO_SCHEMA}")
        tool = convert_to_openai_tool(schema)
        name = tool["function"]["name"]
        forced = name if self._forces_tools() else None
        traced = {"kwargs": {"method": method}, "schema": tool}
        model = self.bind_tools([schema], tool_choice=forced, ls_structured_output_format=traced, **kwargs)
        parser: Runnable[Any, Any] = JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)
        if isinstance(schema, type) and is_basemodel_subclass(schema):
            parser = PydanticToolsParser(tools=[schema], first_tool_only=True)
        return reading(model, parser, name, include_raw=include_raw)

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        return self._payload(input_, stop, kwargs)

    def _begun(
        self, messages: list[BaseMessage], call: Call, stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], Quirks | None]:
        on = position(kwargs.pop("thinking", None))
        quirks = self._quirks(kwargs.get("model") or self.model)
        if quirks is not None:  # to another family's messages nothing is attached
            reject_schemas({"output_config": self.output_config, **self.model_kwargs, **kwargs})
            messages = [with_sidecar(message) for message in messages]
        payload = super()._get_request_payload(messages, stop=stop, **kwargs)
        switch_thinking(payload, on)
        if quirks is None:
            return payload, None
        payload = dict(without_forced_tools(payload, quirks))
        payload["messages"], sidecars = without_sidecars(payload["messages"])
        conversation = Conversation.of(payload, MESSAGES, payload["model"])
        if conversation.view is not None:
            placed = zip(conversation.messages, conversation.view.places, strict=True)
            known = [{**message, **sidecars[place[0]]} for message, place in placed]
            conversation = conversation.knowing(known, SIDECAR)
        self._begin(call, conversation, payload, quirks)
        return payload, quirks

    def _put(self, plan: RequestPlan, payload: dict[str, Any], quirks: Quirks) -> None:  # noqa: ARG002 - for the other wire
        if plan.attempt.remedy is Remedy.THINKING_OFF:
            switch_thinking(payload, False)  # noqa: FBT003 - the switch itself
        payload["messages"] = [message for message in plan.body if message["content"]]

    def _format_output(self, data: Any, **kwargs: Any) -> ChatResult:
        result = super()._format_output(data, **kwargs)
        for generation in result.generations:
            message = generation.message
            message.response_metadata["model_provider"] = OUR_PROVIDER
            if isinstance(message.content, list):
                message.content = [without_nothing(block) for block in message.content]
        return result

    def _make_message_chunk_from_anthropic_event(
        self, event: Any, *, stream_usage: bool = True, block_start_event: Any = None, **_: Any
    ) -> tuple[AIMessageChunk | None, Any]:
        """Blocks always, because MiMo thinks unasked; and always the end, which langchain-anthropic takes for usage."""
        chunk, start = super()._make_message_chunk_from_anthropic_event(
            event, stream_usage=True, coerce_content_to_string=False, block_start_event=block_start_event
        )
        if chunk is not None:
            chunk.response_metadata["model_provider"] = OUR_PROVIDER
            chunk.usage_metadata = chunk.usage_metadata if stream_usage else None
        return chunk, start
