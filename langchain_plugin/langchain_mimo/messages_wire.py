"""`ChatMiMoMessages`: LangChain's Anthropic chat model, for relays that speak the messages wire alone.

langchain-anthropic keeps blocks of thinking as long as the application keeps them, and only where a message says that
it is Anthropic's. Here they go back whatever became of the message; the rules are the core's.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal

try:
    import langchain_anthropic as _  # noqa: F401 - asked first, so that a missing extra is named as such
except ImportError as error:
    needed = 'ChatMiMoMessages needs the "anthropic" extra: pip install "mimo-quirks[anthropic]"'
    raise ImportError(needed) from error

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.load.serializable import SerializedConstructor, SerializedNotImplemented
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import ConfigDict, ModelWrapValidatorHandler, field_validator, model_validator
from typing_extensions import Self

from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.history.provenance import OUR_PROVIDER
from mimo_quirks.history.replay import replay
from mimo_quirks.rejections.evidence import AttemptSettings, Remedy
from mimo_quirks.rejections.ladder import Rejection, RequestPlan
from mimo_quirks.request.parameters import dropped_demand, without_forced_tools
from mimo_quirks.request.thinking import is_thinking
from mimo_quirks.wires import MESSAGES

from .base import Remembering
from .clients import checked_key, checked_url, loop_client, without_repeats
from .exchange import EXCHANGE, Exchange, owner_of
from .messages_parameters import NO_SCHEMA, position, reject_schemas, switch, switch_thinking
from .profiles import profile_of
from .rejection import ReasoningRejectedError
from .serialising import KEY, VERSION, shown
from .sidecar import with_beside, without_beside, without_nothing
from .structured import demanding, with_raw
from .tokens import Tool, count_tokens, token_ids

_URL: Final = "https://api.xiaomimimo.com/anthropic"
_MAX_TOKENS: Final = 32768
"""Reasoning and answer together; Anthropic's own default for an unknown model would cut a thought off."""


class MessagesReasoningRejectedError(ReasoningRejectedError, anthropic.BadRequestError):  # type: ignore[misc]
    """`ReasoningRejectedError` for whoever catches what the anthropic SDK raises."""


class ChatMiMoMessages(Remembering, ChatAnthropic):
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

    model_config = ConfigDict(hide_input_in_errors=True)  # a key must not be printed with somebody's typing error

    _sdk_error = anthropic.APIError

    anthropic_proxy: str | None = None  # not ANTHROPIC_PROXY, which is for Anthropic

    @property
    def _llm_type(self) -> str:
        return "mimo-messages"

    @property
    def _uses_gateway(self) -> bool:
        """Never: a key tells nothing of MiMo's host."""
        return False

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What is serialised although it came from the environment, or otherwise than it is: without credentials."""
        urls = {"anthropic_api_url": self.anthropic_api_url, "anthropic_proxy": self.anthropic_proxy}
        return shown(urls, default_headers=self.default_headers)

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where the class is found by its serialised name."""
        return ["langchain_mimo", "messages_wire"]

    def to_json(self) -> SerializedConstructor | SerializedNotImplemented:
        """What `dumps` writes; `loads(..., allowed_objects=[ChatMiMoMessages], valid_namespaces=["langchain_mimo"])`.

        langchain-core asks the parent last what stands for the key, and that would be Anthropic's variable.
        """
        written = super().to_json()
        if written["type"] == "constructor":
            written["kwargs"]["anthropic_api_key"] = {"lc": 1, "type": "secret", "id": [KEY]}
        return written

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of LangChain's caches, from what is sent."""
        return str(sorted({**self._get_invocation_params(stop=stop, **kwargs), **kwargs}.items()))

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**super()._identifying_params, "base_url": self.anthropic_api_url}

    @model_validator(mode="wrap")
    @classmethod
    def _without_anthropic(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Gives a key, a URL and a limit, because langchain-anthropic would look in Anthropic's environment."""
        if not isinstance(values, dict):
            return build(values)
        key, key_name = _given(values, "api_key", "anthropic_api_key")
        url, url_name = _given(values, "base_url", "anthropic_api_url")
        limit, limit_name = _given(values, "max_tokens", "max_tokens_to_sample")
        key = checked_key(os.environ.get(KEY) if key is None else key)
        return build(
            {**values, key_name: key, url_name: url or _url_of_environment(), limit_name: limit or _MAX_TOKENS}
        )

    @field_validator("anthropic_api_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        return checked_url(url)

    @field_validator("thinking", mode="before")
    @classmethod
    def _is_switch(cls, thinking: object) -> dict[str, Any] | None:
        on = position(thinking)
        return None if on is None else switch(on)

    @model_validator(mode="after")
    def _set_mimo_version(self) -> Self:
        self._add_version("mimo-quirks", VERSION)
        return self

    @cached_property
    def _client_params(self) -> dict[str, Any]:
        """With the key as a token: some hosts take no other header."""
        params = super()._client_params
        return {**params, "auth_token": params["api_key"], "api_key": None}

    @cached_property
    def _client(self) -> anthropic.Client:
        client = super()._client
        _without_environment(client, self._client_params)
        without_repeats(client)
        return client

    @cached_property
    def _async_client(self) -> anthropic.AsyncClient:
        own = None if self.anthropic_proxy else loop_client(anthropic)
        client = super()._async_client if own is None else anthropic.AsyncClient(**self._client_params, http_client=own)
        _without_environment(client, self._client_params)
        without_repeats(client)
        return client

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = OUR_PROVIDER  # SummarizationMiddleware compares it with the messages' model_provider
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        profile = profile_of(self.model)
        return None if profile is None else {**profile, "structured_output": False}  # this wire has no schemas

    def get_token_ids(self, text: str) -> list[int]:
        """One number for each token, as far as that can be told without MiMo's tokenizer; nothing is downloaded."""
        return super().get_token_ids(text) if self.custom_get_token_ids is not None else token_ids(text)

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None, **_: Any
    ) -> int:
        """Tokens of a request with these messages, the reasoning that goes back counted in; nobody is asked."""
        return count_tokens(messages, tools, lambda text: len(self.get_token_ids(text)))

    def bind_tools(
        self, tools: Sequence[Tool | Mapping[str, Any]], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """As `ChatAnthropic.bind_tools`. Xiaomi's hosts cannot be made to call a tool, and a warning says so.

        Args:
            tools: What the model may call.
            tool_choice: What it must call; on Xiaomi's hosts nothing but "auto" and "none" has an effect.
            **kwargs: See there.
        """
        kind = tool_choice.get("type") if isinstance(tool_choice, Mapping) else tool_choice
        quirks = self._quirks(self.model)
        if dropped := quirks and dropped_demand(tool_choice, quirks):
            warnings.warn(dropped, stacklevel=2)
            tool_choice = None
        if kind in ("none", "required", True):  # OpenAI's words, which langchain-anthropic takes for names of tools
            tool_choice = tool_choice and {"type": "none" if kind == "none" else "any"}
        return super().bind_tools(tools, tool_choice=tool_choice, **kwargs)

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
        quirks = self._quirks(self.model)
        forced = None if quirks is not None and not quirks.forces_tools else name
        traced = {"kwargs": {"method": method}, "schema": tool}
        model = self.bind_tools([schema], tool_choice=forced, ls_structured_output_format=traced, **kwargs)
        parser: Runnable[Any, Any] = JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)
        if isinstance(schema, type) and is_basemodel_subclass(schema):
            parser = PydanticToolsParser(tools=[schema], first_tool_only=True)
        parser = demanding(name) | parser
        return with_raw(model, parser) if include_raw else model | parser

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        messages = self._convert_input(input_).to_messages()
        exchange = kwargs.pop(EXCHANGE, None) or Exchange(owner_of(kwargs.pop("scope", None), self.scope, None))
        on = position(kwargs.pop("thinking", None))
        quirks = self._quirks(kwargs.get("model") or self.model)
        if quirks is not None:  # beside another family's messages nothing is laid
            reject_schemas({"output_config": self.output_config, **self.model_kwargs, **kwargs})
            messages = [with_beside(message) for message in messages]
        payload = super()._get_request_payload(messages, stop=stop, **kwargs)
        switch_thinking(payload, on)
        if quirks is None:
            return payload
        payload = dict(without_forced_tools(payload, quirks))
        bare, besides = without_beside(payload["messages"])
        view = MESSAGES.view(bare)
        if view is None:
            return {**payload, "messages": bare}
        known = [{**message, **besides[place[0]]} for message, place in zip(view.messages, view.places, strict=True)]
        terms = AttemptSettings(quirks, is_thinking(payload, quirks))
        recall = self._recalled(known, exchange, terms, verify_carried=True)

        def build(terms: AttemptSettings) -> RequestPlan:
            kept, thinking = terms.effective
            replayed, report = replay(known, kept, thinking=thinking, recall=recall)
            left = {turn.index for turn in report.turns if turn.action == "left"}
            steps = enumerate(zip(view.messages, replayed, strict=True))
            written = MESSAGES.write(bare, view, [old if index in left else new for index, (old, new) in steps])
            body = [message for message in written if message["content"]]
            sent = MESSAGES.view(body)
            return RequestPlan(payload["model"], terms, body, sent.messages if sent else (), report)

        draft = self._drafted(exchange, terms, build)
        if draft.terms.step is Remedy.THINKING_OFF:
            switch_thinking(payload, False)  # noqa: FBT003 - the switch itself
        payload["messages"] = draft.body
        return payload

    def _deployment(self) -> Quirks | None:
        return self._quirks(self.model)

    def _rejection(self, rejected: Rejection, error: Exception) -> Exception:
        return MessagesReasoningRejectedError(rejected, error)

    def _quirks(self, model: str) -> Quirks | None:
        return self._settings.quirks_for(model, self.anthropic_api_url, family="mimo", wire=MESSAGES.name)

    def _look_up(self, messages: list[BaseMessage], **kwargs: Any) -> None:
        self._get_request_payload(messages, **kwargs)

    def _is_last(self, chunk: ChatGenerationChunk) -> bool:
        return bool(chunk.message.response_metadata.get("stop_reason"))

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


def _given(values: Mapping[str, Any], *names: str) -> tuple[Any, str]:
    """The value of a field, by its alias or its name, and the name under which it stands."""
    return next(((values[name], name) for name in names if values.get(name) is not None), (None, names[0]))


def _url_of_environment() -> str:
    url = os.environ.get("MIMO_BASE_URL", "")
    return url if url.rstrip("/").endswith("/anthropic") else _URL


def _without_environment(client: Any, params: Mapping[str, Any]) -> None:
    """Takes off a client the key and the headers that the SDK reads from the environment."""
    client.api_key = None
    client._custom_headers = dict(params["default_headers"])  # noqa: SLF001 - ANTHROPIC_CUSTOM_HEADERS
