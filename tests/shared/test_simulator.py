"""The simulator, asked by real clients: what it rejects, what it finds, and to the letter what it says."""

import ast
import json
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from openai import APIStatusError, BadRequestError, OpenAI

from mimo_quirks import simulator as package
from mimo_quirks.simulator import Mode, Simulator, create_app

MODEL = "mimo-v2.6-pro"
KEY = {"Authorization": "Bearer any"}
E1 = (
    b'{"error":{"code":"400","message":"Param Incorrect","param":'
    b'"The reasoning_content in the thinking mode must be passed back to the API.","type":""}}'
)
USER = {"role": "user", "content": "weather?"}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SECOND_TOOL = {"type": "function", "function": {"name": "tide"}}
OFF = {"thinking": {"type": "disabled"}}
FIELD = {"reasoning_content": "reasoning_content", "reasoning": "reasoning", "openrouter": "reasoning"}


@pytest.fixture(name="server", scope="module")
def _server():
    with Simulator() as server:
        yield server


@pytest.fixture(name="simulator")
def _simulator(server):
    server.mode = Mode()
    server.reset()
    return server


@pytest.fixture(name="client")
def _client(simulator):
    with httpx.Client(base_url=simulator.base_url, headers=KEY, timeout=10) as client:
        yield client


def post(client, messages, **body):
    return client.post("/chat/completions", json={"model": MODEL, "messages": messages, **body})


def turn(response):
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]


def results(message):
    return [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in message["tool_calls"]]


def tool_turn(client, **body):
    return turn(post(client, [USER], tools=[TOOL], **body))


def replay(client, message, **body):
    return post(client, [USER, message, *results(message)], tools=[TOOL], **body)


def with_reasoning(message, value):
    return {**message, "reasoning_content": value}


def without_reasoning(message):
    return {key: value for key, value in message.items() if not key.startswith("reasoning")}


def chunks(response):
    events = [event.removeprefix("data: ") for event in response.text.split("\n\n") if event]
    assert "[DONE]" == events[-1]
    return [json.loads(event) for event in events[:-1]]


def assembled(parts, field="reasoning_content"):
    """A stream's turn as (reasoning, content, calls), read by hand."""
    reasoning, content, calls = "", "", {}
    for delta in (part["choices"][0]["delta"] for part in parts if part["choices"]):
        reasoning += delta.get(field, "")
        content += delta.get("content", "")
        for piece in delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], {"id": "", "name": "", "arguments": ""})
            call["id"] += piece.get("id", "")
            call["name"] += piece["function"].get("name", "")
            call["arguments"] += piece["function"].get("arguments", "")
    return reasoning, content, [tuple(call.values()) for call in calls.values()]


def issued_calls(issued):
    return [(call.id, call.name, call.arguments) for call in issued.calls]


# Verdicts


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text, "exact"),
        (lambda _: "", "placeholder"),
        (lambda _: " \n\t", "placeholder"),
        (str.strip, "altered"),
        (lambda text: text.replace("\r\n", "\n"), "altered"),
        (lambda _: "tool call", "altered"),
        (lambda _: None, "missing"),
        (lambda _: 7, "missing"),
        (lambda text: [{"type": "reasoning.text", "text": text}], "missing"),
    ],
)
def test_verdict_of_a_known_turn(simulator, client, change, expected):
    """A turn issued here is compared with its own text, to the byte."""
    simulator.mode = Mode(accepts="off")
    message = tool_turn(client)
    replay(client, with_reasoning(message, change(message["reasoning_content"])))

    assert (expected,) == simulator.exchanges[-1].verdicts


def test_another_turns_text_is_foreign(simulator, client):
    """Text that this server issued for another turn is foreign, not merely altered."""
    mine, other = tool_turn(client), tool_turn(client)
    replay(client, with_reasoning(mine, other["reasoning_content"]))

    assert ("foreign",) == simulator.exchanges[-1].verdicts


def test_text_on_an_unknown_turn_is_foreign(simulator, client):
    """Nobody can vouch for text on a turn that was never issued here."""
    post(client, [USER, {"role": "assistant", "content": "hello", "reasoning_content": "made up"}, USER])

    assert ("foreign",) == simulator.exchanges[-1].verdicts


def test_plain_turn_is_known_by_its_content(simulator, client):
    """A plain turn is recognised by its content, as a string or as text parts."""
    message = turn(post(client, [USER]))
    parts = {**message, "content": [{"type": "text", "text": message["content"]}]}
    post(client, [USER, message, USER, parts, USER, without_reasoning(message), USER])

    assert ("exact", "exact", "missing") == simulator.exchanges[-1].verdicts


def test_a_turn_that_lost_a_call_is_unknown(simulator, client):
    """A tool turn is known by all of its ids, so one that lost a call is unknown."""
    simulator.mode = Mode(parallel_calls=2)
    message = tool_turn(client)
    replay(client, {**message, "tool_calls": message["tool_calls"][:1]})

    assert ("foreign",) == simulator.exchanges[-1].verdicts


def test_verdicts_do_not_depend_on_the_conversation(simulator, client):
    """A turn is its own evidence: it may come back in a conversation with another beginning."""
    message = tool_turn(client)
    post(client, [{"role": "system", "content": "other"}, USER, message, *results(message)], tools=[TOOL])

    assert ("exact",) == simulator.exchanges[-1].verdicts


# The rule


@pytest.mark.parametrize(
    ("accepts", "text", "status"),
    [
        ("present", "", 200),
        ("present", None, 400),
        ("non-empty", " ", 200),
        ("non-empty", "", 400),
        ("non-blank", "words", 200),
        ("non-blank", " \n", 400),
        ("exact", "words", 400),
        ("exact", "", 400),
        ("off", None, 200),
    ],
)
def test_what_passes_as_reasoning(simulator, client, accepts, text, status):
    """Each reading of the contract accepts what it names and rejects what is below it."""
    simulator.mode = Mode(accepts=accepts)
    message = tool_turn(client)

    assert status == replay(client, with_reasoning(message, text)).status_code
    assert status == simulator.exchanges[-1].status


@pytest.mark.parametrize("accepts", ["present", "non-empty", "non-blank", "exact", "off"])
def test_issued_text_always_passes(simulator, client, accepts):
    """The text that was issued passes under every reading."""
    simulator.mode = Mode(accepts=accepts)

    assert 200 == replay(client, tool_turn(client)).status_code


def test_absent_field_is_missing(client):
    """A field that is not there is the field the API asks for."""
    response = replay(client, without_reasoning(tool_turn(client)))

    assert (400, E1) == (response.status_code, response.content)


def test_every_round_is_checked(client):
    """A tool turn of an earlier user round is asked for its reasoning too."""
    message = tool_turn(client)
    final = turn(replay(client, message))
    history = [USER, without_reasoning(message), *results(message), final, USER]

    assert 400 == post(client, history, tools=[TOOL]).status_code


def test_plain_turns_are_asked_only_when_exact(simulator, client):
    """The contract asks tool turns; the exact reading asks every turn that was issued."""
    bare = without_reasoning(turn(post(client, [USER])))

    assert 200 == post(client, [USER, bare, USER]).status_code

    simulator.mode = Mode(accepts="exact")

    assert 400 == post(client, [USER, bare, USER]).status_code


def test_exact_asks_a_strangers_tool_turn_for_presence(simulator, client):
    """What nobody issued here cannot be demanded to the byte, but it must be there."""
    simulator.mode = Mode(accepts="exact")
    call = {"id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}

    assert 400 == replay(client, message).status_code
    assert 200 == replay(client, with_reasoning(message, "")).status_code


def test_exact_asks_a_turn_without_reasoning_for_presence(simulator, client):
    """A turn issued while thinking was off has no text, and is held to presence once thinking is on."""
    simulator.mode = Mode(accepts="exact")
    message = tool_turn(client, **OFF)

    assert 400 == replay(client, message).status_code
    assert 200 == replay(client, with_reasoning(message, "")).status_code


def test_rule_sleeps_while_thinking_is_off(simulator, client):
    """With thinking off nothing is rejected, though it is still judged."""
    response = replay(client, without_reasoning(tool_turn(client)), **OFF)

    assert 200 == response.status_code
    assert (False, ("missing",)) == (simulator.exchanges[-1].thinking, simulator.exchanges[-1].verdicts)


def test_three_rounds_to_the_byte(simulator):
    """A client that hands back every message as it came satisfies the exact reading to the end."""
    simulator.mode = Mode(accepts="exact", tool_rounds=2, parallel_calls=2)
    history = []
    with OpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as client:
        for _ in range(3):
            history.append(USER)
            for _ in range(3):
                answer = client.chat.completions.create(model=MODEL, messages=history, tools=[TOOL])
                message = answer.choices[0].message.model_dump(exclude_none=True)
                history += [message, *(results(message) if "tool_calls" in message else [])]

    assert ("exact",) * 8 == simulator.exchanges[-1].verdicts
    assert [200] * 9 == [exchange.status for exchange in simulator.exchanges]


# Error bodies


def test_rejection_of_a_stream_begins_with_data(simulator, client):
    """On a stream request the rejection wears the prefix of an event, unless the mode says no (E2)."""
    message = without_reasoning(tool_turn(client))

    assert b"data:" + E1 == replay(client, message, stream=True).content

    simulator.mode = Mode(data_prefixed_errors=False)

    assert E1 == replay(client, message, stream=True).content


@pytest.mark.parametrize("stream", [False, True])
def test_relay_wraps_the_rejection(simulator, client, stream):
    """OpenRouter hands the upstream's body on as a string inside its own (E12)."""
    simulator.mode = Mode(spelling="openrouter")
    response = replay(client, without_reasoning(tool_turn(client)), stream=stream)
    body = response.json()
    metadata = body["error"].pop("metadata")

    assert {"message": "Provider returned error", "code": 400} == body["error"]
    assert {"raw": E1.decode(), "provider_name": "Xiaomi", "is_byok": False} == metadata
    assert (400, True) == (response.status_code, isinstance(body["user_id"], str))


def test_sdk_sees_the_rejection_in_param(simulator, client):
    """The OpenAI SDK finds the useful words in `param`, while `message` says next to nothing."""
    message = without_reasoning(tool_turn(client))
    history = [USER, message, *results(message)]
    with (
        OpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as sdk,
        pytest.raises(BadRequestError) as caught,
    ):
        sdk.chat.completions.create(model=MODEL, messages=history, tools=[TOOL])

    assert "The reasoning_content in the thinking mode must be passed back to the API." == caught.value.param


@pytest.mark.parametrize(("mode", "status"), [(Mode(), 200), (Mode(forbids="when-off"), 400)])
def test_strict_gateway_forbids_reasoning_when_off(simulator, client, mode, status):
    """A strict gateway takes a reasoning field for an extra input, but only while thinking is off."""
    simulator.mode = mode
    message = tool_turn(client)

    assert 200 == replay(client, message).status_code
    assert status == replay(client, message, **OFF).status_code
    assert 200 == replay(client, with_reasoning(message, None), **OFF).status_code


def test_forbidden_field_is_named(simulator, client):
    """The gateway says which message and which field it will not have."""
    simulator.mode = Mode(forbids="when-off")
    response = replay(client, tool_turn(client), **OFF)

    assert (
        b'{"error":{"message":"messages.1.assistant.reasoning_content: Extra inputs are not permitted",'
        b'"type":"invalid_request_error","param":null,"code":"400"}}'
    ) == response.content


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "any"}, {"Authorization": "Bearer"}, {"Authorization": "any"}])
def test_no_key_is_401(simulator, headers):
    """A request without a documented key header is rejected."""
    response = httpx.post(f"{simulator.base_url}/chat/completions", headers=headers, json={"messages": [USER]})

    assert 401 == response.status_code
    assert (
        b'{"error":{"message":"Invalid API Key","param":"Please provide valid API Key",'
        b'"code":"401","type":"invalid_key"}}'
    ) == response.content


def test_relay_speaks_for_itself_about_keys(simulator):
    """A relay's own error is not wrapped in an error of the upstream."""
    simulator.mode = Mode(spelling="openrouter")
    response = httpx.post(f"{simulator.base_url}/chat/completions", json={"messages": [USER]})

    assert (401, "Invalid API Key") == (response.status_code, response.json()["error"]["message"])


@pytest.mark.parametrize("headers", [KEY, {"api-key": "any"}, {"authorization": "bearer any"}])
def test_documented_keys_pass(simulator, headers):
    """Both documented headers open the door."""
    response = httpx.post(f"{simulator.base_url}/chat/completions", headers=headers, json={"messages": [USER]})

    assert 200 == response.status_code


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"n": 2}, "n is not supported"),
        ({"temperature": 1.6}, "temperature must be a number from 0 to 1.5"),
        ({"temperature": "hot"}, "temperature must be a number from 0 to 1.5"),
        ({"tools": [{"type": "custom", "name": "bash"}]}, "`function` is not set"),
        ({"tools": [{"name": "bash", "input_schema": {}}]}, "`function` is not set"),
        ({"tools": "bash"}, "`function` is not set"),
        ({"thinking": True}, "thinking.type must be enabled or disabled"),
        ({"thinking": None}, "thinking.type must be enabled or disabled"),
        ({"thinking": {"type": "adaptive"}}, "thinking.type must be enabled or disabled"),
        ({"messages": "hello"}, "messages must be a list of objects"),
        ({"messages": ["hello"]}, "messages must be a list of objects"),
    ],
)
def test_bad_parameters(client, body, param):
    """A parameter the API does not take is a 400 of the same shape, and not the rejection."""
    response = client.post("/chat/completions", json={"model": MODEL, "messages": [USER], **body})

    assert 400 == response.status_code
    assert {"code": "400", "message": "Param Incorrect", "param": param, "type": ""} == response.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        {"n": 1},
        {"n": None},
        {"temperature": 1.5},
        {"temperature": 0},
        {"tools": None},
        {"tools": [{"type": "web_search"}]},
    ],
)
def test_good_parameters(client, body):
    """The edge of what is allowed is allowed."""
    assert 200 == post(client, [USER], **body).status_code


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"messages": NaN}', b"[" * 100_000])
def test_unreadable_bodies(simulator, client, raw):
    """What is no JSON object is a 400, and is logged as it came."""
    response = client.post("/chat/completions", content=raw)

    assert (400, "Param Incorrect") == (response.status_code, response.json()["error"]["message"])
    assert (raw, {}) == (simulator.exchanges[-1].raw, simulator.exchanges[-1].body)


@pytest.mark.parametrize("strict", [False, True])
def test_contents_must_be_strings_on_the_older_gateway(simulator, client, strict):
    """The older gateway rejects null beside tool calls and lists in tool results; the present one does not."""
    simulator.mode = Mode(string_content=strict)
    message = tool_turn(client)
    null = replay(client, {**message, "content": None})
    listed = [{**result, "content": [{"type": "text", "text": "ok"}]} for result in results(message)]
    parts = post(client, [USER, message, *listed], tools=[TOOL])
    params = [response.json().get("error", {}).get("param") for response in (null, parts)]

    assert (["`text` is not present", "`text` is not set"] if strict else [None, None]) == params


# The pretend model


def test_reasoning_is_nasty_and_never_the_same(client):
    """Reasoning carries everything a framework might spoil, and a token that nobody can guess."""
    one, other = (tool_turn(client)["reasoning_content"] for _ in range(2))

    assert one != other
    assert (one.startswith("\n  "), one.endswith(" \n\t")) == (True, True)
    assert [] == [
        trap
        for trap in ("\r\n", "想", "\u200d", "</think>", "data: [DONE]", "```", "&lt;", "\\", '"')
        if trap not in one
    ]


def test_tool_turn_and_answer(simulator, client):
    """The model calls first and answers then; an answer has no key for calls it did not make."""
    message = tool_turn(client)
    answer = replay(client, message).json()

    assert ("", "weather") == (message["content"], message["tool_calls"][0]["function"]["name"])
    assert {"city": "Zürich 東京"} == json.loads(message["tool_calls"][0]["function"]["arguments"])
    assert "stop" == answer["choices"][0]["finish_reason"]
    assert "tool_calls" not in answer["choices"][0]["message"]
    assert [1, 0] == [len(exchange.issued.calls) for exchange in simulator.exchanges]


def test_tool_rounds_begin_anew_with_each_user_message(simulator, client):
    """The rounds are counted from the last user message."""
    simulator.mode = Mode(tool_rounds=2)
    first = tool_turn(client)
    second = turn(replay(client, first))
    history = [USER, first, *results(first), second, *results(second)]
    third = turn(post(client, history, tools=[TOOL]))
    fourth = turn(post(client, [*history, third, USER], tools=[TOOL]))

    assert [True, True, False, True] == ["tool_calls" in message for message in (first, second, third, fourth)]


def test_no_rounds_no_calls(simulator, client):
    """Without rounds the model answers at once."""
    simulator.mode = Mode(tool_rounds=0)

    assert "tool_calls" not in tool_turn(client)


def test_parallel_calls_cycle_over_the_tools(simulator, client):
    """Several calls belong to one turn with one reasoning, each with an id of its own."""
    simulator.mode = Mode(parallel_calls=3)
    message = turn(post(client, [USER], tools=[TOOL, {"type": "web_search"}, SECOND_TOOL]))
    names = [call["function"]["name"] for call in message["tool_calls"]]

    assert ["weather", "tide", "weather"] == names
    assert 3 == len({call["id"] for call in message["tool_calls"]})


@pytest.mark.parametrize("choice", ["none", "required", {"type": "function", "function": {"name": "tide"}}])
def test_tool_choice_is_ignored(client, choice):
    """The API knows only auto, and drops any other choice without a word."""
    message = turn(post(client, [USER], tools=[TOOL, SECOND_TOOL], tool_choice=choice))

    assert "weather" == message["tool_calls"][0]["function"]["name"]


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_off_leaves_no_trace(client, stream):
    """With thinking off there is no reasoning field and no reasoning token."""
    response = post(client, [USER], stream=stream, stream_options={"include_usage": True}, **OFF)
    last = chunks(response)[-1] if stream else response.json()

    assert "reasoning" not in response.text.replace("reasoning_tokens", "")
    assert 0 == last["usage"]["completion_tokens_details"]["reasoning_tokens"]


def test_usage_counts_reasoning_as_output(client):
    """Reasoning is a part of the completion, and the sum is the sum."""
    usage = post(client, [USER]).json()["usage"]

    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_cache_holds_the_prefix_sent_before(client):
    """What an earlier request began with is cached; a first request finds nothing."""
    first, second = (post(client, [USER]).json()["usage"] for _ in range(2))

    assert 0 == first["prompt_tokens_details"]["cached_tokens"]
    assert second["prompt_tokens"] == second["prompt_tokens_details"]["cached_tokens"]


# Spellings


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("spelling", ["reasoning_content", "reasoning", "openrouter"])
def test_spelling_of_the_answer(simulator, client, spelling, stream):
    """Each host emits reasoning under its own name, whole or in pieces."""
    simulator.mode = Mode(spelling=spelling)
    response = post(client, [USER], stream=stream)
    parts = [part["choices"][0]["delta"] for part in chunks(response)] if stream else [turn(response)]
    expected = simulator.exchanges[-1].issued.reasoning
    details = "".join(block["text"] for part in parts for block in part.get("reasoning_details", ()))

    assert expected == "".join(part.get(FIELD[spelling], "") for part in parts)
    assert (expected if spelling == "openrouter" else "") == details
    assert (spelling == "reasoning_content") == any("reasoning_content" in part for part in parts)


@pytest.mark.parametrize(
    ("spelling", "field", "expected"),
    [
        ("reasoning_content", "reasoning_content", "exact"),
        ("reasoning_content", "reasoning", "missing"),
        ("reasoning_content", "reasoning_details", "missing"),
        ("reasoning", "reasoning", "exact"),
        ("reasoning", "reasoning_content", "missing"),
        ("openrouter", "reasoning", "exact"),
        ("openrouter", "reasoning_details", "exact"),
        ("openrouter", "reasoning_content", "exact"),
    ],
)
def test_spelling_of_the_replay(simulator, client, spelling, field, expected):
    """Each host reads the fields it knows and overlooks the others."""
    simulator.mode = Mode(spelling=spelling, accepts="off")
    message = tool_turn(client)
    text = simulator.exchanges[-1].issued.reasoning
    blocks = [{"type": "reasoning.text", "text": half} for half in (text[:9], text[9:])]
    value = blocks if field == "reasoning_details" else text
    replay(client, {**without_reasoning(message), field: value})

    assert (expected,) == simulator.exchanges[-1].verdicts


@pytest.mark.parametrize(
    ("spelling", "control", "thinking"),
    [
        ("reasoning_content", {"thinking": {"type": "enabled"}}, True),
        ("reasoning_content", {"thinking": {"type": "disabled"}}, False),
        ("reasoning_content", {"reasoning": {"effort": "none"}}, True),
        ("reasoning", {"chat_template_kwargs": {"enable_thinking": False}}, False),
        ("reasoning", {"chat_template_kwargs": {"enable_thinking": True}}, True),
        ("reasoning", OFF, True),
        ("openrouter", {"reasoning": {"effort": "none"}}, False),
        ("openrouter", {"reasoning": {"enabled": False}}, False),
        ("openrouter", {"reasoning": {"effort": "high"}}, True),
        ("openrouter", OFF, True),
        ("openrouter", {"thinking": "nonsense"}, True),
    ],
)
def test_thinking_switch(simulator, client, spelling, control, thinking):
    """Each host has one switch and is deaf to the switches of the others."""
    simulator.mode = Mode(spelling=spelling)
    message = turn(post(client, [USER], **control))

    assert thinking == simulator.exchanges[-1].thinking
    assert thinking == (FIELD[spelling] in message)


# Streams


@pytest.mark.parametrize("split", [False, True])
def test_stream_says_what_was_issued(simulator, client, split):
    """The pieces of a stream make up the turn that was issued, however the bytes were cut."""
    simulator.mode = Mode(split_utf8=split, parallel_calls=2)
    for tools in ([TOOL, SECOND_TOOL], []):
        parts = chunks(post(client, [USER], tools=tools, stream=True))
        issued = simulator.exchanges[-1].issued

        assert (issued.reasoning, issued.content, issued_calls(issued)) == assembled(parts)


def test_stream_replays_like_a_document(simulator, client):
    """A turn read from a stream is as good a turn as one read from a document."""
    simulator.mode = Mode(accepts="exact")
    reasoning, content, calls = assembled(chunks(post(client, [USER], tools=[TOOL], stream=True)))
    functions = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}
        for id_, name, arguments in calls
    ]
    message = {"role": "assistant", "content": content, "tool_calls": functions, "reasoning_content": reasoning}

    assert 200 == replay(client, message).status_code


def test_order_of_a_stream(client):
    """Role first, then reasoning, then calls, then the finish reason, then usage without choices."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    parts = chunks(post(client, [USER], tools=[TOOL], **options))
    kinds = [next(iter(part["choices"][0]["delta"]), "end") if part["choices"] else "usage" for part in parts]

    assert ["role", "reasoning_content", "tool_calls", "end", "usage"] == list(dict.fromkeys(kinds))
    assert sorted(kinds, key=list(dict.fromkeys(kinds)).index) == kinds
    assert ["tool_calls"] == [part["choices"][0]["finish_reason"] for part in parts[-2:-1]]
    assert 3 < kinds.count("reasoning_content")
    assert 3 < kinds.count("tool_calls")


def test_usage_on_streams_only_when_asked(client):
    """A stream has no usage unless the request includes it."""
    assert [] == [part for part in chunks(post(client, [USER], stream=True)) if "usage" in part]


@pytest.mark.parametrize("split", [False, True])
def test_writes_end_inside_characters_when_split(simulator, client, split):
    """With `split_utf8` pieces arrive that are no UTF-8 by themselves; without it each one is."""
    simulator.mode = Mode(split_utf8=split)
    with client.stream("POST", "/chat/completions", json={"messages": [USER], "stream": True}) as response:
        pieces = list(response.iter_raw())

    assert split == any(not is_utf8(piece) for piece in pieces)
    assert simulator.exchanges[-1].issued.content.encode()[:3] in b"".join(pieces)


def is_utf8(piece):
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("split", [False, True])
def test_sdk_reads_the_stream(simulator, split):
    """The OpenAI SDK assembles the same turn from the stream."""
    simulator.mode = Mode(split_utf8=split)
    with OpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as client:
        stream = client.chat.completions.create(model=MODEL, messages=[USER], stream=True)
        deltas = [chunk.choices[0].delta for chunk in stream]
    issued = simulator.exchanges[-1].issued

    assert issued.reasoning == "".join(getattr(delta, "reasoning_content", "") for delta in deltas)
    assert issued.content == "".join(delta.content or "" for delta in deltas)


def test_lone_surrogate_does_not_break_the_wire(client):
    """A name with half a surrogate pair, which JSON can spell and UTF-8 cannot, comes back as it was."""
    tools = json.dumps([{"type": "function", "function": {"name": "\ud800"}}])
    raw = f'{{"messages": [{{"role": "user", "content": "x"}}], "tools": {tools}}}'
    response = client.post("/chat/completions", content=raw)

    assert "\ud800" == json.loads(response.content)["choices"][0]["message"]["tool_calls"][0]["function"]["name"]


# The server


def test_exchange_holds_what_arrived(simulator, client):
    """An exchange is the request as it came, without its headers in the repr."""
    response = client.post("/chat/completions", content=b'{ "messages": [] }')
    exchange = simulator.exchanges[-1]

    assert 200 == response.status_code
    assert ("/v1/chat/completions", b'{ "messages": [] }', {"messages": []}) == (
        exchange.path,
        exchange.raw,
        exchange.body,
    )
    assert "Bearer any" == exchange.headers["authorization"]
    assert "Bearer" not in repr(exchange)


def test_models(simulator):
    """The model list holds ids."""
    rows = httpx.get(f"{simulator.base_url}/models").json()["data"]

    assert ["mimo-v2.6-pro", "mimo-v2.6-flash"] == [row["id"] for row in rows]


def test_log(simulator, client):
    """The log tells what became of each request, and no text and no header; deleting it forgets."""
    message = tool_turn(client)
    replay(client, without_reasoning(message))
    shared = {"path": "/v1/chat/completions", "wire": "chat", "model": MODEL, "thinking": True}

    assert [
        {**shared, "status": 200, "verdicts": []},
        {**shared, "status": 400, "verdicts": ["missing"]},
    ] == httpx.get(f"{simulator.origin}/simulator/log").json()

    assert 204 == httpx.delete(f"{simulator.origin}/simulator/log").status_code
    assert () == simulator.exchanges

    replay(client, message)

    assert ("foreign",) == simulator.exchanges[-1].verdicts


def test_reset(simulator, client):
    """A reset forgets the exchanges and the issued turns."""
    tool_turn(client)
    simulator.reset()

    assert () == simulator.exchanges


def test_servers_come_and_go():
    """Several simulators run side by side with memories of their own, and leave no thread behind."""
    before = threading.active_count()
    with Simulator() as one, Simulator() as other:
        httpx.post(f"{one.base_url}/chat/completions", headers=KEY, json={"messages": [USER]})

        assert (1, 0) == (len(one.exchanges), len(other.exchanges))
        assert one.origin != other.origin

    assert before == threading.active_count()
    assert 1 == len(one.exchanges)


def test_server_leaves_while_a_client_lingers():
    """A client that holds its connection does not hold the server."""
    with httpx.Client() as client:
        with Simulator() as simulator:
            client.get(f"{simulator.base_url}/models")
        with pytest.raises(httpx.TransportError):
            client.get(f"{simulator.base_url}/models")


def test_taken_port_is_an_error():
    """A port that somebody holds is rejected at once."""
    with Simulator() as simulator, pytest.raises(OSError, match="in use"), Simulator(port=int(simulator.origin[-5:])):
        pass


def test_bad_certificate_is_an_error(tmp_path):
    """A certificate that is not there is an error of whoever named it, and no server starts."""
    before = threading.active_count()
    missing = str(tmp_path / "missing.pem")
    with pytest.raises(FileNotFoundError), Simulator(ssl_keyfile=missing, ssl_certfile=missing):
        pass

    assert before == threading.active_count()


def test_no_port_before_the_start():
    """A simulator that does not run has no address, and says how to get one."""
    with pytest.raises(RuntimeError, match="with"):
        _ = Simulator().base_url


def test_served_over_tls(tmp_path):
    """With a certificate it is an https host."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    key, certificate, root = (tmp_path / name for name in ("key.pem", "certificate.pem", "root.pem"))
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)
    authority.cert_pem.write_to_path(root)
    with Simulator(ssl_keyfile=str(key), ssl_certfile=str(certificate)) as simulator:
        import ssl

        context = ssl.create_default_context(cafile=str(root))
        with httpx.Client(verify=context) as client:
            response = client.get(f"{simulator.base_url}/models")

    assert (200, "https") == (response.status_code, response.url.scheme)


async def test_application_for_the_command_line():
    """The application works behind any ASGI server."""
    transport = httpx.ASGITransport(create_app(Mode(accepts="exact")))
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=KEY) as client:
        response = await client.post("/v1/chat/completions", json={"messages": [USER]})

    assert 200 == response.status_code


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accepts", "anything"),
        ("spelling", "thinking"),
        ("forbids", True),
        ("string_content", None),
        ("data_prefixed_errors", "yes"),
        ("split_utf8", 0),
        ("tool_rounds", -1),
        ("parallel_calls", 0),
        ("parallel_calls", True),
        ("accepts", ["exact"]),
    ],
)
def test_mode_that_does_not_exist(field, value):
    """A wrong mode is an error that names its field."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        Mode(**{field: value})


def test_rejection_is_an_api_status_error_on_a_stream(simulator, client):
    """The prefixed body is no JSON, and the SDK still raises with the whole text."""
    message = without_reasoning(tool_turn(client))
    with (
        OpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as sdk,
        pytest.raises(APIStatusError) as caught,
    ):
        sdk.chat.completions.create(model=MODEL, messages=[USER, message, *results(message)], stream=True)

    assert b"data:" + E1 == caught.value.response.content


@pytest.mark.parametrize("absent", ["starlette", "uvicorn"])
def test_missing_extra_is_named(absent):
    """Without its servers the package says which extra to install."""
    code = f"import sys; sys.modules[{absent!r}] = None; import mimo_quirks.simulator"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert 'ImportError: the simulator needs the "cli" extra: pip install "mimo-quirks[cli]"' in done.stderr


def test_judge_is_independent():
    """The simulator imports nothing of the core that it judges."""
    trees = [ast.parse(file.read_text("utf-8")) for file in Path(package.__file__).parent.glob("*.py")]
    imports = [node.module or "" for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [name for name in imports if name.startswith("mimo_quirks")]

    assert [] == [name for name in ours if not name.startswith("mimo_quirks.simulator")]
