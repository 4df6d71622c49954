"""One table of cases, three drivers: the core, the LiteLLM callback and ChatMiMo must each send the same turn.

A case is one assistant message as an application holds it, and what must reach a host that enforces the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

NASTY: Final = '\n  先想一想 👩‍💻\r\n\t</think> `&lt;` "q" \\ data: [DONE] \n'
"""Reasoning as the API may issue it: edge white space, CR LF, CJK, an emoji of several code points, and traps."""

CALL: Final = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "北京"}'}}
TOOL: Final = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@dataclass(frozen=True)
class Case:
    """A turn as it is held, and the reasoning and content that must arrive; None: no reasoning field at all."""

    id: str
    held: Mapping[str, Any]
    reasoning: str | None
    content: str = ""
    calls: bool = True
    only: frozenset[str] = field(default=frozenset({"core", "litellm", "langchain"}))

    @property
    def message(self) -> dict[str, Any]:
        """The message as an OpenAI-style dict."""
        calls = {"tool_calls": [CALL]} if self.calls else {}
        return {"role": "assistant", "content": "", **calls, **self.held}

    @property
    def history(self) -> list[dict[str, Any]]:
        """The message inside a history that can be sent."""
        results = [{"role": "tool", "tool_call_id": "call_1", "content": "21 °C"}] if self.calls else []
        return [{"role": "user", "content": "天气?"}, self.message, *results, {"role": "user", "content": "And now?"}]


_THINKING = {"type": "thinking", "thinking": NASTY}
_SIGNED = {"type": "thinking", "thinking": "somebody else's thought", "signature": "EsYCC"}
_STANDARD = {"type": "reasoning", "reasoning": "somebody else's thought", "extras": {"signature": "EsYCC"}}
_DICTS = frozenset({"core", "litellm"})

CASES: Final = (
    Case("reasoning_content", {"reasoning_content": NASTY}, NASTY),
    Case("reasoning", {"reasoning": NASTY}, NASTY),
    Case("reasoning_details", {"reasoning_details": [{"type": "reasoning.text", "text": NASTY}]}, NASTY),
    Case(
        "several details in order",
        {"reasoning_details": [{"type": "reasoning.text", "text": " a\n"}, {"type": "reasoning.text", "text": "\nb "}]},
        " a\n\nb ",
    ),
    Case("thinking_blocks", {"thinking_blocks": [_THINKING]}, NASTY),
    Case("thinking block in content", {"content": [_THINKING, {"type": "text", "text": "hi"}]}, NASTY, "hi"),
    Case("reasoning block in content", {"content": [{"type": "reasoning", "reasoning": NASTY}]}, NASTY),
    Case(
        "Bedrock block in content",
        {"content": [{"type": "reasoning_content", "reasoning_content": {"text": NASTY}}]},
        NASTY,
    ),
    Case(
        "Responses item in content",
        {"content": [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": NASTY}], "summary": []}]},
        NASTY,
    ),
    Case("non_standard block in content", {"content": [{"type": "non_standard", "value": _THINKING}]}, NASTY),
    Case("provider_specific_fields", {"provider_specific_fields": {"reasoning_content": NASTY}}, NASTY, only=_DICTS),
    Case("think tags", {"content": "<think> \n想 </think>\nanswer "}, " \n想 ", "\nanswer "),
    Case("two spellings of one text", {"reasoning_content": NASTY, "reasoning": NASTY}, NASTY),
    Case("blank beside a text", {"reasoning_content": "", "reasoning": NASTY}, NASTY),
    Case(
        "think tags beside a text",
        {"reasoning_content": NASTY, "content": "<think>a</think>b"},
        NASTY,
        "<think>a</think>b",
    ),
    Case("lost", {}, ""),
    Case("null", {"reasoning_content": None}, ""),
    Case("empty", {"reasoning_content": ""}, ""),
    Case("blank", {"reasoning_content": " \n"}, ""),
    Case("placeholder of another tool", {"reasoning_content": "tool call"}, ""),
    Case("redacted by LiteLLM", {"reasoning_content": "redacted-by-litellm"}, ""),
    Case("signed thinking of another vendor", {"thinking_blocks": [_SIGNED]}, ""),
    Case(
        "signed thinking beside its text", {"reasoning_content": _SIGNED["thinking"], "thinking_blocks": [_SIGNED]}, ""
    ),
    Case(
        "signed thinking beside think tags", {"content": "<think>x</think>hi", "thinking_blocks": [_SIGNED]}, "", "hi"
    ),
    Case("signed standard block", {"content": [_STANDARD]}, ""),
    Case("signed block beside an unsigned one", {"thinking_blocks": [_SIGNED], "content": [_THINKING]}, ""),
    Case("think tags in a list", {"content": [{"type": "text", "text": "<think>a</think>c"}]}, "a", "c"),
    Case("text beside a block in content", {"reasoning_content": NASTY, "content": [_THINKING]}, NASTY),
    Case("redacted thinking", {"content": [{"type": "redacted_thinking", "data": "EmwK"}]}, ""),
    Case(
        "another vendor's detail",
        {"reasoning_details": [{"type": "reasoning.text", "text": "x", "format": "anthropic-claude-v1"}]},
        "",
    ),
    Case("plain turn with reasoning", {"reasoning_content": NASTY, "content": "hi"}, NASTY, "hi", calls=False),
    Case("plain turn without", {"content": "hi"}, None, "hi", calls=False),
    Case(
        "plain turn with another vendor's thinking",
        {"content": [_SIGNED, {"type": "text", "text": "hi"}]},
        None,
        "hi",
        calls=False,
    ),
)
