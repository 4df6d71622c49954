"""Every name of LiteLLM that its documentation does not promise, each with what it serves here.

A LiteLLM that lacks one costs what the name served, and neither the import nor a request: one warning says what is
lost. No other module of this package imports such a name.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
from collections.abc import Container, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import litellm
from litellm.integrations.custom_logger import CustomLogger

from mimo_quirks import log_frames

_LOGGER: Final = logging.getLogger("mimo_quirks")

_PROXY: Final = "litellm.proxy.proxy_server"
_MESSAGES: Final = (
    "litellm.llms.anthropic.messages",
    "litellm.llms.anthropic.pass_through",
    "litellm.llms.anthropic.experimental_pass_through",
)
"""One folder of LiteLLM's, and what it was called before."""

_IDENTITIES: Final = "reasoning of the proxy's clients is not stored: their identity cannot be read"
_REDIS: Final = "with MIMO_QUIRKS_STORE=litellm nothing is remembered, unless LiteLLM's Router has Redis"
_ROUTES: Final = (
    "requests to {} go out without the reasoning that the client dropped, where LiteLLM does not bridge them"
)
_STREAMS: Final = "streamed answers {} are not remembered, nor is a rejection within one"

LOST: Final[Mapping[str, str]] = {
    "CustomStreamWrapper": _STREAMS.format("of the chat wire"),
    "LiteLLMCompletionStreamingIterator": "streams of /v1/responses that LiteLLM bridges lack reasoning between tool "
    "calls, and no reasoning in them is sealed",
    "ResponsesAPIStreamingIterator": _STREAMS.format("of the responses wire"),
    "SyncResponsesAPIStreamingIterator": _STREAMS.format("of the responses wire, in synchronous calls,"),
    "MockResponsesAPIStreamingIterator": _STREAMS.format("that LiteLLM makes up on the responses wire"),
    "BaseAnthropicMessagesStreamingIterator": _STREAMS.format("of the messages wire"),
    "AnthropicAdapter": "no reasoning is sealed in streams of /v1/messages that LiteLLM bridges",
    "GenericResponseOutputItem": "answers on /v1/messages that LiteLLM bridges twice may come without their text",
    "provider_stores_the_conversation": "whether LiteLLM bridges a request to /v1/responses is judged by its provider "
    "alone; where model_info says otherwise, reasoning that the client dropped may be lost",
    "ProviderConfigManager": _ROUTES.format("/v1/messages"),
    "LlmProviders": _ROUTES.format("/v1/messages"),
    "get_llm_provider": "a deployment is recognised only by its written model and api_base",
    "get_supported_openai_params": "LiteLLM rejects or drops tools for models that its cost map lacks",
    "model_cost": "LiteLLM rejects or drops tools for models that its cost map lacks, in synchronous calls",
    "register_model": "LiteLLM rejects or drops tools for models that its cost map lacks, in synchronous calls",
    "async_post_call_response_headers_hook": "answers of the proxy have no header x-mimo-reasoning",
    "verbose_logger": "lines of mimo-quirks are not written by LiteLLM's handlers",
    "cache": "answers in LiteLLM's cache may hold sealed reasoning, which only one client can open",
    "BadRequestError": "an error about rejected reasoning has no type that LiteLLM knows",
    "proxy_server": _IDENTITIES,
    "llm_router": _IDENTITIES,
    "general_settings": _IDENTITIES,
    "master_key": _IDENTITIES,
    "user_custom_auth": _IDENTITIES,
    "prisma_client": "no warning says that all clients of the proxy share one scope",
    "redis_usage_cache": _REDIS,
}
"""Name → what is lost without it."""

_MISSING: Final = object()


def release_of(package: str) -> str:
    """The version of an installed package, in words."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"


@functools.cache
def warn(name: str) -> None:
    """Says what is lost without a name of LiteLLM's."""
    release = release_of("litellm")
    _LOGGER.warning(
        "LiteLLM %s lacks the internal name %s: %s. Use the tested version, or report this.", release, name, LOST[name]
    )


def _find(name: str, *modules: str) -> Any:
    """What has this name in the first of the modules where something has; None where nothing has.

    What needs an extra that is not installed is no loss: without it there are no such calls either.
    """
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except Exception as error:  # noqa: BLE001 - whatever a LiteLLM of tomorrow does at its import
            log_frames(f"LiteLLM's {name} is not in {module}", error)
            if isinstance(error, ImportError) and not str(error.name).startswith("litellm"):
                return None
    warn(name)
    return None


def stream_classes() -> Mapping[str, Any]:
    """LiteLLM's streams of the chat and the responses wire, by their names; those that there are."""
    responses = "litellm.responses"
    modules = {
        "CustomStreamWrapper": "litellm.litellm_core_utils.streaming_handler",
        "LiteLLMCompletionStreamingIterator": f"{responses}.litellm_completion_transformation.streaming_iterator",
        "ResponsesAPIStreamingIterator": f"{responses}.streaming_iterator",
        "SyncResponsesAPIStreamingIterator": f"{responses}.streaming_iterator",
        "MockResponsesAPIStreamingIterator": f"{responses}.streaming_iterator",
    }
    found = {name: _find(name, module) for name, module in modules.items()}
    return {name: stream for name, stream in found.items() if stream is not None}


def stream_makers() -> list[tuple[Any, str]]:
    """The functions that make LiteLLM's streams of the messages wire, each as its class and its name there."""
    native = [f"{_MESSAGES[0]}.native.streaming_iterator"]
    native += [f"{folder}.messages.streaming_iterator" for folder in _MESSAGES[1:]]
    adapters = [f"{folder}.adapters.transformation" for folder in _MESSAGES]
    makers = [
        ("BaseAnthropicMessagesStreamingIterator", native, "get_async_streaming_response_iterator"),
        ("AnthropicAdapter", adapters, "translate_completion_output_params_streaming"),
    ]
    known = []
    for name, modules, method in makers:
        owner = _find(name, *modules)
        if hasattr(owner, method):
            known.append((owner, method))
        elif owner is not None:
            warn(name)
    return known


_supported: Final = _find("get_supported_openai_params", "litellm", "litellm.utils")
_resolve: Final = _find("get_llm_provider", "litellm", "litellm.litellm_core_utils.get_llm_provider_logic")
_register: Final = _find("register_model", "litellm", "litellm.utils")
_stores_the_conversation: Final = _find("provider_stores_the_conversation", "litellm.responses.main")
_configs: Final = _find("ProviderConfigManager", "litellm.utils")
_providers: Final = _find("LlmProviders", "litellm.types.utils")
_PROVIDERS: Final = frozenset(provider.value for provider in _providers or ())
_BRIDGED_ITEM: Final = _find("GenericResponseOutputItem", "litellm.types.responses.main")
if not hasattr(CustomLogger, "async_post_call_response_headers_hook"):
    warn("async_post_call_response_headers_hook")
LOGGER: Final = _find("verbose_logger", "litellm._logging")
"""The logger whose handlers LiteLLM sets up, as text or as JSON."""
_find("cache", "litellm")  # both are read again where they are used
_find("model_cost", "litellm")

if TYPE_CHECKING:
    from litellm.exceptions import BadRequestError as BadRequestError  # noqa: PLC0414 - exported
else:
    BadRequestError = _find("BadRequestError", "litellm.exceptions", "litellm")
    if BadRequestError is None:

        class BadRequestError(Exception):
            """In place of LiteLLM's."""

            status_code = 400

            def __init__(self, message: str, model: str, llm_provider: str) -> None:
                super().__init__(message)
                self.message, self.model, self.llm_provider = message, model, llm_provider


def cache() -> Any:
    """LiteLLM's cache; None where there is none."""
    return getattr(litellm, "cache", None)


def come_back(callback: Any) -> bool:
    """Puts a callback back into `litellm.callbacks`, of which LiteLLM still calls it as an input callback.

    The list is another one then: whoever made the present one may call what is in it.

    Returns:
        Whether it was missing.
    """
    callbacks = getattr(litellm, "callbacks", [])
    has_one = any(type(one) is type(callback) for one in callbacks)  # it, or what the application has in its place
    if has_one or callback not in getattr(litellm, "input_callback", []):
        return False
    litellm.callbacks = [*callbacks, callback]
    return True


def register_models(models: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds those models to LiteLLM's cost map that it lacks."""
    known = getattr(litellm, "model_cost", None)
    if _register is not None and known is not None:
        _register({name: dict(model) for name, model in models.items() if name not in known})


def supported_parameters(model: str, provider: str | None) -> Container[str] | None:
    """The parameters that LiteLLM lets through to a model; None where it does not say."""
    return None if _supported is None else _supported(model=model, custom_llm_provider=provider) or ()


def resolved(model: str, base_url: str | None, provider: str | None) -> tuple[str, str | None, str | None]:
    """A deployment's model, URL and provider as LiteLLM resolves them; as they are written where it does not."""
    if _resolve is None:
        prefix, slash, rest = model.partition("/")
        return (rest, base_url, prefix) if slash and provider in (None, prefix) else (model, base_url, provider)
    try:
        # without a URL LiteLLM looks into the environment, which may change
        return (_ask if base_url is None else _ask_once)(model, base_url, provider)
    except Exception as error:  # noqa: BLE001 - LiteLLM will say so itself, in its own words
        log_frames("LiteLLM does not know a deployment's provider", error)
    return model, base_url, provider


def _ask(model: str, base_url: str | None, provider: str | None) -> tuple[str, str | None, str | None]:
    model, provider, _, base_url = _resolve(model, custom_llm_provider=provider, api_base=base_url)
    return model, base_url, provider


_ask_once: Final = functools.lru_cache(maxsize=1024)(_ask)


def speaks_messages(model: str, provider: str | None) -> bool | None:
    """Whether a provider is spoken to on the messages wire when it is asked on it; None where LiteLLM does not say."""
    if _configs is None or _providers is None:
        return None
    return provider in _PROVIDERS and bool(
        _configs.get_provider_anthropic_messages_config(model=model, provider=_providers(provider))
    )


def speaks_responses(model: str, provider: str | None, arguments: Mapping[str, Any]) -> bool | None:
    """Whether a provider is spoken to on the responses wire when it is asked on it; None where LiteLLM does not say."""
    if _stores_the_conversation is not None:
        return bool(_stores_the_conversation(model, provider, arguments))
    if _configs is None or _providers is None:
        return None
    known = provider in _PROVIDERS and not arguments.get("use_chat_completions_api")
    return known and bool(_configs.get_provider_responses_api_config(model=model, provider=_providers(provider)))


def is_bridged_item(item: Any) -> bool:
    """Whether an item of an answer is one that LiteLLM's bridge from the chat wire made."""
    return _BRIDGED_ITEM is not None and isinstance(item, _BRIDGED_ITEM)


def is_proxy_loaded() -> bool:
    """Whether this process has LiteLLM's proxy; an application may have it and be none."""
    return _PROXY in sys.modules


def proxy_has(name: str) -> bool:
    """Whether LiteLLM's proxy, as it is loaded here, knows such a name."""
    known = hasattr(sys.modules.get(_PROXY), name)
    if is_proxy_loaded() and not known:
        warn(name)
    return known


def of_proxy(name: str) -> Any:
    """What LiteLLM's proxy has under a name; None where there is none, or no proxy."""
    return getattr(sys.modules.get(_PROXY), name, None) if proxy_has(name) else None
