"""Hypothesis strategies: any JSON at all, and histories that nearly make sense."""

from __future__ import annotations

from hypothesis import strategies as st

text = st.text(max_size=12) | st.sampled_from(
    ["", " ", "\n 思考 \r\n", "👩‍💻", "<think>a</think>b", "tool call", "\ud800"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)

blocks = st.one_of(
    st.builds(lambda t: {"type": "text", "text": t}, text),
    st.builds(lambda t: {"type": "thinking", "thinking": t}, text),
    st.builds(lambda t, s: {"type": "thinking", "thinking": t, "signature": s}, text, text),
    st.just({"type": "redacted_thinking", "data": "x"}),
    st.builds(lambda t: {"type": "reasoning", "reasoning": t}, text),
    st.builds(lambda t: {"type": "reasoning", "summary": [{"type": "summary_text", "text": t}]}, text),
    st.builds(lambda t: {"type": "reasoning", "content": [{"type": "reasoning_text", "text": t}]}, text),
    st.builds(lambda t: {"type": "reasoning.text", "text": t, "format": "unknown"}, text),
    st.builds(lambda t: {"type": "reasoning.text", "text": t, "format": "anthropic-claude-v1"}, text),
    st.builds(lambda t: {"type": "reasoning_content", "reasoning_content": {"text": t}}, text),
    st.builds(lambda t: {"type": "non_standard", "value": {"type": "thinking", "thinking": t}}, text),
    json_values,
)
_fields = {
    "reasoning_content": text | json_values,
    "reasoning": text | blocks,
    "reasoning_details": st.lists(blocks, max_size=3) | json_values,
    "thinking_blocks": st.lists(blocks, max_size=3),
}
_spelled = st.fixed_dictionaries({}, optional=_fields)
calls = st.lists(
    st.builds(lambda i, n, a: {"id": i, "type": "function", "function": {"name": n, "arguments": a}}, text, text, text)
    | json_values,
    max_size=3,
)
assistants = st.builds(
    lambda spelled, rest: {"role": "assistant", **spelled, **rest},
    _spelled,
    st.fixed_dictionaries(
        {},
        optional={
            "content": text | st.none() | st.lists(blocks, max_size=3),
            "tool_calls": calls | json_values,
            "provider_specific_fields": _spelled | json_values,
            "additional_kwargs": _spelled | json_values,
            "response_metadata": st.fixed_dictionaries(
                {},
                optional={
                    "model_provider": st.sampled_from(["xiaomi_mimo", "anthropic", "openai"]),
                    "model_name": st.sampled_from(["mimo-v2.6-pro", "claude-sonnet-5"]),
                },
            )
            | json_values,
        },
    ),
)
messages = assistants | st.builds(
    lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "tool", "system"]), json_values
)
histories = st.lists(messages, max_size=6)
