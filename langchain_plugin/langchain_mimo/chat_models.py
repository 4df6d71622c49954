"""`ChatMiMo`: LangChain's OpenAI chat model, with the one field it drops.

langchain-openai reads and writes only what OpenAI documents. MiMo's `reasoning_content` is lost on the way in and
again on the way out, and the second step of every agent gets HTTP 400. Four hooks of `BaseChatOpenAI` serve invoke,
stream, async and batch alike, so those are what this class overrides; the rules are the core's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal

import openai
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.prompt_values import ChatPromptValue
from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.utils import from_env, secret_from_env
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai.chat_models.base import BaseChatOpenAI
from pydantic import BaseModel, Field, ModelWrapValidatorHandler, SecretStr, field_validator, model_validator
from typing_extensions import Self

from mimo_quirks import (
    CHAT,
    OUR_PROVIDER,
    PLAIN_DIALECT,
    Conversation,
    Message,
    Quirks,
    Remedy,
    RequestPlan,
    is_named_foreign,
    position_of,
    read_reasoning,
    rejected_choices,
    string_content,
    without_forced_tools,
)

from . import _internals
from .base import BaseChatMiMo
from .calls import Call
from .chat_parameters import Thinking, reject_unsupported, switch_thinking
from .clients import with_client, without_repeats
from .messages import REASONING, SIDECAR, SPELLED, carried, merged
from .serialising import KEY
from .structured import reading

_internals.check_hooks("langchain-openai", BaseChatOpenAI, _internals.OPENAI_HOOKS)

_OTHERWISE: Final = SPELLED - {REASONING}


class ChatMiMo(BaseChatMiMo, BaseChatOpenAI):
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
        scope: Whose memory it is; nothing is looked up across scopes. For one call `scope=` says so, else
            `{"configurable": {"mimo_scope": ...}}` in the config that any method is given, or in that of the chain
            or graph around it, else `mimo_scope` in their metadata; where none does, this field.

    Every other field of `ChatOpenAI` means what it means there, or is rejected; see `chat_parameters.UNSUPPORTED`.

    Raises:
        ValueError: No key, a URL that is none, a bad `MIMO_QUIRKS_*` setting, a field that is OpenAI's alone, more
            choices than the host gives, or a store that other processes see without a scope.
    """

    _sdk_error = openai.APIError
    _wire = CHAT.name
    _model_field, _key_field, _url_field = "model_name", "openai_api_key", "openai_api_base"
    _proxy_field = "openai_proxy"

    model_name: str = Field(alias="model")
    openai_api_key: SecretStr | Callable[[], str] | Callable[[], Awaitable[str]] | None = Field(
        alias="api_key", default_factory=secret_from_env(KEY, default=None)
    )
    openai_api_base: str | None = Field(
        alias="base_url", default_factory=from_env("MIMO_BASE_URL", default="https://api.xiaomimimo.com/v1")
    )
    openai_proxy: str | None = None  # not OPENAI_PROXY, which is for OpenAI
    max_tokens: int | None = Field(default=None, alias="max_completion_tokens")
    stream_usage: bool | None = True
    thinking: Thinking | None = None

    @property
    def _llm_type(self) -> str:
        return "mimo-chat"

    @property
    def _default_params(self) -> dict[str, Any]:
        """Without `store`, which is OpenAI's parameter there and ours here."""
        return {name: value for name, value in super()._default_params.items() if name != "store"}

    @field_validator("thinking")
    @classmethod
    def _is_switch(cls, thinking: Thinking | None) -> Thinking | None:
        position_of(thinking)
        return thinking

    @model_validator(mode="after")
    def _has_choices(self) -> Self:
        quirks = self._deployment()
        if quirks is not None and (reason := rejected_choices(self.n, quirks)):
            raise ValueError(reason)
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _with_clients_of_ours(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Takes off the clients that were built here OpenAI's headers, from the environment, and blind retries."""
        if not isinstance(values, dict):
            return build(values)
        reject_unsupported(values)
        self = build(with_client(values))
        self.openai_organization = None
        for name in ("root_client", "root_async_client"):
            client = getattr(self, name)
            if client is not None and name not in values:
                client.organization = client.project = None
                _internals.set_headers(client, self.default_headers or {})
                without_repeats(client)
        return self

    def _use_responses_api(self, payload: dict[str, Any]) -> bool:  # noqa: ARG002 - the parent's signature
        """Never: `reasoning=`, a web_search tool or a model name would route the request to another wire."""
        return False

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
        if method == "function_calling" and not self._forces_tools():
            kwargs["tool_choice"] = None
        chain = super().with_structured_output(schema, method=method, include_raw=False, **kwargs)
        if not isinstance(chain, RunnableSequence):
            return chain
        model, parser = chain.first, chain.last
        bound = getattr(model, "kwargs", {})
        is_tool = schema is not None and "tools" in bound and "response_format" not in bound
        tool = convert_to_openai_tool(schema)["function"]["name"] if schema is not None and is_tool else None
        return reading(model, parser, tool, include_raw=include_raw)

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        return self._payload(input_, stop, kwargs)

    def _begun(
        self, messages: list[BaseMessage], call: Call, stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[dict[str, Any], Quirks | None]:
        asked = kwargs.pop("thinking", self.thinking)
        kwargs["extra_body"] = merged(self.extra_body or {}, kwargs.get("extra_body") or {})
        prompt = ChatPromptValue(messages=messages)  # a list would be converted once more
        payload = super()._get_request_payload(prompt, stop=stop, **kwargs)
        if "max_tokens" in payload:
            payload.setdefault("max_completion_tokens", payload.pop("max_tokens"))
        quirks = self._quirks(payload["model"])
        if quirks is not None:
            if reason := rejected_choices(payload.get("n"), quirks):
                raise ValueError(reason)
            payload = dict(without_forced_tools(payload, quirks))
        switch_thinking(payload, asked, quirks.dialect if quirks else PLAIN_DIALECT)
        wires = payload["messages"] = [*map(string_content, payload["messages"])]
        if quirks is None:  # to another family's messages nothing is attached
            return payload, None
        payload["messages"], known = _attach(messages, wires, quirks.family)
        conversation = Conversation.of(payload, CHAT, payload["model"])
        if any(one is not other for one, other in zip(known, payload["messages"], strict=True)):
            conversation = conversation.knowing(known, SIDECAR)
        self._begin(call, conversation, payload, quirks)
        return payload, quirks

    def _put(self, plan: RequestPlan, payload: dict[str, Any], quirks: Quirks) -> None:
        if plan.attempt.remedy is Remedy.THINKING_OFF:
            switch_thinking(payload, False, quirks.dialect)  # noqa: FBT003 - the switch itself
        payload["messages"] = plan.body

    def _create_chat_result(
        self, response: dict[str, Any] | openai.BaseModel, generation_info: dict[str, Any] | None = None
    ) -> ChatResult:
        result = super()._create_chat_result(response, generation_info)
        for generation, choice in zip(result.generations, _choices_of(response), strict=True):
            _keep_reasoning(generation.message, choice["message"] if isinstance(choice, dict) else choice.message)
        result.llm_output = {**(result.llm_output or {}), "model_provider": OUR_PROVIDER}
        return result

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        if generation is not None and (choices := chunk.get("choices") or _choices_of(chunk)):
            _keep_reasoning(generation.message, choices[0].get("delta"))
        return generation

    def _get_generation_chunk_from_completion(self, completion: openai.BaseModel) -> ChatGenerationChunk:
        """The last chunk of a stream with a response_format repeats the message, whose reasoning has streamed."""
        generation = super()._get_generation_chunk_from_completion(completion)
        generation.message.additional_kwargs.pop(REASONING, None)
        return generation


def _attach(
    messages: Sequence[BaseMessage], wires: Sequence[Message], family: str
) -> tuple[list[Message], list[Message]]:
    """The messages of a body with the reasoning that they can be sent with, and with all that is known of it.

    Args:
        messages: The history.
        wires: What langchain-openai made of each of its messages.
        family: The family of the model that is asked; where a message came from matters only if from another one.
    """
    sent, known = list(wires), list(wires)
    for place, (message, wire) in enumerate(zip(messages, wires, strict=True)):
        if wire.get("role") != "assistant":
            continue
        reasoning = carried(message)
        if REASONING in reasoning:
            sent[place] = known[place] = {**wire, **reasoning}
        elif reasoning:
            known[place] = {**wire, **reasoning}
        if is_named_foreign(message.response_metadata, family):
            known[place] = {**known[place], "response_metadata": message.response_metadata}
    return sent, known


def _choices_of(response: dict[str, Any] | BaseModel) -> Sequence[Any]:
    """The choices of a completion or of a chunk, wherever its form keeps them."""
    if not isinstance(response, dict):
        return getattr(response, "choices", None) or ()
    return response.get("choices") or (response.get("chunk") or {}).get("choices") or ()  # a stream with a format


def _keep_reasoning(message: BaseMessage, said: dict[str, Any] | BaseModel | None) -> None:
    """Puts the reasoning of what the API said, a message or a delta, where LangChain's readers look for it.

    An empty text is left out: it would make an empty block, and in a stream one block per token.
    """
    message.response_metadata["model_provider"] = OUR_PROVIDER
    if not isinstance(said, dict):
        said = said.model_dump(include=SPELLED, warnings=False) if isinstance(said, BaseModel) else {}
    reasoning = said.get(REASONING) if _OTHERWISE.isdisjoint(said) else read_reasoning(said)
    if reasoning and isinstance(reasoning, str):
        message.additional_kwargs[REASONING] = reasoning
