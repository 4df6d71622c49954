"""What LiteLLM would damage on a request's way to MiMo, besides its history.

It takes tools away from a model that is not in its cost map, knows no `thinking` for most providers, and makes efforts
of Anthropic's switch that MiMo's chat wire rejects or ignores. Each is repaired only where the setting `fix` names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mimo_quirks import (
    MESSAGES,
    PRICES,
    RESPONSES,
    Dialect,
    Price,
    Wire,
    abilities_of,
    asked_to_think,
    switch_of,
    thinking_parameters,
)

from . import _internals
from .call import Call, url_of

_TOOLS: Final = ("tools", "tool_choice", "parallel_tool_calls")
_ENDPOINTS: Final = ("/chat/completions", "/messages", "/responses")
_SPELLINGS: Final = ("thinking", "reasoning_effort", "reasoning", "reasoning_summary", "enable_thinking")


def register_models() -> None:
    """Tells LiteLLM of the models that its cost map lacks; entries that exist are not touched.

    A synchronous call has no hook before LiteLLM takes its tools away.
    """
    _internals.register_models({f"xiaomi_mimo/{price.id}": _entry(price) for price in PRICES})


def _entry(price: Price) -> dict[str, Any]:
    """A model as LiteLLM's cost map writes it."""
    abilities = abilities_of(price.id)
    known = (
        {}
        if abilities is None
        else {
            "max_input_tokens": abilities.context,
            "max_output_tokens": abilities.output,
            "max_tokens": abilities.output,
            "supports_vision": abilities.sees,
        }
    )
    return {
        "litellm_provider": "xiaomi_mimo",
        "mode": "chat",
        "input_cost_per_token": price.usd_input / 1e6,
        "cache_read_input_token_cost": price.usd_cached and price.usd_cached / 1e6,
        "cache_creation_input_token_cost": 0.0,
        "output_cost_per_token": price.usd_output / 1e6,
        "supports_function_calling": True,
        "supports_tool_choice": True,
        "supports_reasoning": True,
        "supports_prompt_caching": True,
        "source": price.source,
        **known,
    }


def with_tools(call: Call) -> dict[str, Any]:
    """The arguments that a chat call needs besides for its tools to arrive; none where LiteLLM lets them through."""
    given = [name for name in _TOOLS if call.arguments.get(name) is not None]
    if not given:
        return {}
    supported = _internals.supported_parameters(call.deployment.model, call.deployment.provider)
    rejected = [name for name in given if supported is not None and name not in supported]
    allowed = call.arguments.get("allowed_openai_params") or []
    return {"allowed_openai_params": [*allowed, *rejected]} if rejected else {}


def with_switch(call: Call, dialect: Dialect, *, off: bool = False) -> dict[str, Any]:
    """The call's arguments with the switch where LiteLLM lets it through to the host, and nowhere else.

    What the client asks for is kept with the details: for the calls that LiteLLM makes of this one, and for a finished
    body of the messages wire, because LiteLLM's own transformation to it rejects a switch for models it does not know.
    """
    on = False if off else _asked(call)
    if on is None:
        return dict(call.arguments)
    call.state.asked = on
    rest = {name: value for name, value in call.arguments.items() if name not in _SPELLINGS}
    if call.upstream is None:
        return _without_effort(rest)
    if call.upstream is MESSAGES:
        return {**_without_effort(rest), **(thinking_parameters(on, dialect) if call.passes else {})}
    extra = rest.get("extra_body") or {}
    if call.upstream is RESPONSES:  # LiteLLM rejects an effort for a model that its cost map does not say to reason
        return {**rest, "extra_body": {**extra, "reasoning": _reasoning(call.arguments.get("reasoning"), on, dialect)}}
    if switch_of(extra, dialect) is not None:  # the client knows the host
        return rest
    kept = {name: value for name, value in extra.items() if name not in _SPELLINGS}
    return {**rest, "extra_body": {**kept, **thinking_parameters(on, dialect)}}


def _asked(call: Call) -> bool | None:
    """Whether the client asks to think: by this call's arguments, or by those of the call that LiteLLM made it of."""
    extra = call.arguments.get("extra_body")
    position = asked_to_think({**call.arguments, **extra} if isinstance(extra, Mapping) else call.arguments)
    return call.state.asked if position is None else position


def fix_body(body: dict[str, Any], wire: Wire, dialect: Dialect, *, asked: bool | None) -> None:
    """Sets the switch in a finished body of the messages wire, where LiteLLM adds a budget of its own."""
    on = asked_to_think(body) if asked is None else asked
    if wire is MESSAGES and on is not None:
        body.update(thinking_parameters(on, dialect))


def switch_off(body: dict[str, Any], details: Mapping[str, Any], dialect: Dialect) -> None:
    """Switches thinking off in a finished body; what the openai SDK sends besides its own arguments has a place.

    LiteLLM names the whole URL where it posts the body itself; its own word for the SDK is missing on streams.
    """
    through_sdk = not url_of(details).partition("?")[0].rstrip("/").endswith(_ENDPOINTS)
    place = body.setdefault("extra_body", {}) if through_sdk else body
    place.update(thinking_parameters(False, dialect))  # noqa: FBT003 - the switch itself


def _without_effort(arguments: dict[str, Any]) -> dict[str, Any]:
    """Anthropic's `output_config.effort` means thinking; what else it holds stays."""
    config = arguments.get("output_config")
    if not isinstance(config, Mapping) or "effort" not in config:
        return arguments
    rest = {name: value for name, value in config.items() if name != "effort"}
    kept = {name: value for name, value in arguments.items() if name != "output_config"}
    return {**kept, "output_config": rest} if rest else kept


def _reasoning(given: Any, on: bool, dialect: Dialect) -> dict[str, Any]:  # noqa: FBT001 - the switch itself
    """The responses wire's object; an effort that Xiaomi documents stays (EVIDENCE §6.1)."""
    if on and isinstance(given, Mapping) and given.get("effort") in ("low", "medium", "high"):
        return dict(given)
    switch: dict[str, Any] = thinking_parameters(on, dialect)["reasoning"]
    return switch
