"""The private names of LangChain and of the SDKs that this package reaches for, each of them optional.

A release that has renamed one costs what the name served, and one warning says what that is. It never costs the import
and never a request. Hooks of the parents that are overridden stand in the subclasses; here is what their absence costs.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, ContentBlock

SocketOptions = tuple[tuple[int, int, int], ...]
OfMessage = Callable[[AIMessage], list[ContentBlock]]
OfChunk = Callable[[AIMessageChunk], list[ContentBlock]]

_LOGGER: Final = logging.getLogger("mimo_quirks")


@functools.cache
def warn_missing(package: str, name: str, lost: str) -> None:
    """Warns, once in a process, that a name is not where it was.

    Args:
        package: The distribution that had it.
        name: The private name.
        lost: What is done without it, or otherwise.
    """
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown version"
    _LOGGER.warning(
        "%s %s lacks the internal name %s: %s. Use the tested version, or report this.", package, version, name, lost
    )


try:
    from langchain_openai.chat_models._client_utils import _resolve_socket_options
except ImportError:
    _resolve_socket_options = None  # type: ignore[assignment]

try:
    from langchain_core.messages.block_translators import register_translator
except ImportError:
    register_translator = None  # type: ignore[assignment]

try:
    from langchain_core.messages.block_translators.anthropic import translate_content, translate_content_chunk
except ImportError:
    translate_content = translate_content_chunk = None  # type: ignore[assignment]


def socket_options(given: Sequence[tuple[int, int, int]] | None) -> SocketOptions:
    """What langchain-openai sets on a connection where this is given; its own default where nothing is."""
    if _resolve_socket_options is not None:
        return _resolve_socket_options(given)
    lost = "connections of asynchronous requests are made without its defaults for keep-alive"
    warn_missing("langchain-openai", "_resolve_socket_options", lost)
    return tuple(given or ())


def register_blocks(provider: str, of_message: OfMessage, of_chunk: OfChunk) -> None:
    """Tells langchain-core how messages that name a provider are read as standard content blocks."""
    if register_translator is None:
        lost = "content_blocks of streamed answers may mix reasoning with tool calls"
        warn_missing("langchain-core", "register_translator", lost)
    else:
        register_translator(provider, of_message, of_chunk)


def anthropic_blocks() -> tuple[OfMessage, OfChunk] | None:
    """How langchain-core reads messages of Anthropic's wire."""
    if translate_content is not None and translate_content_chunk is not None:
        return translate_content, translate_content_chunk
    lost = "content_blocks of ChatMiMoMessages hold blocks in Anthropic's form"
    warn_missing("langchain-core", "block_translators.anthropic.translate_content", lost)
    return None


def providers() -> dict[str, Any] | None:
    """LangChain's table of providers, in which `init_chat_model` looks. The application needs `langchain`."""
    try:
        from langchain.chat_models.base import _BUILTIN_PROVIDERS  # noqa: PLC0415 - only who registers has langchain
    except ImportError:
        lost = "init_chat_model does not know xiaomi_mimo; construct ChatMiMo by its class"
        warn_missing("langchain", "_BUILTIN_PROVIDERS", lost)
        return None
    return _BUILTIN_PROVIDERS


def set_headers(client: Any, headers: Mapping[str, str]) -> None:
    """Has an SDK's client send these headers alone, and none that the SDK read from its vendor's environment."""
    if hasattr(client, "_custom_headers"):
        client._custom_headers = dict(headers)  # noqa: SLF001 - the SDKs offer no other way
    else:
        lost = "headers of OPENAI_CUSTOM_HEADERS or ANTHROPIC_CUSTOM_HEADERS go to MiMo's host too"
        warn_missing(_sdk_of(client), "_custom_headers", lost)


def veto_retries(client: Any, is_final: Callable[[Any], bool]) -> None:
    """Has an SDK's client make no request again whose response is final."""
    should_retry = getattr(client, "_should_retry", None)
    if should_retry is None:
        lost = "a rejected request is repeated unchanged where a relay answers it with a status of 500 or more"
        warn_missing(_sdk_of(client), "_should_retry", lost)
    else:
        client._should_retry = lambda response: should_retry(response) and not is_final(response)  # noqa: SLF001 - as above


def made_anew(owner: type, name: str, instance: Any) -> Any:
    """What a class's `cached_property` makes for an instance, without holding it there."""
    return inspect.getattr_static(owner, name).func(instance)


def httpx_of(sdk: Any) -> ModuleType | None:
    """The library under a vendor's SDK: a newer SDK comes with another httpx, and takes objects of that one alone.

    Args:
        sdk: The package, such as `openai`.
    """
    parents = getattr(sdk, "DefaultAsyncHttpxClient", object).__mro__
    root = next((root for root in (parent.__module__.partition(".")[0] for parent in parents) if "httpx" in root), None)
    if root is not None:
        return importlib.import_module(root)
    lost = "asynchronous connections are shared by event loops, and one that has ended breaks the requests of the next"
    warn_missing(sdk.__name__, "DefaultAsyncHttpxClient", lost)
    return None


def add_version(model: Any, package: str, version: str) -> None:
    """Notes a package in the metadata that LangChain traces."""
    if hasattr(model, "_add_version"):
        model._add_version(package, version)  # noqa: SLF001 - what LangChain's own packages call
    else:
        warn_missing("langchain-core", "_add_version", "traces do not tell the version of mimo-quirks")


def invocation_params(model: Any, stop: list[str] | None, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a model sends with each request besides the messages."""
    if hasattr(model, "_get_invocation_params"):
        return dict(model._get_invocation_params(stop=stop, **options))  # noqa: SLF001 - no public name tells it
    lost = "a copy of a model with changed fields shares the cache of the original"
    warn_missing("langchain-core", "_get_invocation_params", lost)
    return None


def client_headers(model: Any) -> Mapping[str, str]:
    """The headers that langchain-anthropic sends."""
    if hasattr(model, "_client_params"):
        return dict(model._client_params["default_headers"])  # noqa: SLF001 - no public name tells them
    warn_missing("langchain-anthropic", "_client_params", "requests do not tell the version of langchain-anthropic")
    return model.default_headers or {}


CORE_HOOKS: Final = {
    "_convert_cached_generations": "answers of a cache say what was done to the request that they first answered",
    "_get_llm_string": "caches of answers may mix models of different hosts",
    "_get_ls_params": "traces and SummarizationMiddleware take the model for its parent's vendor",
    "_resolve_model_profile": "the profile of the model is not known",
}
OPENAI_HOOKS: Final = {
    "_get_request_payload": "reasoning is not sent back",
    "_create_chat_result": "the reasoning of answers is not kept",
    "_convert_chunk_to_generation_chunk": "the reasoning of streamed answers is not kept",
    "_get_generation_chunk_from_completion": "a stream with a response_format repeats its reasoning at the end",
    "_use_responses_api": "some parameters route a request to OpenAI's Responses API",
}
ANTHROPIC_HOOKS: Final = {
    "_get_request_payload": "reasoning is not sent back",
    "_format_output": "answers are not marked as MiMo's",
    "_make_message_chunk_from_anthropic_event": "streamed answers are not marked as MiMo's, nor recorded",
    "_client": "requests carry the key as x-api-key, and headers of Anthropic's environment",
    "_async_client": "asynchronous requests carry the key as x-api-key, and share connections between event loops",
}
"""Hooks that a parent calls, by name, and what is lost where it has another by now."""


def check_hooks(package: str, parent: type, hooks: Mapping[str, str]) -> None:
    """Warns of hooks that are overridden here and that the parent does not have."""
    for name, lost in hooks.items():
        if not hasattr(parent, name):
            warn_missing(package, name, lost)


def _sdk_of(client: object) -> str:
    return type(client).__module__.partition(".")[0]
