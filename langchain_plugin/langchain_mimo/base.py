"""What the two chat models have in common; each adds how its parent names things, and what its wire looks like."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from pydantic import ConfigDict, ModelWrapValidatorHandler, model_validator
from typing_extensions import Self

from mimo_quirks import OUR_PROVIDER, AttemptSettings, HostPolicy, Quirks, dropped_demand, owner_key

from . import _internals
from .calls import Remembering
from .clients import checked_key, checked_url
from .profiles import profile_of
from .serialising import KEY, VERSION, digest_of_sent, given, shown
from .tokens import Tool, count_tokens, token_ids

_NAMED: Final = ("default_headers", "default_query")
"""Fields of what is sent by name."""

_internals.check_hooks("langchain-core", BaseChatModel, _internals.CORE_HOOKS)


class BaseChatMiMo(Remembering):
    """A MiMo model. A subclass stands before the class of another package that speaks its wire.

    Attributes:
        _wire: The wire's name.
        _model_field: The field that holds the model's id; the next three likewise.
        _own_defaults: Further fields whose default is ours, and not the parent's.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # a key must not be printed with somebody's typing error

    _wire: ClassVar[str]
    _model_field: ClassVar[str]
    _key_field: ClassVar[str]
    _url_field: ClassVar[str]
    _proxy_field: ClassVar[str]
    _own_defaults: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _with_own_defaults(cls, values: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        """Gives a key and a URL in every case: without them a parent looks in the environment of its vendor.

        None is as if nothing were given: `loads` gives it where it is told no secrets, and so do settings of others.
        """
        if not isinstance(values, dict):
            return build(values)
        fields = {name: cls.model_fields[name] for name in (cls._key_field, cls._url_field, *cls._own_defaults)}
        names = {name: (field.alias or name, name) for name, field in fields.items()}
        ours = {name for both in names.values() for name in both}
        values = {name: value for name, value in values.items() if value is not None or name not in ours}
        for name, field in fields.items():
            if not values.keys() & set(names[name]):
                values[name] = field.get_default(call_default_factory=True)
        values |= {name: given(values[name]) for name in _NAMED if name in values}
        for name, check in ((cls._key_field, checked_key), (cls._url_field, checked_url)):
            check(next(values[given] for given in names[name] if given in values))
        return build(values)

    @model_validator(mode="after")
    def _set_mimo_version(self) -> Self:
        _internals.add_version(self, "mimo-quirks", VERSION)
        return self

    def policy(self, *, thinking: bool = True) -> HostPolicy | None:
        """What the API's rejections have taught about the model's host, for its own scope, as far as is heard here.

        Args:
            thinking: Of requests that think, or that do not.

        Returns:
            The evidence; None for a model that is not ours to touch. `remedy()` is what a request begins with.
        """
        quirks = self._deployment()
        if quirks is None:
            return None
        scope = self._settings.scope_of(self.scope, quirks, shared=self._memory.is_shared)
        return self._memory.policy(AttemptSettings(quirks, thinking), owner_key(scope))

    def forget(self, scope: str) -> int:
        """Deletes all that this model's memory and store have of a scope; see `ReasoningMemory.forget`."""
        return self._memory.forget(scope)

    def _deployment(self) -> Quirks | None:
        """The quirks of the model on its host; None where it is not ours to touch."""
        return self._quirks(getattr(self, self._model_field))

    def _quirks(self, model: str) -> Quirks | None:
        return self._settings.quirks_for(model, getattr(self, self._url_field), family="mimo", wire=self._wire)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: `loads` with the class in `allowed_objects` and its package in `valid_namespaces` makes it again.

        The key is not in the text: it is the one of `secrets_map={"MIMO_API_KEY": ...}`, or else of the environment.
        Nor are users and passwords of URLs, the store's URL, and values of `default_headers` and `default_query` but
        those of a few harmless names: the others have null there and are left out of the model that is loaded, unless
        they are filled in before, as in `dumpd(model)["kwargs"]["default_headers"]`.
        """
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """The module of the class, where `loads` finds it."""
        return cls.__module__.split(".")

    @property
    def lc_secrets(self) -> dict[str, str]:
        """What stands for the key where a model is serialised."""
        return {self._key_field: KEY}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What is serialised although it came from the environment, or otherwise than it is: without credentials."""
        urls = {name: getattr(self, name) for name in (self._url_field, self._proxy_field)}
        return shown(urls, **self._sent_by_name())

    def _sent_by_name(self) -> dict[str, Mapping[str, Any] | None]:
        return {name: getattr(self, name, None) for name in _NAMED}

    def to_json(self) -> Any:
        """What `dumps` writes; of what stands for the key langchain-core asks the parent last, which says its own."""
        written = super().to_json()
        if written["type"] == "constructor":
            written["kwargs"][self._key_field] = {"lc": 1, "type": "secret", "id": [KEY]}
        return written

    def __repr_args__(self) -> Any:
        """As it is serialised: without credentials."""
        shown = self.lc_attributes
        return [(name, shown.get(name, value)) for name, value in super().__repr_args__()]

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of LangChain's caches, from what is sent and for whom; credentials are in it as a digest.

        `model_copy` takes along what a model was serialised as.
        """
        sent = digest_of_sent(getattr(self, self._url_field), **self._sent_by_name())
        params = _internals.invocation_params(self, stop, kwargs)
        if params is None:
            return f"{super()._get_llm_string(stop=stop, **kwargs)} {sent}"
        return str(sorted({"scope": self.scope, "sent": sent, **params, **kwargs}.items()))

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """What an answer depends on, without credentials: it is what callbacks that trace are told."""
        own = {"base_url": self.lc_attributes.get(self._url_field), "thinking": getattr(self, "thinking", None)}
        return {**super()._identifying_params, **own}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = OUR_PROVIDER  # SummarizationMiddleware compares it with the messages' model_provider
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(getattr(self, self._model_field))

    def get_token_ids(self, text: str) -> list[int]:
        """One number for each token, as far as that can be told without MiMo's tokenizer; nothing is downloaded.

        `custom_get_token_ids` and `tiktoken_model_name` are obeyed.
        """
        if self.custom_get_token_ids is not None or getattr(self, "tiktoken_model_name", None) is not None:
            return super().get_token_ids(text)
        return token_ids(text)

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Tool] | None = None, **_: Any
    ) -> int:
        """Tokens of a request with these messages, the reasoning that goes back to the API counted in.

        Nothing is fetched and nobody is asked.
        """
        return count_tokens(messages, tools, lambda text: len(self.get_token_ids(text)))

    def bind_tools(
        self, tools: Sequence[Tool], *, tool_choice: Any = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """As the parent's. Xiaomi's hosts cannot be made to call a tool, and a warning says so.

        Args:
            tools: What the model may call: functions, classes, tools or dicts.
            tool_choice: What it must call; on Xiaomi's hosts nothing but "auto" and "none" has an effect.
            **kwargs: See there.
        """
        quirks = self._deployment()
        dropped = None if quirks is None else dropped_demand(tool_choice, quirks)
        if dropped is not None:
            warnings.warn(dropped, stacklevel=2)
        choice = self._tool_choice(tool_choice, is_dropped=dropped is not None)
        return super().bind_tools(tools, tool_choice=choice, **kwargs)  # type: ignore[arg-type] # a parent takes mappings

    def _tool_choice(self, choice: Any, *, is_dropped: bool) -> Any:  # noqa: ARG002 - for wires that need it
        """The tool choice as the parent takes it."""
        return choice

    def _forces_tools(self) -> bool:
        """Whether the host can be made to call a tool."""
        quirks = self._deployment()
        return quirks is None or quirks.forces_tools
