"""`ChatMiMo`: LangChain's OpenAI chat model, with the one field it drops.

langchain-openai reads and writes only what OpenAI documents. MiMo's `reasoning_content` is lost on the way in and
again on the way out, and the second step of every agent gets HTTP 400. Four hooks of `BaseChatOpenAI` serve invoke,
stream, async and batch alike, so those are what this class overrides; the rules are the core's. Those, and all
else that only a model needs, are in `parts`; see `deferred`.
"""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import openai
from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.utils import from_env, secret_from_env
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import (
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    StrictBool,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from .base import Remembering
from .deferred import parts
from .rejection import ReasoningRejectedError

if TYPE_CHECKING:  # whoever only imports the class does not pay for LangChain's callbacks
    from langchain_core.language_models import LangSmithParams

_DEFAULTED: Final = ("api_key", "openai_api_key", "base_url", "openai_api_base")
"""None is as if they were not given: `loads` gives it where it is told no secrets, and so do settings of others."""

Thinking = StrictBool | Literal["enabled", "disabled"] | Mapping[str, Any]


class ChatMiMo(Remembering, BaseChatOpenAI):
    """Xiaomi MiMo as a LangChain chat model whose reasoning survives every conversion.

    The reasoning of an answer is in `additional_kwargs["reasoning_content"]` and in `content_blocks`. On the next
    request it goes back to the byte. A tool turn that came without any gets the placeholder of its host; reasoning
    that another vendor's model produced is not sent.

    Example:
        ```python
        from langchain_mimo import ChatMiMo

        model = ChatMiMo(model="mimo-v2.6-pro")
        ```

    Args:
        model: Model id, such as `mimo-v2.6-pro`.
        api_key: MiMo's key; `MIMO_API_KEY` by default. OpenAI's key is never used.
        base_url: `MIMO_BASE_URL`, else Xiaomi's pay-as-you-go host, by default.
        thinking: True or "enabled", False or "disabled", or `{"type": ...}`; None leaves it to the API, which thinks.
            May be given per call too.
        store: Where reasoning is remembered that messages lose inside the application: a `ReasoningStore`, or a URL as
            in `MIMO_QUIRKS_STORE`. By default all models of a process share one in its memory; "off" is none.
        scope: Whose memory it is; nothing is recalled across scopes. `{"configurable": {"mimo_scope": ...}}` in a
            config, or `scope=` in a call, says so for that call.

    Every other field of `ChatOpenAI` means what it means there, or is rejected by name; see `rejected.REJECTED`.

    Raises:
        ValueError: No key, a URL that is none, a bad `MIMO_QUIRKS_*` setting, a field that is OpenAI's alone, more
            choices than the host gives, or a store that other processes see without a scope.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # a key must not be printed with somebody's typing error

    _sdk_error = openai.APIError

    model_name: str = Field(alias="model")
    openai_api_key: SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None = Field(
        alias="api_key", default_factory=secret_from_env("MIMO_API_KEY", default=None), validate_default=True
    )
    openai_api_base: str | None = Field(
        alias="base_url",
        default_factory=from_env("MIMO_BASE_URL", default="https://api.xiaomimimo.com/v1"),
        validate_default=True,
    )
    openai_proxy: str | None = None  # not OPENAI_PROXY, which is for OpenAI
    max_tokens: int | None = Field(default=None, alias="max_completion_tokens")
    stream_usage: bool | None = True
    thinking: Thinking | None = None

    @property
    def _llm_type(self) -> str:
        return "mimo-chat"

    @property
    def lc_secrets(self) -> dict[str, str]:
        """What stands for the key where a model is serialised."""
        return {"openai_api_key": parts.KEY}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What is serialised although it came from the environment, or otherwise than it is: without credentials."""
        urls = {"openai_api_base": self.openai_api_base, "openai_proxy": self.openai_proxy}
        return parts.shown(urls, default_headers=self.default_headers, default_query=self.default_query)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: `loads` with `allowed_objects=[ChatMiMo]` and `valid_namespaces=["langchain_mimo"]` makes it again.

        The key is not in the text: it is the one of `secrets_map={"MIMO_API_KEY": ...}`, or else of the environment.
        """
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where the class is found by its serialised name."""
        return ["langchain_mimo", "chat_models"]

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of LangChain's caches, from what is sent: `model_copy` takes along what a model was serialised as."""
        return str(sorted({**self._get_invocation_params(stop=stop, **kwargs), **kwargs}.items()))

    @property
    def _default_params(self) -> dict[str, Any]:
        """Without `store`, which is OpenAI's parameter there and ours here."""
        return {name: value for name, value in super()._default_params.items() if name != "store"}

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What an answer depends on: LangChain's caches take it as their key."""
        return {**super()._identifying_params, "base_url": self.openai_api_base, "thinking": self.thinking}

    @field_validator("openai_api_key")
    @classmethod
    def _has_key(cls, key: object) -> object:
        """Without a key of its own langchain-openai would send OpenAI's to MiMo's host."""
        return parts.checked_key(key)

    @field_validator("openai_api_base")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        """Without a URL langchain-openai would take OpenAI's from the environment."""
        return parts.checked_url(url)

    @field_validator("thinking")
    @classmethod
    def _is_switch(cls, thinking: Thinking | None) -> Thinking | None:
        parts.position_of(thinking)
        return thinking

    @model_validator(mode="after")
    def _set_mimo_version(self) -> Self:
        self._add_version("mimo-quirks", parts.VERSION)
        return self

    @model_validator(mode="after")
    def _has_choices(self) -> Self:
        quirks = self._quirks(self.model_name)
        reason = quirks and parts.rejected_choices(self.n, quirks)
        if reason:
            raise ValueError(reason)
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _with_clients_of_ours(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Takes off the clients that were built here OpenAI's headers, from the environment, and blind retries."""
        if not isinstance(values, dict):
            return build(values)
        parts.reject_unsupported(values)
        values = {name: value for name, value in values.items() if value is not None or name not in _DEFAULTED}
        self, given = build(parts.with_client(values)), values.keys()
        self.openai_organization = None
        for name in ("root_client", "root_async_client"):
            client = getattr(self, name)
            if client is not None and name not in given:
                client.organization = client.project = None
                client._custom_headers = dict(self.default_headers or {})  # noqa: SLF001 - OPENAI_CUSTOM_HEADERS
                parts.without_repeats(client)
        return self

    def _use_responses_api(self, payload: dict[str, Any]) -> bool:  # noqa: ARG002 - the parent's signature
        """Never: `reasoning=`, a web_search tool or a model name would route the request to another wire."""
        return False

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        # SummarizationMiddleware compares it with the messages' model_provider.
        params["ls_provider"] = parts.OUR_PROVIDER
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return parts.profile_of(self.model_name)

    def get_token_ids(self, text: str) -> list[int]:
        """One number for each token, as far as that can be told without MiMo's tokenizer; nothing is downloaded.

        `custom_get_token_ids` and `tiktoken_model_name` are obeyed.
        """
        if self.custom_get_token_ids is not None or self.tiktoken_model_name is not None:
            return super().get_token_ids(text)
        return parts.token_ids(text)

    def get_num_tokens_from_messages(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[parts.Tool] | None = None,
        *,
        allow_fetching_images: bool = True,  # noqa: ARG002 - the parent's signature; nothing is fetched
    ) -> int:
        """Tokens of a request with these messages, the reasoning that goes back to the API counted in."""
        return parts.count_tokens(messages, tools, lambda text: len(self.get_token_ids(text)))

    def bind_tools(
        self,
        tools: Sequence[parts.Tool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """As `ChatOpenAI.bind_tools`. Xiaomi's hosts cannot be made to call a tool, and a warning says so.

        Args:
            tools: What the model may call: functions, classes, tools or OpenAI's dicts.
            tool_choice: What it must call; on Xiaomi's hosts nothing but "auto" and "none" has an effect.
            **kwargs: See there.
        """
        quirks = self._quirks(self.model_name)
        if dropped := quirks and parts.dropped_demand(tool_choice, quirks):
            warnings.warn(dropped, stacklevel=2)
        return super().bind_tools(tools, tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Literal["function_calling", "json_mode", "json_schema"] = "json_schema",
        include_raw: bool = False,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """As `ChatOpenAI.with_structured_output`, by each of the three methods.

        Args:
            schema: A pydantic class, a TypedDict, or a JSON schema; none is needed for "json_mode".
            method: "json_schema", which v2.6 follows; "json_mode", with the keys named in the prompt; or
                "function_calling", by a tool that the model is free not to call.
            include_raw: Gives a dict of raw, parsed and parsing_error, and raises nothing.
            **kwargs: See there.

        Raises:
            OutputParserException: When the answer cannot be read, or has no call of the tool, unless `include_raw`.
        """
        quirks = self._quirks(self.model_name)
        if method == "function_calling" and quirks is not None and not quirks.forces_tools:
            kwargs["tool_choice"] = None
        chain = super().with_structured_output(schema, method=method, include_raw=False, **kwargs)
        if not isinstance(chain, RunnableSequence):
            return chain
        model, parser = chain.first, chain.last
        bound = getattr(model, "kwargs", {})
        if "tools" in bound and "response_format" not in bound and schema is not None:
            parser = parts.demanding(convert_to_openai_tool(schema)["function"]["name"]) | parser
        return parts.with_raw(model, parser) if include_raw else model | parser

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        messages = self._convert_input(input_).to_messages()
        exchange = kwargs.pop(parts.EXCHANGE, None) or parts.Exchange(
            parts.owner_of(kwargs.pop("scope", None), self.scope, None)
        )
        asked = kwargs.pop("thinking", self.thinking)
        kwargs["extra_body"] = parts.merged(self.extra_body or {}, kwargs.get("extra_body") or {})
        payload = super()._get_request_payload(messages, stop=stop, **kwargs)
        if "max_tokens" in payload:
            payload.setdefault("max_completion_tokens", payload.pop("max_tokens"))
        quirks = self._quirks(payload["model"])
        if quirks is not None:
            if reason := parts.rejected_choices(payload.get("n"), quirks):
                raise ValueError(reason)
            payload = dict(parts.without_forced_tools(payload, quirks))
        _switch_thinking(payload, asked, quirks.dialect if quirks else parts.PLAIN)
        wires = payload["messages"]
        if quirks is None:  # beside another family's messages nothing is laid
            payload["messages"] = [parts.on_the_wire(parts.string_content(wire)) for wire in wires]
            return payload
        history = [
            parts.string_content(parts.held(message, wire)) for message, wire in zip(messages, wires, strict=True)
        ]
        terms = parts.AttemptSettings(quirks, parts.is_thinking(payload, quirks))
        recall = self._recalled(history, exchange, terms)

        def build(terms: parts.AttemptSettings) -> parts.RequestPlan:
            known, thinking = terms.effective
            replayed, report = parts.replay(history, known, thinking=thinking, recall=recall)
            sent = [parts.on_the_wire(wire) for wire in replayed]
            return parts.RequestPlan(payload["model"], terms, sent, sent, report)

        draft = self._drafted(exchange, terms, build)
        if draft.terms.step is parts.Remedy.THINKING_OFF:
            _switch_thinking(payload, False, quirks.dialect)  # noqa: FBT003 - the switch itself
        payload["messages"] = draft.body
        return payload

    def _look_up(self, messages: list[BaseMessage], **kwargs: Any) -> None:
        self._get_request_payload(messages, **kwargs)

    def _is_last(self, chunk: ChatGenerationChunk) -> bool:
        return parts.is_last(chunk)

    def _deployment(self) -> parts.Quirks | None:
        return self._quirks(self.model_name)

    def _rejection(self, rejected: parts.Rejection, error: Exception) -> Exception:
        return ReasoningRejectedError(rejected, error)

    def _quirks(self, model: str) -> parts.Quirks | None:
        return self._settings.quirks_for(model, self.openai_api_base, family="mimo")

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        for generation, choice in zip(result.generations, parts.choices_of(response), strict=True):
            parts.keep_reasoning(generation.message, choice["message"] if isinstance(choice, dict) else choice.message)
        result.llm_output = {**(result.llm_output or {}), "model_provider": parts.OUR_PROVIDER}
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if generation is not None and (choices := chunk.get("choices") or parts.choices_of(chunk)):
            parts.keep_reasoning(generation.message, choices[0].get("delta"))
        return generation

    def _get_generation_chunk_from_completion(self, completion: openai.BaseModel) -> ChatGenerationChunk:
        """The last chunk of a stream with a response_format repeats the message, whose reasoning has streamed."""
        generation = super()._get_generation_chunk_from_completion(completion)
        generation.message.additional_kwargs.pop(parts.REASONING, None)
        return generation


def _switch_thinking(payload: dict[str, Any], asked: Thinking | None, dialect: parts.Dialect) -> None:
    """Tells the host to think or not, in its own dialect, if anybody asked: by `thinking`, or by an effort."""
    on, body = parts.position_of(asked), payload["extra_body"]
    reasoning = payload.pop("reasoning", None) or {}
    efforts = (payload.pop("reasoning_effort", None), body.pop("reasoning_effort", None), reasoning.get("effort"))
    effort = next((effort for effort in efforts if effort is not None), None)
    if on is None and effort is not None:
        on = parts.effort_means_thinking(effort)
    if on is not None:
        payload["extra_body"] = parts.merged(body, parts.thinking_parameters(on, dialect))
