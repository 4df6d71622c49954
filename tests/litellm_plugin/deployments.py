"""The deployments under test, and the spelling each one's host speaks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from mimo_quirks.simulator import Mode, Simulator

PROVIDERS: Final = {
    "xiaomi_mimo": ("xiaomi_mimo/mimo-v2.6-pro", "reasoning_content"),
    "openai": ("openai/mimo-v2.6-pro", "reasoning_content"),
    "hosted_vllm": ("hosted_vllm/mimo-v2.6-pro", "reasoning"),
    "openrouter": ("openrouter/xiaomi/mimo-v2.6-pro", "openrouter"),
}
"""LiteLLM's provider → the model that goes with it, and the simulator's spelling."""

_BRIDGED: Final = {"use_chat_completions_api": True}

ROUTED: Final = {
    "xiaomi_mimo": ("xiaomi_mimo/mimo-v2.6-pro", "reasoning_content", {}),
    "unmapped": ("xiaomi_mimo/mimo-v2.5-pro", "reasoning_content", {}),
    "openai": ("openai/mimo-v2.6-pro", "reasoning_content", {}),
    "openai-bridged": ("openai/mimo-v2.6-pro", "reasoning_content", _BRIDGED),
    "hosted_vllm": ("hosted_vllm/mimo-v2.6-pro", "reasoning", {}),
    "hosted_vllm-bridged": ("hosted_vllm/mimo-v2.6-pro", "reasoning", _BRIDGED),
    "openrouter": ("openrouter/xiaomi/mimo-v2.6-pro", "openrouter", {}),
    "openrouter-bridged": ("openrouter/xiaomi/mimo-v2.6-pro", "openrouter", _BRIDGED),
    "deepseek": ("deepseek/mimo-v2.6-pro", "reasoning_content", {}),
    "anthropic": ("anthropic/mimo-v2.6-pro", "reasoning_content", {}),
}
"""Deployment → its model, the simulator's spelling, and the line of configuration that a chat-only upstream needs."""

OTHERS: Final = {
    "gpt": "openai/gpt-4o-mini",
    "mimosa": "openai/mimosa-1",
    "notmimo": "hosted_vllm/notmimo-model",
    "speech": "openai/mimo-v2.5-tts",
    "sized": "hosted_vllm/XiaomiMiMo/MiMo-7B-RL",
    "deepseek": "deepseek/deepseek-chat",
}
"""Models that are none of ours, some by a letter."""

NEIGHBOURS: Final = {
    "gpt": OTHERS["gpt"],
    "claude": "anthropic/claude-sonnet-4-5",
    "deepseek": OTHERS["deepseek"],
    "vllm": "hosted_vllm/x",
}
"""Another family for each way that LiteLLM goes."""

RELAYS: Final = {"relay": "", "xiaomi": "/anthropic"}
"""An unknown host of the messages wire, and one with Xiaomi's path."""

MIMO: Final = "anthropic/mimo-v2.6-pro"

NAMED: Final = {
    "alias": "https://token-plan-sgp.xiaomimimo.com/v1",
    "lookalike": "https://api.xiaomimimo.com.evil.example/v1",
}
"""URLs as users write them, for a model id that tells nothing."""

RESOLVER: Final = """
import os, socket
from aiohttp.resolver import ThreadedResolver
ask = ThreadedResolver.resolve
async def resolve(self, host, port=0, family=socket.AF_INET):
    if host.endswith(("xiaomimimo.com", ".example")):
        host, port = "127.0.0.1", int(os.environ["TLS_PORT"])
    return await ask(self, host, port, family)
ThreadedResolver.resolve = resolve
"""
"""What a proxy's interpreter runs first: names that are not this machine's lead to the simulator all the same."""


def finding(folder: Path) -> dict[str, str]:
    """What lets a proxy's interpreter find the modules in a folder, beside those that this one finds."""
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def mode_for(provider: str, **fields: Any) -> Mode:
    """A host that speaks as this provider's does."""
    return Mode(spelling=PROVIDERS[provider][1], **fields)  # type: ignore[arg-type]


def deployment(name: str, upstream: Simulator) -> dict[str, Any]:
    """An entry of the proxy's `model_list`."""
    model, _, more = ROUTED[name]
    base = upstream.anthropic_url if model.startswith("anthropic/") else upstream.base_url
    return {"model_name": name, "litellm_params": {"model": model, "api_base": base, "api_key": "k", **more}}


def config(upstream: Simulator, stranger: Simulator, *, callback: bool) -> dict[str, Any]:
    """The proxy's configuration; JSON is YAML."""
    key, others = {"api_key": "os.environ/UPSTREAM_KEY"}, {**NEIGHBOURS, **OTHERS}
    deployments = {
        **{name: {"model": model, "api_base": upstream.base_url, **key} for name, (model, _) in PROVIDERS.items()},
        **{name: {"model": model, "api_base": stranger.base_url, **key} for name, model in others.items()},
        "claude": {"model": NEIGHBOURS["claude"], "api_base": stranger.anthropic_url, **key},
        **{name: {"model": MIMO, "api_base": upstream.origin + path, **key} for name, path in RELAYS.items()},
        **{name: {"model": "openai/acme-brain", "api_base": url, **key} for name, url in NAMED.items()},
        "broken": {"model": "xiaomi_mimo/mimo-v2.6-pro", "api_base": "http://127.0.0.1:9/v1", **key},
        "broken-chat": {"model": "xiaomi_mimo/mimo-v2.6-pro", "api_base": "http://127.0.0.1:9/v1", **key},
        "broken-native": {"model": MIMO, "api_base": "http://127.0.0.1:9", **key},
    }
    fallbacks = {"broken": "gpt", "broken-chat": "vllm", "broken-native": "claude"}
    return {
        "model_list": [{"model_name": name, "litellm_params": params} for name, params in deployments.items()],
        "litellm_settings": {"callbacks": ["litellm_mimo.mimo_callback"] if callback else []},
        "router_settings": {
            "fallbacks": [{name: [other]} for name, other in fallbacks.items()],
            "num_retries": 0,
            "disable_cooldowns": True,
        },
    }
