"""The simulator's messages wire, asked by the Anthropic SDK and by hand: what it says, finds and rejects."""

import json

import httpx
import pytest
from anthropic import Anthropic, BadRequestError

from mimo_quirks.simulator import Mode, Simulator

MODEL = "mimo-v2.6-pro"
E1 = (
    b'{"error":{"code":"400","message":"Param Incorrect","param":'
    b'"The reasoning_content in the thinking mode must be passed back to the API.","type":""}}'
)
TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    for name in ("weather", "tide")
]
USER = {"role": "user", "content": "weather?"}
OFF = {"thinking": {"type": "disabled"}}
SEVERAL = {"thinking_blocks": 2, "parallel_calls": 2}
LATE = {**SEVERAL, "late_reasoning": True}


@pytest.fixture(name="server", scope="module")
def _server():
    with (
        Simulator() as simulator,
        Anthropic(base_url=simulator.anthropic_url, auth_token="any", max_retries=0) as sdk,
        httpx.Client(base_url=simulator.anthropic_url, headers={"x-api-key": "any"}, timeout=10) as client,
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
    """A client that keeps every message, and may change what it sends."""

    def __init__(self, simulator, sdk, client):
        self.simulator, self._sdk, self._client = simulator, sdk, client

    def ask(self, history, *, stream=False, **body):
        request = {"model": MODEL, "max_tokens": 1000, "messages": history, "tools": TOOLS, **body}
        if not stream:
            return self._sdk.messages.create(**request)
        with self._sdk.messages.stream(**request) as events:
            return events.get_final_message()

    def post(self, path="/v1/messages", **body):
        return self._client.post(path, json={"model": MODEL, "messages": [USER], "tools": TOOLS, **body})

    def talk(self, turns, change=list, *, stream=False, **body):
        """So many turns on end; `change` is what becomes of a turn's blocks on their way back."""
        history = []
        for _ in range(turns):
            if not history or history[-1]["role"] == "assistant":
                history.append(USER)
            blocks = said(self.ask(history, stream=stream, **body))
            history.append({"role": "assistant", "content": change(blocks)})
            if results(blocks):
                history.append({"role": "user", "content": results(blocks)})
        return history

    @property
    def last(self):
        return self.simulator.exchanges[-1]


def said(message):
    return [block.model_dump(exclude_none=True) for block in message.content]


def results(blocks):
    calls = [block for block in blocks if block["type"] == "tool_use"]
    return [{"type": "tool_result", "tool_use_id": call["id"], "content": "ok"} for call in calls]


def thoughts(blocks):
    return [block["thinking"] for block in blocks if block["type"] == "thinking"]


def kinds(blocks):
    return [block["type"] for block in blocks]


def without_thinking(blocks):
    return [block for block in blocks if block["type"] != "thinking"]


def each_thought(change):
    return lambda blocks: [
        {**block, "thinking": change(block["thinking"])} if block["type"] == "thinking" else block for block in blocks
    ]


def joined(blocks):
    return [{"type": "thinking", "thinking": "".join(thoughts(blocks))}, *without_thinking(blocks)]


def events(response):
    pairs = [event.split("\n", 1) for event in response.text.split("\n\n") if event]
    read = [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in pairs]
    assert all(name == data["type"] for name, data in read)
    return [data for _, data in read]


# Verdicts and the rule


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", [{}, SEVERAL, LATE, {"split_utf8": True}, {"signatures": "checked"}])
def test_echoed_turns_are_exact(world, mode, stream):
    """A client that hands back every block as it came is exact to the end, tool turns and plain ones."""
    there = world(accepts="exact", keeps_order=True, tool_rounds=2, **mode)
    there.ask([*there.talk(6, stream=stream), USER])

    assert ("exact",) * 6 == there.last.verdicts
    assert (True,) * 6 == there.last.kept
    assert [True, True, False] * 2 == [bool(exchange.issued.calls) for exchange in there.simulator.exchanges[:6]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (without_thinking, "missing"),
        (lambda blocks: [{"type": "redacted_thinking", "data": "x"}, *without_thinking(blocks)], "missing"),
        (each_thought(lambda _: ""), "placeholder"),
        (each_thought(lambda _: " "), "placeholder"),
        (each_thought(str.strip), "altered"),
        (each_thought(lambda text: text.replace("\r\n", "\n")), "altered"),
        (lambda blocks: [*without_thinking(blocks), *blocks[:1]], "exact"),
        (joined, "exact"),
        (each_thought(lambda text: text), "exact"),
    ],
)
def test_verdict_of_a_known_turn(world, change, expected):
    """All that counts is the text of all thinking blocks in their order."""
    there = world(accepts="off")
    there.talk(4, change)

    assert (expected,) * 3 == there.last.verdicts


def test_blocks_count_in_their_order(world):
    """Two blocks the other way round are not what was thought; joined by a newline neither."""
    there = world(accepts="off", thinking_blocks=2)
    there.talk(2, lambda blocks: [*blocks[1::-1], *blocks[2:]])
    swapped = there.last.verdicts
    there.talk(2, lambda blocks: [{"type": "thinking", "thinking": "\n".join(thoughts(blocks))}, *blocks[2:]])

    assert (("altered",), ("altered",)) == (swapped, there.last.verdicts)


@pytest.mark.parametrize("stream", [False, True])
def test_dropped_thinking_is_rejected(world, stream):
    """A call without its reasoning is rejected with Xiaomi's own words, which name a field of another wire."""
    there = world()
    history = there.talk(1, without_thinking)
    with pytest.raises(BadRequestError) as caught:
        there.ask(history, stream=stream)

    assert (b"data:" if stream else b"") + E1 == caught.value.response.content
    assert ("missing",) == there.last.verdicts
    assert (400, "messages") == (there.last.status, there.last.wire)


def test_every_round_is_checked(world):
    """A call of an earlier user round is asked for its reasoning too, and a plain turn is not."""
    there = world()
    history = there.talk(2)
    plain = [*history[:3], {"role": "assistant", "content": without_thinking(history[3]["content"])}, USER]

    assert 200 == there.post(messages=plain).status_code
    assert ("exact", "missing") == there.last.verdicts

    bare = [USER, {"role": "assistant", "content": without_thinking(history[1]["content"])}, *history[2:], USER]

    assert 400 == there.post(messages=bare).status_code
    assert ("missing", "exact") == there.last.verdicts


@pytest.mark.parametrize(
    ("accepts", "text", "status"),
    [("present", "", 200), ("non-empty", "", 400), ("non-blank", " ", 400), ("exact", " ", 400), ("exact", "x", 400)],
)
def test_what_passes_as_reasoning(world, accepts, text, status):
    """Each reading of the contract holds on this wire as on the others."""
    there = world(accepts=accepts)
    blocks = each_thought(lambda _: text)(said(there.ask([USER])))
    history = [USER, {"role": "assistant", "content": blocks}, {"role": "user", "content": results(blocks)}]

    assert status == there.post(messages=history).status_code


@pytest.mark.parametrize("keeps_order", [False, True])
@pytest.mark.parametrize(
    "change", [joined, lambda blocks: sorted(blocks, key=lambda block: block["type"] != "thinking")]
)
def test_order_is_told_and_asked_only_by_its_mode(world, change, keeps_order):
    """Where blocks stood is no part of the verdict; it is told beside it, and a mode rejects it (EVIDENCE §12.1)."""
    there = world(accepts="exact", keeps_order=keeps_order, **LATE)
    blocks = said(there.ask([USER]))
    history = [USER, {"role": "assistant", "content": change(blocks)}, {"role": "user", "content": results(blocks)}]

    assert (400 if keeps_order else 200) == there.post(messages=history).status_code
    assert (("exact",), (False,)) == (there.last.verdicts, there.last.kept)


def test_order_is_asked_of_exact_turns_only(world):
    """What was lost or altered is not also out of place: how it is answered is the other field's business."""
    there = world(accepts="off", keeps_order=True, **LATE)

    assert 200 == there.post(messages=there.talk(1, without_thinking)).status_code
    assert 200 == there.post(messages=there.talk(1, each_thought(str.strip))).status_code


def test_empty_texts_are_nowhere(world):
    """A text without a letter, as converters put before calls, moves nothing."""
    there = world(accepts="exact", keeps_order=True)
    history = there.talk(1, lambda blocks: [blocks[0], {"type": "text", "text": ""}, *blocks[1:]])

    assert 200 == there.post(messages=history).status_code


# Thinking


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_off(world, stream):
    """Off leaves no block, and asks for none."""
    there = world(accepts="exact")
    history = there.talk(3, stream=stream, **OFF)

    assert not [block for message in history[1::2] for block in message["content"] if block["type"] == "thinking"]
    assert ("missing", "missing") == there.last.verdicts
    assert not there.last.thinking


@pytest.mark.parametrize(
    "control", [{}, {"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}, {"type": "enabled"}]
)
def test_thinking_on(world, control):
    """Anything but `disabled` is on, and silence too (openclaw#81416)."""
    there = world()
    answer = there.ask([USER], **({"thinking": control} if control else {}))

    assert ["thinking", "tool_use"] == kinds(said(answer))
    assert there.last.thinking


# Answers


def test_document(world):
    """A document in the shape of EVIDENCE §4.7: no signature, thinking first, usage in three numbers."""
    there = world()
    body = there.post().json()
    issued = there.last.issued
    (call,) = issued.calls

    assert [
        {"type": "thinking", "thinking": issued.reasoning},
        {"type": "tool_use", "id": call.id, "name": "weather", "input": {"city": "Zürich 東京"}},
    ] == body["content"]
    assert ("message", "assistant", MODEL, "tool_use") == tuple(
        body[key] for key in ("type", "role", "model", "stop_reason")
    )
    assert {"input_tokens", "output_tokens", "cache_read_input_tokens"} == set(body["usage"])
    assert "end_turn" == there.post(tools=None).json()["stop_reason"]


def test_usage_counts_what_was_cached(world):
    """What was sent before is read from the cache, and is not counted twice."""
    there = world()
    first, second = (there.post().json()["usage"] for _ in range(2))

    assert (first["input_tokens"], 0) == (second["cache_read_input_tokens"], second["input_tokens"])
    assert 0 == first["cache_read_input_tokens"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ({}, ["thinking", "tool_use"]),
        ({"thinking_blocks": 2}, ["thinking", "thinking", "tool_use"]),
        ({"parallel_calls": 2}, ["thinking", "tool_use", "tool_use"]),
        (SEVERAL, ["thinking", "tool_use", "thinking", "tool_use"]),
        ({**SEVERAL, "thinking_blocks": 3}, ["thinking", "thinking", "tool_use", "thinking", "tool_use"]),
        ({"late_reasoning": True}, ["thinking", "tool_use", "thinking"]),
        (LATE, ["thinking", "tool_use", "thinking", "tool_use", "thinking"]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_order_of_blocks(world, mode, expected, stream):
    """Blocks are dealt out before the calls and, late, after them; their texts in order are the reasoning."""
    there = world(**mode)
    blocks = said(there.ask([USER], stream=stream))

    assert expected == kinds(blocks)
    assert there.last.issued.reasoning == "".join(thoughts(blocks))
    assert len(set(thoughts(blocks))) == len(thoughts(blocks))


def test_order_of_a_stream(world):
    """Every block is opened, filled and closed, between the start of the message and its end."""
    there = world(signatures="issued", **SEVERAL)
    read = events(there.post(stream=True))
    names = [event["type"].removeprefix("content_block_") for event in read]

    assert ["message_start", *["start", "delta", "stop"] * 4, "message_delta", "message_stop"] == [
        name for place, name in enumerate(names) if names[place - 1 : place] != [name]
    ]
    assert [0, 0, 0] == [event["index"] for event in read[1:4]]
    assert ["thinking_delta"] * 5 == [event["delta"]["type"] for event in read[2:7]]
    assert {"thinking_delta", "signature_delta", "input_json_delta"} == {
        event["delta"]["type"] for event in read if event["type"] == "content_block_delta"
    }
    assert "tool_use" == read[-2]["delta"]["stop_reason"]
    assert (0, True) == (read[0]["message"]["usage"]["output_tokens"], read[-2]["usage"]["output_tokens"] > 0)


@pytest.mark.parametrize("split", [False, True])
def test_writes_end_inside_characters_when_split(world, split):
    """A stream may be cut inside a character, and is the same stream."""
    there = world(split_utf8=split)
    read = events(there.post(stream=True))
    deltas = [event["delta"] for event in read if event["type"] == "content_block_delta"]

    assert there.last.issued.reasoning == "".join(delta.get("thinking", "") for delta in deltas)
    assert there.last.issued.calls[0].arguments.replace(": ", ":") == "".join(
        delta.get("partial_json", "") for delta in deltas
    )


# Signatures


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("signatures", "lengths"), [("absent", {None}), ("empty", {0}), ("issued", {44}), ("checked", {44})]
)
def test_signatures(world, signatures, lengths, stream):
    """A block has no signature, an empty one or a token, as the mode says; equal texts alone have equal tokens."""
    there = world(signatures=signatures, thinking_blocks=2)
    found = [block.get("signature") for block in said(there.ask([USER], stream=stream))[:2]]

    assert lengths == {None if signature is None else len(signature) for signature in found}
    assert (len(found) == len(set(found))) == (44 in lengths)


@pytest.mark.parametrize(
    ("mode", "signature", "status"),
    [
        ("absent", "EsYCC", 200),
        ("issued", "EsYCC", 200),
        ("checked", "EsYCC", 400),
        ("checked", "", 200),
        ("checked", None, 200),
    ],
)
def test_foreign_signatures(world, mode, signature, status):
    """Another vendor's signature is rejected, with Claude's words, only where signatures are checked (F9)."""
    there = world(signatures=mode)
    history = there.talk(1, lambda blocks: [{**blocks[0], "signature": signature}, *blocks[1:]])
    response = there.post(messages=history)

    assert status == response.status_code
    if status == 400:
        message = "messages.1.content.0: Invalid `signature` in `thinking` block"
        assert {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": message},
        } == response.json()


def test_signature_is_of_its_text(world):
    """A block whose text was changed is rejected by its signature, as is one of before a reset."""
    there = world(signatures="checked")
    history = there.talk(1)
    altered = [USER, {**history[1], "content": each_thought(str.strip)(history[1]["content"])}, history[2]]

    assert (400, 200) == (there.post(messages=altered).status_code, there.post(messages=history).status_code)

    there.simulator.reset()

    assert 400 == there.post(messages=history).status_code


# Histories


def test_system_and_consecutive_messages(world):
    """Several user messages on end, results beside text, lists of results and a system prompt in blocks are read."""
    there = world(accepts="exact", tool_rounds=3)
    system = [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]
    history = [USER, {"role": "user", "content": [{"type": "text", "text": "now"}]}]
    for number in range(4):
        blocks = said(there.ask(history, system=system))
        answers = [*results(blocks), {"type": "text", "text": f"<reminder {number}>"}]
        history += [{"role": "assistant", "content": blocks}, {"role": "user", "content": answers}]

    assert ("exact",) * 3 == there.last.verdicts
    assert [True, True, True, False] == [bool(exchange.issued.calls) for exchange in there.simulator.exchanges]


def test_foreign_text(world):
    """Another turn's text is foreign, and so is any text on a turn that nobody issued."""
    there = world(accepts="off")
    mine, other = (said(there.ask([USER])) for _ in range(2))
    stranger = [{"type": "thinking", "thinking": "made up"}, {"type": "text", "text": "hello"}]
    swapped = {"role": "assistant", "content": [other[0], *mine[1:]]}
    there.ask([USER, {"role": "assistant", "content": stranger}, USER, swapped, {"role": "user", "content": "ok"}])

    assert ("foreign", "foreign") == there.last.verdicts


@pytest.mark.parametrize("worlds", [{}, {"ids": "repeating", "answers": "identical"}])
def test_conversation_by_a_mark(world, worlds):
    """A mark inside of another parameter tells conversations apart, where nothing else does."""
    there = world(accepts="exact", conversation="metadata.user_id", **worlds)
    for user in ("one", "two"):
        there.talk(4, metadata={"user_id": user})

        assert ("exact",) * 3 == there.last.verdicts
        assert user == there.last.conversation


# Errors


@pytest.mark.parametrize(
    ("headers", "x_api_key", "status"),
    [
        ({"x-api-key": "any"}, True, 200),
        ({"x-api-key": "any"}, False, 401),
        ({"authorization": "Bearer any"}, False, 200),
        ({"api-key": "any"}, False, 200),
        ({"authorization": "Bearer"}, True, 401),
        ({}, True, 401),
    ],
)
def test_keys(world, headers, x_api_key, status):
    """A host takes Anthropic's header, or the documented ones only (EVIDENCE §3.10)."""
    there = world(x_api_key=x_api_key)
    url = f"{there.simulator.anthropic_url}/v1/messages"
    response = httpx.post(url, headers=headers, json={"messages": [USER]})

    assert status == response.status_code
    assert ("Invalid API Key" in response.text) == (status == 401)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"messages": None}, "messages: Input should be a valid list"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role: Input should be 'user' or 'assistant'"),
        (
            {"messages": [{"role": "user", "content": [{"type": "thinking"}]}]},
            "messages.0.content.0.thinking.thinking: Field required",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "x"}]}, "tools.0.type: Input should be 'custom'"),
        ({"tools": [{"name": "x"}]}, "tools.0.input_schema: Field required"),
        ({"thinking": {"type": "off"}}, "thinking.type: Input should be 'enabled', 'disabled' or 'adaptive'"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
        ({"max_tokens": 131_073}, "max_tokens: Input should be less than or equal to 131072"),
        ({"temperature": 2}, "temperature: Input should be less than or equal to 1.5"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_malformed_requests(world, body, message, stream):
    """What does not fit the schema is answered in Anthropic's shape, on streams without any prefix."""
    there = world()
    response = there.post(**body, stream=stream)

    assert 400 == response.status_code
    assert {"type": "error", "error": {"type": "invalid_request_error", "message": message}} == response.json()
    assert ((), None) == (there.last.verdicts, there.last.issued)


def test_relay_wraps_the_rejection(world):
    """A relay serves the wire below its origin and words the rejection anew (E11)."""
    there = world(spelling="openrouter")
    history = there.talk(1, without_thinking)
    response = there.post(f"{there.simulator.origin}/v1/messages", messages=history)

    assert {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "Error from provider (Console Go): Upstream request failed: [invalid_request_error] "
            "The reasoning_content in the thinking mode must be passed back to the API.",
        },
    } == response.json()
    assert (400, "/v1/messages") == (response.status_code, there.last.path)


def test_host_without_the_wire(world):
    """A host that has only the chat wire knows no such path; the attempt is on record."""
    there = world(wires=("chat",))
    response = there.post()

    assert (404, {"detail": "Not Found"}) == (response.status_code, response.json())
    assert (404, "messages", ()) == (there.last.status, there.last.wire, there.last.verdicts)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"messages": NaN}', b"[" * 100_000])
def test_unreadable_bodies(world, raw):
    """What is no JSON object is a 400, and is logged as it came."""
    there = world()
    response = there._client.post("/v1/messages", content=raw)

    assert (400, "messages: Field required") == (response.status_code, response.json()["error"]["message"])
    assert (raw, {}) == (there.last.raw, there.last.body)
