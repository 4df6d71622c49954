"""The simulator's worlds in which rules change, waver and forbid, and how a rejection may come and a stream may end."""

import json
import logging
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from anthropic import Anthropic, APIStatusError
from openai import APIError, OpenAI

from mimo_quirks.simulator import WORDINGS, Mode, Simulator, create_app

MODEL = "mimo-v2.6-pro"
SENTENCE = "The reasoning_content in the thinking mode must be passed back to the API."
E1 = json.dumps(
    {"error": {"code": "400", "message": "Param Incorrect", "param": SENTENCE, "type": ""}}, separators=(",", ":")
).encode()
PATHS = {"chat": "/v1/chat/completions", "messages": "/anthropic/v1/messages", "responses": "/v1/responses"}
OFF = {
    "chat": {"thinking": {"type": "disabled"}},
    "messages": {"thinking": {"type": "disabled"}},
    "responses": {"reasoning": {"effort": "none"}},
}
USER = {"role": "user", "content": "weather?"}
FUNCTION = {"name": "weather", "arguments": "{}"}
THOUGHT = {
    "chat": {"reasoning_content": "hm"},
    "messages": {"type": "thinking", "thinking": "hm"},
    "responses": {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}], "summary": []},
}
wires = pytest.mark.parametrize("wire", PATHS)


def tool_round(wire, *, thought):
    """A tool turn and its result, with its reasoning or without."""
    if wire == "chat":
        call = {"id": "c1", "type": "function", "function": FUNCTION}
        turn = {"role": "assistant", "content": "", "tool_calls": [call], **(THOUGHT[wire] if thought else {})}
        return [turn, {"role": "tool", "tool_call_id": "c1", "content": "ok"}]
    if wire == "messages":
        call = {"type": "tool_use", "id": "c1", "name": "weather", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "c1", "content": "ok"}
        turn = {"role": "assistant", "content": [*([THOUGHT[wire]] if thought else []), call]}
        return [turn, {"role": "user", "content": [result]}]
    call = {"type": "function_call", "call_id": "c1", **FUNCTION}
    result = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
    return [*([THOUGHT[wire]] if thought else []), call, result]


def request(wire, *more, **body):
    return {"model": MODEL, "input" if wire == "responses" else "messages": [USER, *more], **body}


@pytest.fixture(name="server", scope="module")
def _server():
    with Simulator() as simulator, httpx.Client(headers={"api-key": "any"}, timeout=10) as client:
        yield simulator, client


@pytest.fixture(name="world")
def _world(server):
    simulator, client = server

    def world(**mode):
        simulator.mode = Mode(**mode)
        simulator.reset()
        return World(simulator, client)

    return world


class World:
    def __init__(self, simulator, client):
        self.simulator, self._client = simulator, client

    def post(self, wire, *more, **body):
        url = self.simulator.origin + PATHS[wire]
        return self._client.post(url, json=request(wire, *more, **body))

    def lost(self, wire, **body):
        """A request that breaks the rule."""
        return self.post(wire, *tool_round(wire, thought=False), **body)

    def kept(self, wire, **body):
        """A request that keeps it."""
        return self.post(wire, *tool_round(wire, thought=True), **body)

    def statuses(self, asked, wire, count):
        return [asked(wire).status_code for _ in range(count)]

    @property
    def last(self):
        return self.simulator.exchanges[-1]


# A rule that changes


@wires
def test_the_rule_changes(world, wire):
    """After so many requests that were judged the host is another, and another again; then it stays what it is."""
    there = world(then=(2, Mode(forbids="always", then=(1, Mode(accepts="off")))))

    assert [400, 400, 200, 200, 200] == there.statuses(there.lost, wire, 5)
    assert Mode(accepts="off") == there.simulator.mode


def test_only_what_was_judged_counts(world):
    """A stranger, a request that cannot be read, a question about models and a wire that is not served do not."""
    there = world(wires=("chat", "messages"), then=(1, Mode(accepts="off")))
    origin = there.simulator.origin
    httpx.get(f"{origin}/v1/models")
    httpx.post(f"{origin}/v1/chat/completions", json=request("chat"))
    there.post("chat", n=2)
    there.lost("responses")

    assert [401, 400, 404] == [exchange.status for exchange in there.simulator.exchanges]
    assert [400, 200] == there.statuses(there.lost, "chat", 2)


def test_every_wire_is_on_one_course(world):
    """The count is the host's and not a wire's."""
    there = world(then=(3, Mode(accepts="off")))

    assert [400, 400, 400, 200] == [there.lost(wire).status_code for wire in (*PATHS, "chat")]


@pytest.mark.parametrize("how", ["reset", "log", "assign"])
def test_a_course_begins_anew(world, how):
    """A reset, and a mode that is assigned, begin with the first mode."""
    there = world(enforces_every=2, then=(3, Mode(accepts="off")))
    there.statuses(there.lost, "chat", 4)
    if how == "assign":
        there.simulator.mode = Mode(enforces_every=2, then=(3, Mode(accepts="off")))
    elif how == "log":
        httpx.delete(f"{there.simulator.origin}/simulator/log")
    else:
        there.simulator.reset()

    assert [200, 400, 200, 200] == there.statuses(there.lost, "chat", 4)


# A rule that wavers


@wires
def test_requests_that_break_the_rule_are_rejected_now_and_then(world, wire):
    """Of the requests that break the rule each third is rejected, and what was asked between them does not count."""
    there = world(enforces_every=3)
    statuses = []
    for _ in range(6):
        statuses.append(there.lost(wire).status_code)
        there.kept(wire)
        there.post(wire)

    assert [200, 200, 400] * 2 == statuses
    assert [("missing",), ("foreign",), ()] * 6 == [exchange.verdicts for exchange in there.simulator.exchanges]


@wires
def test_requests_that_keep_the_rule_are_rejected_now_and_then(world, wire):
    """Of the requests that keep the rule each second is rejected, with the same words; the same body passes then."""
    there = world(rejects_every=2)
    statuses = there.statuses(there.kept, wire, 4)

    assert [200, 400, 200, 400] == statuses
    assert E1 == there.last.error
    assert [200] * 3 == there.statuses(there.post, wire, 3)
    assert [200] * 3 == [there.kept(wire, **OFF[wire]).status_code for _ in range(3)]


def test_forbidding_wavers_too(world):
    """What is said of the rule that asks for reasoning is true of the one that forbids it."""
    there = world(forbids="always", enforces_every=2)

    assert [200, 400] == there.statuses(there.kept, "chat", 2)


# Rules about more and about less


@wires
@pytest.mark.parametrize(
    ("forbids", "carried", "lost"),
    [("never", [200, 200], [400, 200]), ("when-off", [200, 400], [400, 200]), ("always", [400, 400], [200, 200])],
)
def test_forbidden_reasoning(world, wire, forbids, carried, lost):
    """Reasoning is an error where the mode says so, with thinking on and off; a host that forbids it asks for none."""
    there = world(forbids=forbids)

    assert carried == [there.kept(wire, **body).status_code for body in ({}, OFF[wire])]
    assert lost == [there.lost(wire, **body).status_code for body in ({}, OFF[wire])]
    assert [200, 200] == [there.post(wire, **body).status_code for body in ({}, OFF[wire])]


NAMED = {
    "chat": b'{"error":{"message":"messages.1.assistant.reasoning_content: Extra inputs are not permitted",'
    b'"type":"invalid_request_error","param":null,"code":"400"}}',
    "messages": b'{"type":"error","error":{"type":"invalid_request_error",'
    b'"message":"messages.1.content.0.thinking: Extra inputs are not permitted"}}',
    "responses": b'{"error":{"message":"input.1.reasoning: Extra inputs are not permitted",'
    b'"type":"invalid_request_error","param":"input.1.reasoning","code":"invalid_value"}}',
}


@wires
def test_the_place_is_named(world, wire):
    """Each wire has reasoning at a place of its own (F10)."""
    assert NAMED[wire] == world(forbids="always").kept(wire).content


@wires
def test_plain_turns_are_asked_too(world, wire):
    """Some reports say that the rule asks each turn (EVIDENCE §4.2), others only those that call."""
    plain = {"role": "assistant", "content": "sunny"}
    strict, lenient = (world(every_turn=every).post(wire, plain, USER).status_code for every in (True, False))

    assert (400, 200) == (strict, lenient)
    assert 200 == world(every_turn=True).post(wire, plain, USER, **OFF[wire]).status_code


def test_a_plain_turn_with_its_reasoning_passes(world):
    """What a plain turn was issued with is what is asked."""
    there = world(every_turn=True, accepts="exact")
    turn = there.post("chat").json()["choices"][0]["message"]

    assert 200 == there.post("chat", turn, USER).status_code
    assert 400 == there.post("chat", {**turn, "reasoning_content": "hm"}, USER).status_code


# How a rejection comes


FRAMES = {
    "chat": b"data: " + E1 + b"\n\n",
    "messages": b'event: error\ndata: {"type":"error",' + E1[1:] + b"\n\n",
    "responses": b'event: error\ndata: {"code":"400","message":"Param Incorrect","param":"%s","type":"error",'
    b'"sequence_number":0}\n\n' % SENTENCE.encode(),
}


@wires
def test_first_frame(world, wire):
    """A rejection may be the first event of a 200, in the wire's form; the log has what went out."""
    there = world(first_frame_errors=True)
    response = there.lost(wire, stream=True)

    assert (200, FRAMES[wire]) == (response.status_code, response.content)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert (200, None, FRAMES[wire]) == (there.last.status, there.last.issued, there.last.error)
    assert (400, E1) == ((plain := there.lost(wire)).status_code, plain.content)
    assert there.kept(wire, stream=True).content.count(b"\n\n") > 3


OPENINGS = {
    "chat": b'"delta":{"role":"assistant","content":""}',
    "messages": b"message_start",
    "responses": b".created",
}


@wires
def test_second_frame(world, wire):
    """It may also come after the event that opens a stream and says nothing."""
    there = world(second_frame_errors=True)
    response = there.lost(wire, stream=True)
    opening, _, rest = response.content.partition(b"\n\n")

    assert OPENINGS[wire] in opening
    assert (200, FRAMES[wire]) == (response.status_code, rest)
    assert (response.content, None) == (there.last.error, there.last.issued)
    assert (400, E1) == ((plain := there.lost(wire)).status_code, plain.content)


@wires
def test_what_is_no_object_is_a_message(world, wire):
    """An event has an object where the body has none, or not under `error`."""
    text, flat = (
        world(first_frame_errors=True, rejection=rejection).lost(wire, stream=True).text.partition("data: ")[2]
        for rejection in ("E9", "F7")
    )
    said, kimi = (json.loads(data).get("error", json.loads(data)) for data in (text, flat))

    assert "上游错误 (400): " + E1.decode() == said["message"]
    assert (20015, WORDINGS["F7"].body["message"]) == (kimi["code"], kimi["message"])


def test_a_relay_wraps_its_first_frame(world):
    """A relay's envelope is in the event as it is in a body."""
    raw = world(first_frame_errors=True, spelling="openrouter").lost("chat", stream=True).content

    assert E1.decode() == json.loads(raw.removeprefix(b"data: "))["error"]["metadata"]["raw"]


def test_sdks_read_the_first_frame(world):
    """OpenAI's SDK raises from a chunk with an error, Anthropic's from its event; OpenAI's own event is handed on."""
    origin = world(first_frame_errors=True).simulator.origin
    lost = {wire: request(wire, *tool_round(wire, thought=False), stream=True) for wire in PATHS}
    with (
        OpenAI(base_url=f"{origin}/v1", api_key="any", max_retries=0) as openai,
        Anthropic(base_url=f"{origin}/anthropic", auth_token="any", max_retries=0) as anthropic,
    ):
        with pytest.raises(APIError) as one:
            list(openai.chat.completions.create(**lost["chat"]))
        with pytest.raises(APIStatusError) as other:
            list(anthropic.messages.create(max_tokens=9, **lost["messages"]))
        (event,) = openai.responses.create(**lost["responses"])

    assert SENTENCE == one.value.body["param"] == other.value.body["error"]["param"] == event.param


@wires
@pytest.mark.parametrize("name", WORDINGS)
def test_wordings(world, wire, name):
    """Each row goes out as it stands, on every wire."""
    there, row = world(rejection=name, data_prefixed_errors=False), WORDINGS[name]
    response = there.lost(wire)

    assert row.status == response.status_code == there.last.status
    assert there.last.error == response.content
    assert row.body == (response.text if isinstance(row.body, str) else response.json())


def test_the_names_are_those_of_evidence():
    """Every body of EVIDENCE §5.1 and §5.2 that a server can send is there; E2 is a prefix, F9 and F10 have modes."""
    rows = {row.name.partition("-")[0] for row in WORDINGS.values() if row.ours}
    others = [row for row in WORDINGS.values() if not row.ours]

    assert {"E1", "E3", "E4", "E6", "E7", "E8", "E9", "E11", "E12", "F1", "F2", "F4", "F5", "F6", "F7", "F8"} == rows
    assert not [row.name for row in others if SENTENCE in str(row.body)]
    assert all(row.source for row in WORDINGS.values())


def test_some_wordings_to_the_byte(world):
    """A relay's sentence, a body that is cut, and one whose param is lost."""
    said = {name: world(rejection=name).lost("chat").text for name in ("E6", "E8", "E9", "F8")}

    assert '{"error":{"message":"Param Incorrect","code":"400","type":""}}' == said["E6"]
    assert E1.decode().partition("e API")[0] + "..." == said["E8"]
    assert f"上游错误 (400): {E1.decode()}" == said["E9"]
    assert "status_code=400, thinking is enabled but reasoning_content is missing in " in said["F8"]
    assert "(request id: 1)" in said["F8"]


def test_a_relay_wraps_what_its_upstream_says(world):
    """A host's own words are prefixed on streams and wrapped by a relay; a relay's words are neither."""
    assert world(rejection="F1").lost("chat", stream=True).text.startswith('data:{"error"')
    assert world(rejection="E4").lost("chat", stream=True).text.startswith('{"error"')
    wrapped = world(rejection="F6", spelling="openrouter").lost("chat").json()
    assert "thinking is enabled but" in wrapped["error"]["metadata"]["raw"]
    assert WORDINGS["F8"].body == world(rejection="F8", spelling="openrouter").lost("chat").json()
    assert "] thinking is enabled but" in world(rejection="F7", spelling="openrouter").lost("messages").text


@wires
@pytest.mark.parametrize("status", [500, 502])
def test_reworded_status(world, wire, status):
    """A relay says its upstream's words with a status of its own."""
    there = world(rejection_status=status)
    response = there.lost(wire)

    assert (status, E1, status) == (response.status_code, response.content, there.last.status)
    assert 200 == there.kept(wire).status_code


# A connection that is cut


@wires
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_cut(world, wire, count, split, caplog, capfd):
    """A stream ends after so many events without its end, which a client takes for an error; nobody logs."""
    there = world(cut_after=count, split_utf8=split)
    parts = []
    url, headers = there.simulator.origin + PATHS[wire], {"api-key": "any"}
    with (
        httpx.stream("POST", url, json=request(wire, stream=True), headers=headers) as response,
        pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"),
    ):
        parts.extend(response.iter_raw())

    assert 200 == there.post(wire).status_code
    assert (2, True) == (len(there.simulator.exchanges), there.simulator.exchanges[0].issued is not None)
    assert (200, count) == (response.status_code, b"".join(parts).count(b"\n\n"))
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert ("", "") == capfd.readouterr()


def test_a_short_stream_is_whole(world):
    """What has no more events is not cut."""
    assert world(cut_after=1000).post("chat", stream=True).text.endswith("data: [DONE]\n\n")


def test_sdks_raise_in_mid_stream(world):
    """OpenAI's and Anthropic's SDK hand on what came and then raise."""
    origin = world(cut_after=3).simulator.origin
    with (
        OpenAI(base_url=f"{origin}/v1", api_key="any", max_retries=2) as openai,
        Anthropic(base_url=f"{origin}/anthropic", auth_token="any", max_retries=2) as anthropic,
    ):
        streams = (
            openai.chat.completions.create(**request("chat", stream=True)),
            anthropic.messages.create(max_tokens=9, **request("messages", stream=True)),
            openai.responses.create(**request("responses", stream=True)),
        )

        assert [(3, "RemoteProtocolError")] * 3 == [drained(stream) for stream in streams]


def drained(stream):
    """How many events came, and what ended them. Anthropic's SDK has an HTTP library of its own."""
    came = 0
    try:
        for _ in stream:
            came += 1
    except Exception as error:  # noqa: BLE001 - which one is the question
        return came, type(error).__name__
    return came, None


def test_another_server_is_failed():
    """A server that cannot hang up is given an exception, which is all that ASGI has."""
    app = create_app(Mode(cut_after=1))
    sent = []

    async def receive():
        return {"type": "http.request", "body": json.dumps(request("chat", stream=True)).encode()}

    async def send(message):
        sent.append(message)

    async def ask():
        scope = {"type": "http", "method": "POST", "path": PATHS["chat"], "headers": [(b"api-key", b"any")]}
        await app({**scope, "query_string": b"", "root_path": "", "http_version": "1.1"}, receive, send)

    import asyncio

    with pytest.raises(ConnectionAbortedError):
        asyncio.run(ask())
    assert ["http.response.start", "http.response.body"] == [message["type"] for message in sent]


def test_the_command_cuts_too():
    """The same stream is cut behind `mimo-quirks simulate`, whose server prints nothing about it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("mimo-quirks")), "simulate", "cut_after=1", "--port", str(port)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        subprocess.Popen(command, **pipes) as process,
        httpx.Client(transport=httpx.HTTPTransport(retries=10), headers={"api-key": "any"}, timeout=30) as client,
    ):
        try:
            with pytest.raises(httpx.RemoteProtocolError):
                client.post(f"http://127.0.0.1:{port}{PATHS['chat']}", json=request("chat", stream=True))
        finally:
            process.terminate()
            _, said = process.communicate()

    assert b"" == said


# Modes in words


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("forbids", "sometimes"),
        ("every_turn", 1),
        ("first_frame_errors", None),
        ("second_frame_errors", 1),
        ("enforces_every", 0),
        ("rejects_every", -1),
        ("rejection", "E2"),
        ("rejection_status", 200),
        ("rejection_status", "500"),
        ("cut_after", -1),
        ("then", Mode()),
        ("then", (0, Mode())),
        ("then", (1, "off")),
        ("then", (1, Mode(), Mode())),
    ],
)
def test_mode_that_does_not_exist(field, value):
    """A wrong mode is an error that names its field."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        Mode(**{field: value})


def test_fields_are_read_from_words():
    """The command line says all of it; after `then` comes the mode that follows, which is else like the first."""
    from mimo_quirks.cli.commands import read_mode

    words = "every_turn=true rejection=E4 rejection_status=502 cut_after=3 then=2 forbids=always then=4 accepts=off"
    first = {"every_turn": True, "rejection": "E4", "rejection_status": 502, "cut_after": 3}
    second = {**first, "forbids": "always"}

    assert Mode(**first, then=(2, Mode(**second, then=(4, Mode(**second, accepts="off"))))) == read_mode(words.split())


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("then=soon", "then: 'soon' must be"),
        ("cut_after=x", "cut_after: 'x'"),
        ("rejection=E2", "rejection: 'E2' must be one of"),
    ],
)
def test_wrong_words(word, complaint):
    """A wrong word is named."""
    import typer

    from mimo_quirks.cli.commands import read_mode

    with pytest.raises(typer.BadParameter, match=complaint):
        read_mode([word])
