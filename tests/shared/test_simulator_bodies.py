"""Whatever JSON arrives at whichever endpoint of the simulator is answered in JSON, and never by a failure."""

import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimo_quirks.simulator import Mode, Simulator

from .strategies import blocks, calls, json_values, text

PARTS = blocks | st.sampled_from(
    [
        {"type": "tool_use", "id": "c", "name": "n", "input": {"a": 1}},
        {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "ok"}]},
        {"type": "image", "source": {}},
        {"type": "output_text", "text": "x"},
    ]
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool"]) | json_values},
    optional={"content": text | st.lists(PARTS, max_size=3) | json_values, "tool_calls": calls | json_values},
)
ITEMS = MESSAGES | st.fixed_dictionaries(
    {"type": st.sampled_from(["message", "reasoning", "function_call", "function_call_output"]) | json_values},
    optional={
        "content": st.lists(PARTS, max_size=3) | json_values,
        "summary": st.lists(PARTS, max_size=2) | json_values,
        "call_id": text,
        "name": text,
        "arguments": text,
        "output": text | json_values,
    },
)
SCHEMA = {"type": "object", "properties": {"city": {"default": "\ud800"}}}
TOOLS = st.sampled_from(
    [
        {"type": "function", "function": {"name": "n", "parameters": SCHEMA}},
        {"type": "function", "name": "n", "parameters": SCHEMA},
        {"name": "n", "input_schema": SCHEMA},
    ]
)
SETTINGS = {
    "tools": st.lists(TOOLS, max_size=2) | json_values,
    "system": text | st.lists(blocks, max_size=2) | json_values,
    "thinking": st.fixed_dictionaries({"type": st.sampled_from(["enabled", "adaptive", "disabled"]) | json_values}),
    "reasoning": st.fixed_dictionaries({"effort": text | json_values}) | json_values,
    "metadata": st.fixed_dictionaries({"user_id": json_values}) | json_values,
    "stream": st.booleans() | json_values,
    "model": json_values,
    "max_tokens": json_values,
}
BODIES = (
    json_values
    | st.fixed_dictionaries({"messages": st.lists(MESSAGES, max_size=3) | json_values}, optional=SETTINGS)
    | st.fixed_dictionaries({"input": text | st.lists(ITEMS, max_size=4) | json_values}, optional=SETTINGS)
)


@pytest.fixture(name="client", scope="module")
def _client():
    mode = Mode(
        signatures="checked",
        conversation="metadata.user_id",
        thinking_blocks=2,
        late_reasoning=True,
        keeps_order=True,
        string_content=True,
        forbids="when-off",
    )
    with (
        Simulator(mode) as simulator,
        httpx.Client(base_url=simulator.origin, headers={"api-key": "any"}, timeout=10) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/anthropic/v1/messages", "/v1/messages", "/v1/responses"])
def test_any_body_is_answered(client, path):
    """A body is served or rejected."""
    statuses = set()

    @settings(max_examples=150)
    @given(BODIES)
    def ask(body):
        response = client.post(path, content=json.dumps(body))
        statuses.add(response.status_code)
        if response.headers["content-type"] == "application/json":
            json.loads(response.text.removeprefix("data:"), parse_constant=pytest.fail)

    ask()

    assert statuses <= {200, 400}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize("stream", [b"true", b"false"])
@pytest.mark.parametrize(
    "field",
    [
        b'"model": %s' % (b"[" * 900 + b"]" * 900),
        b'"tools": %s' % (b"[" * 990 + b"]" * 990),
        b'"tools": [{"name": "n", "input_schema": {"properties": {"x": {"default": 1e400}}}}]',
        b'"model": "\\ud800"',
        b'"temperature": %s' % (b"9" * 5000),
    ],
)
def test_edges_of_json(client, path, stream, field):
    """What is at the edge of JSON does not reach the answer in a form that is none."""
    raw = b'{"messages": [{"role": "user", "content": "x"}], "input": "x", "stream": %s, %s}' % (stream, field)
    response = client.post(path, content=raw)

    assert response.status_code in {200, 400}
    if response.headers["content-type"] == "application/json":
        json.loads(response.text.removeprefix("data:"), parse_constant=pytest.fail)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
@pytest.mark.parametrize(("asked", "named"), [("mimo-v9", "mimo-v9"), (["mimo-v9"], "mimo-v2.6-pro")])
def test_model_is_a_name(client, path, asked, named):
    """An answer names the model that was asked for, where it was asked for by a name."""
    body = {"messages": [{"role": "user", "content": "x"}], "input": "x", "model": asked}

    assert named == client.post(path, json=body).json()["model"]
