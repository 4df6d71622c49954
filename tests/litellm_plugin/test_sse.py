"""A stream of the messages wire on its way through LiteLLM: whatever its size and its cuts."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import litellm
import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_mimo.sse import EVENT_LIMIT, MessageReader

from ..cases import NASTY
from ..timing import LINEAR, growth
from .test_sdk_routes import _use as use_fixture

use = use_fixture
KIB = 1024


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n".encode()


def _delta(index: int, **delta: str) -> bytes:
    return _event("content_block_delta", index=index, delta=delta)


def _answer(*thoughts: str, times: int = 1) -> list[bytes]:
    """The events of an answer that thinks in these pieces, and speaks and calls a tool in so many more."""
    call = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
    return [
        _event("message_start", message={"id": "m", "type": "message", "role": "assistant", "content": []}),
        _event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
        *(_delta(0, type="thinking_delta", thinking=thought) for thought in thoughts),
        _event("content_block_stop", index=0),
        _event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        *[_delta(1, type="text_delta", text="北京\r\n")] * times,
        _event("content_block_stop", index=1),
        _event("content_block_start", index=2, content_block=call),
        *[_delta(2, type="input_json_delta", partial_json='[" "') for _ in range(times)],
        _event("content_block_stop", index=2),
        _event("message_stop"),
    ]


def _read(reader: MessageReader, stream: bytes, size: int) -> bytes:
    chunks = (stream[start : start + size] for start in range(0, len(stream), size))
    return b"".join(event for chunk in chunks for event in reader.feed(chunk)) + reader.flush()


@given(cuts=st.sets(st.integers(0, 2000)), newline=st.sampled_from([b"\n", b"\r\n"]))
def test_every_cut_reads_the_same(cuts: set[int], newline: bytes) -> None:
    """However the bytes are cut, the same events come out, with the block's signature before its end."""
    events = [event.replace(b"\n", newline) for event in _answer(NASTY, " tail\n", times=2)]
    whole = b"".join(events)
    places = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    reader = MessageReader(lambda text: f"sealed {len(text)}")
    given = [e for begin, end in pairwise(places) for e in reader.feed(whole[begin:end])]
    signature = _delta(0, type="signature_delta", signature=f"sealed {len(NASTY + ' tail' + chr(10))}")

    assert [*events[:4], signature, *events[4:]] == given
    assert (True, b"") == (reader.stopped, reader.flush())
    assert {
        "role": "assistant",
        "content": "北京\r\n" * 2,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '[" "' * 2}},
        ],
        "thinking_blocks": [{"type": "thinking", "thinking": NASTY + " tail\n"}],
    } == reader.turn()


@given(stream=st.binary() | st.lists(st.sampled_from([*_answer("a"), b"\r", b"\n", b"data: {", b"}"])).map(b"".join))
def test_any_bytes_go_through(stream: bytes) -> None:
    """Whatever the bytes are, and however they are cut, they go through unchanged."""
    for size in (1, 7, max(1, len(stream))):
        assert stream == _read(MessageReader(), stream, size)


def _one_event(size: int) -> bytes:
    return b"".join(_answer("x" * size))


def _in_one_chunk(size: int) -> None:
    stream = b"data: {}\n\n" * (size // 10)
    assert stream == _read(MessageReader(), stream, len(stream))


def _pieces_of_a_long_block(size: int) -> None:
    start = _event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "x" * size})
    stream = start + _delta(0, type="thinking_delta", thinking="x") * (size // 256)
    assert stream == _read(MessageReader(), stream, len(stream))


def _line_ends(size: int) -> None:
    stream = b"data: {}\r\n\r" * (size // 11)
    assert stream == _read(MessageReader(), stream, KIB)


def _in_small_chunks(size: int) -> None:
    stream = _one_event(size)
    assert stream == _read(MessageReader(), stream, 512)


def _blocks_that_end_often(size: int) -> None:
    ends = [_event("content_block_stop", index=0)] * (size // KIB)
    stream = b"".join([*_answer("x" * size)[:3], *ends])
    reader = MessageReader(lambda text: "sealed")
    assert len(stream) < len(_read(reader, stream, len(stream)))


WORKS = [_in_small_chunks, _in_one_chunk, _line_ends, _pieces_of_a_long_block, _blocks_that_end_often]


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
def test_linear(work: Callable[[int], None]) -> None:
    """The time goes with the bytes: one event, many, and the pieces of one block."""
    assert growth(work, 64 * KIB) < LINEAR


@pytest.mark.parametrize("size", [1, 100, 10_000])
@pytest.mark.parametrize("extra", [0, 1])
def test_an_event_above_the_limit(extra: int, size: int, caplog: pytest.LogCaptureFixture) -> None:
    """It goes through unread with all that follows it, however it is cut, and the log says so once."""
    events = _answer(" a", "b" * 500, " c")
    limit, whole = len(events[3]) - extra, b"".join(events)
    reader = MessageReader(lambda text: "sealed", limit=limit)
    with caplog.at_level(logging.WARNING, "mimo_quirks"):
        given = _read(reader, whole, size)

    signature = b"" if extra else _delta(0, type="signature_delta", signature="sealed")
    place = len(b"".join(events[:5]))
    assert whole[:place] + signature + whole[place:] == given
    assert reader.stopped is not bool(extra)
    assert extra == len(caplog.records)


def test_what_waits_is_bounded() -> None:
    """An event without an end does not fill the memory."""
    reader = MessageReader()
    waiting = 0
    for _ in range(EVENT_LIMIT // KIB // KIB + 2):
        waiting += KIB * KIB - len(b"".join(reader.feed(b"x" * KIB * KIB)))
        assert waiting <= EVENT_LIMIT

    assert 0 == waiting


class _Host(BaseHTTPRequestHandler):
    """Answers with the stream that its server has, in pieces as a network cuts it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        server: Any = self.server
        server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(server.stream)))
        self.end_headers()
        for start in range(0, len(server.stream), KIB):
            self.wfile.write(server.stream[start : start + KIB])

    def log_message(self, *_: Any) -> None:
        """Is quiet."""


@pytest.fixture(name="host")
def _host() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Host)
    server.stream, server.bodies = b"", []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


async def _ask(host: Any, history: list[Any]) -> bytes:
    arguments = {"model": "anthropic/mimo-v2.6-pro", "api_base": f"http://127.0.0.1:{host.server_port}", "api_key": "k"}
    answer = await litellm.anthropic_messages(messages=history, max_tokens=4000, stream=True, **arguments)
    return b"".join([chunk async for chunk in answer])


_CALL = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "x"}}
_RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "1"}]}
_QUESTION = {"role": "user", "content": "x"}


def _called(*thoughts: str) -> bytes:
    return b"".join([*_answer(*thoughts)[:-5], *_called_end()])


def _called_end() -> list[bytes]:
    return [
        _event("content_block_start", index=1, content_block={**_CALL, "input": {}}),
        _delta(1, type="input_json_delta", partial_json='{"city": "x"}'),
        _event("content_block_stop", index=1),
        _event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 1}),
        _event("message_stop"),
    ]


@pytest.mark.parametrize("above", [False, True])
async def test_a_large_event_of_a_host(above: bool, host: Any, use: Callable[..., None]) -> None:
    """Up to the limit it is remembered; above it, the client has its bytes, and nothing is remembered."""
    use(sign=False)
    thought = "x" * (EVENT_LIMIT + KIB if above else 2 * KIB * KIB)
    host.stream = _called(thought)
    given = await _ask(host, [_QUESTION])
    await _ask(host, [_QUESTION, {"role": "assistant", "content": [_CALL]}, _RESULT])

    assert host.stream == given
    _, turn, _ = json.loads(host.bodies[-1])["messages"]
    assert ([] if above else [thought]) == [b["thinking"] for b in turn["content"] if b.get("thinking", " ").strip()]


async def test_a_large_event_in_time(host: Any, use: Callable[..., None]) -> None:
    """What LiteLLM's event loop has to do for a host's event grows as the event does."""
    use(sign=False)
    taken = []
    for size in (KIB, KIB * KIB, 4 * KIB * KIB):  # the first call is what LiteLLM warms up with
        host.stream = _called("x" * size)
        began = time.thread_time()
        assert host.stream == await _ask(host, [_QUESTION])
        taken.append(time.thread_time() - began)

    assert taken[2] < LINEAR * taken[1]
