"""The simulator's responses wire, asked by the OpenAI SDK and by hand: what it says, finds and rejects."""

import json

import httpx
import pytest
from openai import BadRequestError, OpenAI

from mimo_quirks.simulator import Mode, Simulator

MODEL = "mimo-v2.6-pro"
E1 = (
    b'{"error":{"code":"400","message":"Param Incorrect","param":'
    b'"The reasoning_content in the thinking mode must be passed back to the API.","type":""}}'
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "name": name, "parameters": SCHEMA} for name in ("weather", "tide")]
USER = {"role": "user", "content": "weather?"}
OFF = {"reasoning": {"effort": "none"}}
SEVERAL = {"thinking_blocks": 2, "parallel_calls": 2}
LATE = {**SEVERAL, "late_reasoning": True}


@pytest.fixture(name="server", scope="module")
def _server():
    with (
        Simulator() as simulator,
        OpenAI(base_url=simulator.base_url, api_key="any", max_retries=0) as sdk,
        httpx.Client(base_url=simulator.base_url, headers={"api-key": "any"}, timeout=10) as client,
    ):
        yield simulator, sdk, client


@pytest.fixture(name="world")
def _world(server):
    simulator, sdk, client = server
    simulator.reset()

    def world(**mode):
        simulator.mode = Mode(**mode)
        return World(simulator, sdk, client)

    return world


class World:
    """A client that keeps every item, and may change what it sends."""

    def __init__(self, simulator, sdk, client):
        self.simulator, self._sdk, self._client = simulator, sdk, client

    def ask(self, history, *, stream=False, **body):
        request = {"model": MODEL, "input": history, "tools": TOOLS, **body}
        if not stream:
            return self._sdk.responses.create(**request)
        with self._sdk.responses.stream(**request) as events:
            return events.get_final_response()

    def post(self, history="weather?", **body):
        return self._client.post("/responses", json={"model": MODEL, "input": history, "tools": TOOLS, **body})

    def talk(self, turns, change=list, *, stream=False, **body):
        """So many turns on end; `change` is what becomes of a turn's items on their way back."""
        history = []
        for _ in range(turns):
            if not history or history[-1]["type"] != "function_call_output":
                history.append({"type": "message", **USER})
            items = said(self.ask(history, stream=stream, **body))
            history += [*change(items), *outputs(items)]
        return history

    @property
    def last(self):
        return self.simulator.exchanges[-1]


def said(response):
    return [item.model_dump(exclude_none=True) for item in response.output]


def outputs(items):
    calls = [item for item in items if item["type"] == "function_call"]
    return [{"type": "function_call_output", "call_id": call["call_id"], "output": "ok"} for call in calls]


def thoughts(items):
    return [part["text"] for item in items if item["type"] == "reasoning" for part in item["content"]]


def kinds(items):
    return [item["type"] for item in items]


def without_reasoning(items):
    return [item for item in items if item["type"] != "reasoning"]


def each_item(change):
    return lambda items: [change(item) if item["type"] == "reasoning" else item for item in items]


def each_thought(change):
    return each_item(
        lambda item: {**item, "content": [{**part, "text": change(part["text"])} for part in item["content"]]}
    )


def summary(item):
    return [{"type": "summary_text", "text": part["text"]} for part in item["content"]]


def encrypted(item):
    return {"type": "reasoning", "id": item["id"], "summary": [], "encrypted_content": "gAAAA"}


def joined(items):
    content = [{"type": "reasoning_text", "text": "".join(thoughts(items))}]
    return [{"type": "reasoning", "summary": [], "content": content}, *without_reasoning(items)]


def events(response):
    pairs = [event.split("\n", 1) for event in response.text.split("\n\n") if event]
    read = [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]
    assert all(name == data["type"] for name, data in read)
    return [data for _, data in read]


# Verdicts and the rule


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", [{}, SEVERAL, LATE, {"split_utf8": True}])
def test_echoed_turns_are_exact(world, mode, stream):
    """A client that hands back every item as it came is exact to the end, tool turns and plain ones."""
    there = world(accepts="exact", keeps_order=True, tool_rounds=2, **mode)
    there.ask([*there.talk(6, stream=stream), USER])

    assert ("exact",) * 6 == there.last.verdicts
    assert (True,) * 6 == there.last.kept
    assert [True, True, False] * 2 == [bool(exchange.issued.calls) for exchange in there.simulator.exchanges[:6]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without_reasoning, "missing"),
        (each_item(encrypted), "missing"),
        (each_item(lambda item: {**item, "content": None}), "missing"),
        (each_item(lambda item: {**item, "content": []}), "missing"),
        (each_item(lambda item: {**item, "content": [], "summary": summary(item)}), "missing"),
        (each_item(lambda item: {**item, "summary": summary(item)}), "altered"),
        (each_item(lambda item: {**item, "content": summary(item)}), "missing"),
        (each_thought(lambda _: ""), "placeholder"),
        (each_thought(lambda _: " "), "placeholder"),
        (each_thought(str.strip), "altered"),
        (each_thought(lambda text: text.replace("\r\n", "\n")), "altered"),
        (lambda items: [*without_reasoning(items), *items[:1]], "exact"),
        (each_item(lambda item: {"type": "reasoning", "content": item["content"]}), "exact"),
        (joined, "exact"),
    ],
)
def test_verdict_of_a_known_turn(world, change, expected):
    """The reasoning is the content of the items; a summary is no place for it, and nobody issued a cipher here."""
    there = world(accepts="off")
    there.talk(4, change)

    assert (expected,) * 3 == there.last.verdicts


def test_parts_of_one_item_are_one_text(world):
    """An item whose content came apart still says the same."""

    def cut(item):
        text = item["content"][0]["text"]
        return {**item, "content": [{"type": "reasoning_text", "text": half} for half in (text[:9], text[9:])]}

    there = world(accepts="exact")
    there.talk(4, each_item(cut))

    assert ("exact",) * 3 == there.last.verdicts


def test_items_count_in_their_order(world):
    """Two items the other way round are not what was thought."""
    there = world(accepts="off", thinking_blocks=2)
    there.talk(2, lambda items: [*items[1::-1], *items[2:]])

    assert ("altered",) == there.last.verdicts


@pytest.mark.parametrize("stream", [False, True])
def test_dropped_reasoning_is_rejected(world, stream):
    """A call without its reasoning is rejected with Xiaomi's own words."""
    there = world()
    history = there.talk(1, without_reasoning)
    with pytest.raises(BadRequestError) as caught:
        there.ask(history, stream=stream)

    assert (b"data:" if stream else b"") + E1 == caught.value.response.content
    assert ("missing",) == there.last.verdicts
    assert (400, "responses") == (there.last.status, there.last.wire)


def test_reasoning_belongs_to_what_follows_an_output(world):
    """Items between an output and the next call are the next turn's, and a turn ends with an item of another role."""
    there = world(accepts="exact", tool_rounds=3)
    history = there.talk(2)
    first, second = history[:4], history[4:]

    assert ["message", "reasoning", "function_call", "function_call_output"] == kinds(first)
    assert ["reasoning", "function_call", "function_call_output"] == kinds(second)
    assert 200 == there.post(history).status_code
    assert ("exact", "exact") == there.last.verdicts
    assert 400 == there.post([*first, *second[1:]]).status_code
    assert ("exact", "missing") == there.last.verdicts


@pytest.mark.parametrize(
    ("accepts", "text", "status"),
    [("present", "", 200), ("non-empty", "", 400), ("non-blank", " ", 400), ("exact", " ", 400), ("exact", "x", 400)],
)
def test_what_passes_as_reasoning(world, accepts, text, status):
    """Each reading of the contract holds on this wire as on the others."""
    there = world(accepts=accepts)

    assert status == there.post(there.talk(1, each_thought(lambda _: text))).status_code


@pytest.mark.parametrize("keeps_order", [False, True])
@pytest.mark.parametrize("change", [joined, lambda items: sorted(items, key=lambda item: item["type"] != "reasoning")])
def test_order_is_told_and_asked_only_by_its_mode(world, change, keeps_order):
    """Where items stood is no part of the verdict; it is told beside it, and a mode rejects it (EVIDENCE §12.1)."""
    there = world(accepts="exact", keeps_order=keeps_order, **LATE)

    assert (400 if keeps_order else 200) == there.post(there.talk(1, change)).status_code
    assert (("exact",), (False,)) == (there.last.verdicts, there.last.kept)


# Thinking


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_off(world, stream):
    """Off leaves no item, and asks for none."""
    there = world(accepts="exact")

    assert "reasoning" not in kinds(there.talk(3, stream=stream, **OFF))
    assert ("missing", "missing") == there.last.verdicts
    assert not there.last.thinking


@pytest.mark.parametrize("effort", ["low", "medium", "high", None])
def test_thinking_on(world, effort):
    """Every effort but `none` is on, and silence too."""
    there = world()

    assert ["reasoning", "function_call"] == kinds(said(there.ask("weather?", reasoning={"effort": effort})))
    assert there.last.thinking


# Answers


def test_document(world):
    """A document in the shape of EVIDENCE §4.8: an item of reasoning with content and no summary, then the call."""
    there = world()
    body = there.post().json()
    issued = there.last.issued
    (call,) = issued.calls
    items = [{key: value for key, value in item.items() if key != "id"} for item in body["output"]]

    assert [
        {
            "type": "reasoning",
            "status": "completed",
            "content": [{"type": "reasoning_text", "text": issued.reasoning}],
            "summary": [],
        },
        {
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": "weather",
            "arguments": '{"city": "Zürich 東京"}',
        },
    ] == items
    assert ("response", "completed", MODEL) == tuple(body[key] for key in ("object", "status", "model"))
    assert 2 == len({item["id"] for item in body["output"]})
    assert ["reasoning", "message"] == kinds(there.post(tools=[]).json()["output"])


def test_usage(world):
    """Reasoning is part of the output, and what was sent before is cached."""
    there = world()
    first, second = (there.post().json()["usage"] for _ in range(2))

    assert 0 < first["output_tokens_details"]["reasoning_tokens"] < first["output_tokens"]
    assert (0, first["input_tokens"]) == tuple(
        usage["input_tokens_details"]["cached_tokens"] for usage in (first, second)
    )


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({}, ["reasoning", "function_call"]),
        ({"thinking_blocks": 2}, ["reasoning", "reasoning", "function_call"]),
        ({"parallel_calls": 2}, ["reasoning", "function_call", "function_call"]),
        (SEVERAL, ["reasoning", "function_call", "reasoning", "function_call"]),
        (LATE, ["reasoning", "function_call", "reasoning", "function_call", "reasoning"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_order_of_items(world, mode, expected, stream):
    """Items of reasoning are dealt out before the calls and, late, after them; in order they are the reasoning."""
    there = world(**mode)
    items = said(there.ask("weather?", stream=stream))

    assert expected == kinds(items)
    assert there.last.issued.reasoning == "".join(thoughts(items))


@pytest.mark.parametrize("split", [False, True])
def test_order_of_a_stream(world, split):
    """Every item is opened, filled and closed, and the end says it all again."""
    there = world(split_utf8=split)
    for tools, last in ((TOOLS, "function_call_arguments"), ([], "output_text")):
        read = events(there.post(stream=True, tools=tools))
        names = [event["type"].removeprefix("response.") for event in read]
        opening, closing = (["content_part.added"], ["content_part.done"]) if tools == [] else ([], [])

        assert [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "reasoning_text.delta",
            "reasoning_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            *opening,
            f"{last}.delta",
            f"{last}.done",
            *closing,
            "output_item.done",
            "completed",
        ] == [name for place, name in enumerate(names) if names[place - 1 : place] != [name]]
        assert list(range(len(read))) == [event["sequence_number"] for event in read]
        assert there.last.issued.reasoning == "".join(
            event["delta"] for event in read if event["type"] == "response.reasoning_text.delta"
        )
        assert (None, True) == (read[0]["response"]["usage"], bool(read[-1]["response"]["usage"]))
        assert read[-1]["response"]["output"] == [
            event["item"] for event in read if event["type"] == "response.output_item.done"
        ]


# Histories


def test_forms_of_a_history(world):
    """A string, items without a type, texts in parts, lists as outputs and instructions are read."""
    there = world(accepts="exact")
    items = said(there.ask("weather?", instructions="be brief"))
    answers = [{**output, "output": [{"type": "input_text", "text": "ok"}]} for output in outputs(items)]
    parts = [{"type": "input_text", "text": "weather?"}]
    history = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": parts}, *items, *answers]
    items = said(there.ask(history))

    assert ["reasoning", "message"] == kinds(items)
    assert 200 == there.post([*history, *items, USER]).status_code
    assert ("exact", "exact") == there.last.verdicts


def test_foreign_text(world):
    """Another turn's text is foreign, and so is any text on a turn that nobody issued."""
    there = world(accepts="off")
    mine, other = (said(there.ask("weather?")) for _ in range(2))
    made_up = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "made up"}]}
    there.ask([made_up, {"role": "assistant", "content": "hello"}, USER, other[0], *mine[1:], *outputs(mine)])

    assert ("foreign", "foreign") == there.last.verdicts


@pytest.mark.parametrize("worlds", [{}, {"ids": "repeating", "answers": "identical"}])
def test_conversation_by_a_mark(world, worlds):
    """A mark tells conversations apart, where nothing else does."""
    there = world(accepts="exact", conversation="user", **worlds)
    for user in ("one", "two"):
        there.talk(4, user=user)

        assert ("exact",) * 3 == there.last.verdicts
        assert user == there.last.conversation


# Across the wires


def chat_message(issued, reasoning):
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in issued.calls
    ]
    return {"role": "assistant", "content": issued.content, "tool_calls": calls, "reasoning_content": reasoning}


@pytest.mark.parametrize("mode", [{}, LATE])
def test_turns_are_known_on_every_wire(world, mode):
    """A turn that was issued on one wire is judged on another by its ids and its text."""
    there = world(accepts="exact", keeps_order=True, **mode)
    items = said(there.ask("weather?"))
    issued = there.last.issued
    blocks = [
        {"type": "thinking", "thinking": text}
        if kind == "thinking"
        else {"type": "tool_use", "id": call["call_id"], "name": text, "input": {}}
        for (kind, text), call in zip(issued.parts, items, strict=True)
    ]
    user = {"role": "user", "content": "weather?"}
    chat = [user, chat_message(issued, issued.reasoning)]
    posts = {
        f"{there.simulator.base_url}/chat/completions": {"messages": chat},
        f"{there.simulator.anthropic_url}/v1/messages": {
            "messages": [user, {"role": "assistant", "content": blocks}, user]
        },
        f"{there.simulator.base_url}/responses": {"input": [user, *items]},
    }

    assert [200] * 3 == [there._client.post(url, json=body).status_code for url, body in posts.items()]
    assert [("exact",)] * 3 == [exchange.verdicts for exchange in there.simulator.exchanges[1:]]
    assert [(True,)] * 3 == [exchange.kept for exchange in there.simulator.exchanges[1:]]
    assert ["chat", "messages", "responses"] == [exchange.wire for exchange in there.simulator.exchanges[1:]]


@pytest.mark.parametrize("reasoning", ["issued", "stripped"])
def test_turn_of_the_chat_wire_comes_back_as_items(world, reasoning):
    """What the chat wire issued in one text has no blocks to keep, and still its text."""
    there = world(accepts="off", **SEVERAL)
    tools = [{"type": "function", "function": {"name": "weather"}}]
    there._client.post("/chat/completions", json={"messages": [USER], "tools": tools})
    issued = there.last.issued
    text = issued.reasoning if reasoning == "issued" else issued.reasoning.strip()
    calls = [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
        for call in issued.calls
    ]
    there.post([USER, {"type": "reasoning", "content": [{"type": "reasoning_text", "text": text}]}, *calls])

    assert (("exact" if reasoning == "issued" else "altered",), (True,)) == (there.last.verdicts, there.last.kept)


def test_one_state_on_every_wire(world):
    """A retry on another wire asks for the same: the histories are of one state where nothing else tells."""
    there = world(accepts="exact", conversation="user", ids="repeating", answers="identical", tool_rounds=0)
    client, body = there._client, {"user": "one", "tools": []}
    first = client.post("/chat/completions", json={"messages": [USER], **body}).json()["choices"][0]["message"]
    client.post(f"{there.simulator.anthropic_url}/v1/messages", json={"messages": [USER], "user": "one"})
    second = there.last.issued.reasoning
    history = [USER, {"role": "assistant", "content": "Done.", "reasoning_content": second}, USER]
    client.post("/chat/completions", json={"messages": history, **body})

    assert (("exact",), False) == (there.last.verdicts, second == first["reasoning_content"])


# Errors


@pytest.mark.parametrize("kind", ["custom", "web_search"])
def test_tools_that_are_not_there(world, kind):
    """Anything but a function is rejected in the gateway's own words (opencodex#1158)."""
    response = world().post(tools=[*TOOLS, {"type": kind, "name": "x"}], stream=True)

    assert (
        400,
        b'{"error":{"code":"responses_feature_not_supported","message":"tool type \''
        + kind.encode()
        + b'\' is not supported by this gateway phase.","type":"unsupported_feature"}}',
    ) == (response.status_code, response.content)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"previous_response_id": "resp_1"}, "'previous_response_id'"),
        ({"background": True}, "'background'"),
        ({"conversation": "conv_1"}, "'conversation'"),
        ({"context_management": [{"type": "compaction"}]}, "'context_management'"),
        ({"history": [{"type": "item_reference", "id": "rs_1"}]}, "input item type 'item_reference'"),
    ],
)
def test_memory_that_is_not_there(world, body, named):
    """The wire is stateless, and says so to whoever counts on its memory."""
    response = world().post(**body)

    assert (400, "responses_feature_not_supported") == (response.status_code, response.json()["error"]["code"])
    assert f"{named} is not supported by this gateway phase." == response.json()["error"]["message"]


@pytest.mark.parametrize("body", [{"previous_response_id": None}, {"background": False}, {"store": True}])
def test_what_is_ignored(world, body):
    """Nothing is asked for by a null, nor by what the service ignores."""
    assert 200 == world().post(**body).status_code


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"history": 7}, "input"),
        ({"history": [{"role": "tool", "content": "x"}]}, "input.0.message.role"),
        ({"history": [{"type": "function_call", "name": "x", "arguments": "{}"}]}, "input.0.function_call.call_id"),
        ({"history": [{"type": "reasoning", "content": "x"}]}, "input.0.reasoning.content"),
        ({"tools": "bash"}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}]}, "tools.0.name"),
        ({"reasoning": "none"}, "reasoning"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 131_073}, "max_output_tokens"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_malformed_requests(world, body, param, stream):
    """What does not fit the schema is answered in OpenAI's shape and names the place, on streams without a prefix."""
    there = world()
    response = there.post(**body, stream=stream)
    error = response.json()["error"]

    assert (400, "invalid_request_error", param) == (response.status_code, error["type"], error["param"])
    assert ((), None) == (there.last.verdicts, there.last.issued)


@pytest.mark.parametrize(
    ("headers", "status"), [({"Authorization": "Bearer any"}, 200), ({"x-api-key": "any"}, 401), ({}, 401)]
)
def test_keys(world, headers, status):
    """The documented headers open the door, and no other (EVIDENCE §3.10)."""
    response = httpx.post(f"{world().simulator.base_url}/responses", headers=headers, json={"input": "x"})

    assert status == response.status_code


def test_relay_wraps_the_rejection(world):
    """A relay hands the upstream's body on as a string inside its own (E12)."""
    there = world(spelling="openrouter")
    response = there.post(there.talk(1, without_reasoning))

    assert (400, E1.decode()) == (response.status_code, response.json()["error"]["metadata"]["raw"])


def test_host_without_the_wire(world):
    """A host that has only the chat wire knows no such path; the attempt is on record."""
    there = world(wires=("chat",))
    response = there.post()

    assert (404, {"detail": "Not Found"}) == (response.status_code, response.json())
    assert (404, "responses", ()) == (there.last.status, there.last.wire, there.last.verdicts)
    assert 200 == there._client.post("/chat/completions", json={"messages": [USER]}).status_code


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"input": NaN}', b"[" * 100_000])
def test_unreadable_bodies(world, raw):
    """What is no JSON object is a 400, and is logged as it came."""
    there = world()
    response = there._client.post("/responses", content=raw)

    assert (400, "input") == (response.status_code, response.json()["error"]["param"])
    assert (raw, {}) == (there.last.raw, there.last.body)
