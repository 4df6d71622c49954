"""What ChatMiMo costs beside ChatOpenAI: `python -m tests.bench` prints each figure, its bound, and whether it holds.

Both are measured in one run, in turns, and the fastest of many rounds counts, so that a busy machine shows less. No
server is asked: the answers come from memory.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import openai
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from langchain_mimo import ChatMiMo
from langchain_mimo.clients import httpx_of
from mimo_quirks.stores import MemoryStore

FRAME = {"id": "1", "created": 1, "model": "mimo-v2.6-pro"}
METADATA = {"model_provider": "xiaomi_mimo", "model_name": "mimo-v2.6-pro", "finish_reason": "stop"}
URL = "https://relay.example/v1"
THOUGHT = "先想一想 and then some more, as models do. " * 12
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]


def best(
    rounds: int, *works: Callable[[], Any], number: int = 1, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """The fastest of many rounds of each, in seconds of this clock, measured in turns."""
    times = [float("inf")] * len(works)
    for work in works:
        work()
    for _ in range(rounds):
        for place, work in enumerate(works):
            gc.collect(0)
            start = clock()
            for _ in range(number):
                work()
            times[place] = min(times[place], (clock() - start) / number)
    return times


def show(what: str, theirs: float, ours: float, bound: float | None = None) -> None:
    """One line."""
    ratio = ours / theirs
    verdict = "" if bound is None else f"  (at most {bound:.2f}: {'holds' if ratio <= bound else 'MISSED'})"
    print(f"{what:<58}{theirs * 1e3:10.3f} ms {ours * 1e3:10.3f} ms {ratio:6.2f}{verdict}")


def _history(size: int, *, reasoning: bool) -> list[BaseMessage]:
    """Rounds of a question, three tool turns and an answer."""
    messages: list[BaseMessage] = []
    while len(messages) < size:
        number = len(messages)
        messages.append(HumanMessage(f"question {number}"))
        for step in range(3):
            ident = f"call_{number:04d}a{step}b7c9d1e3f5"
            call = {"id": ident, "name": "weather", "args": {"city": "北京", "day": number + step}}
            held = {"reasoning_content": f"{number}.{step} {THOUGHT}"} if reasoning else {}
            turn = AIMessage("", tool_calls=[call], additional_kwargs=held, response_metadata=dict(METADATA))
            messages.append(turn)
            messages.append(ToolMessage(f"{step} °C and clear, as the forecast of {number} said", tool_call_id=ident))
        held = {"reasoning_content": f"{number} {THOUGHT}"} if reasoning else {}
        messages.append(
            AIMessage(f"It is {number} °C today and will be much the same tomorrow.", additional_kwargs=held)
        )
    return messages[:size]


def _openai(**fields: Any) -> Any:
    return ChatOpenAI(**{"model": "mimo-v2.6-pro", "api_key": "k", "base_url": URL, **fields})


def _mimo(**fields: Any) -> Any:
    return ChatMiMo(**{"model": "mimo-v2.6-pro", "api_key": "k", "base_url": URL, **fields})


def requests() -> None:
    """Building a request: the body that LangChain makes of the messages, and the request that the SDK makes of it."""
    nothing = _client(_answer(), "application/json")
    theirs = _openai(http_client=nothing)
    for kind, reasoning in (("nothing to recall", True), ("every turn recalled", False)):
        for size in (75, 150, 300, 600):
            ours = _mimo(http_client=nothing, store=MemoryStore())
            _remember(ours, _history(size, reasoning=True))
            history = _history(size, reasoning=reasoning)
            sent = ours._get_request_payload(history)["messages"]
            assert all(message.get("reasoning_content") for message in sent if message.get("tool_calls"))
            bodies = [partial(model._get_request_payload, history) for model in (theirs, ours)]
            show(f"body of {size} messages, {kind}", *best(40, *bodies))
            whole = [partial(_request, model, history) for model in (theirs, ours)]
            bound = {"nothing to recall": 1.10, "every turn recalled": 1.25}[kind]
            show(f"request of {size} messages, {kind}", *best(25, *whole), bound=bound if size == 300 else None)


def _request(model: Any, history: list[BaseMessage]) -> None:
    """From messages to the bytes that leave, by way of the SDK; a short answer comes from memory."""
    model.client.create(**model._get_request_payload(history))


def _answer(thought: str = "x") -> bytes:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    said = {"role": "assistant", "content": "answer", "reasoning_content": thought}
    choice = {"index": 0, "message": said, "finish_reason": "stop"}
    return json.dumps({**FRAME, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


def _remember(model: Any, history: list[BaseMessage]) -> None:
    wires = model._get_request_payload(history)["messages"]
    scope = model._settings.scope_of(None, model._quirks(model.model_name), shared=False)
    for index, wire in enumerate(wires):
        if wire["role"] == "assistant":
            model._memory.capture(wires[:index], [wire], scope)


def chunks() -> None:
    """Making a message chunk of what the API streams."""
    theirs, ours = _openai(), _mimo()
    deltas = [{"reasoning_content": "想 a"}, {"content": "b c"}]
    for delta in deltas:
        chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        times = best(
            300,
            lambda: theirs._convert_chunk_to_generation_chunk(chunk, AIMessageChunk, None),
            lambda: ours._convert_chunk_to_generation_chunk(chunk, AIMessageChunk, None),
            number=200,
        )
        show(f"chunk with {next(iter(delta))}", *times, bound=1.10)


def _client(body: bytes, kind: str) -> Any:
    httpx = httpx_of(openai)

    def serve(_: Any) -> Any:
        return httpx.Response(200, content=body, headers={"content-type": kind})

    return openai.DefaultHttpxClient(transport=httpx.MockTransport(serve))


def calls() -> None:
    """A whole call, with everything but the network."""
    pieces = [{"reasoning_content": piece} for piece in THOUGHT.split(" ")] + [{"content": "answer "}] * 100
    events = [
        {**FRAME, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": piece, "finish_reason": end}]}
        for piece, end in [*((piece, None) for piece in pieces), ({}, "stop")]
    ]
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    history = _history(20, reasoning=True)
    client = _client(_answer(THOUGHT), "application/json")
    theirs, ours = _openai(http_client=client), _mimo(http_client=client)
    show("invoke, 20 messages", *best(60, lambda: theirs.invoke(history), lambda: ours.invoke(history)))
    client = _client(stream, "text/event-stream")
    theirs, ours = _openai(http_client=client, stream_usage=True), _mimo(http_client=client)
    show(
        f"stream, 20 messages, {len(events)} chunks",
        *best(30, lambda: list(theirs.stream(history)), lambda: list(ours.stream(history))),
    )


def construction() -> None:
    """Making a model."""
    show("construction", *best(60, _openai, _mimo))


def imports() -> None:
    """Importing the class, in a new process each: its CPU time, and how much of it is not langchain_openai's.

    The bound is for the latter: from run to run langchain_openai's own import varies by more than all the rest takes.
    """
    classes = ("from langchain_deepseek import ChatDeepSeek", "from langchain_mimo import ChatMiMo")
    whole = [partial(_python, line) for line in classes]
    show("import, beside langchain_deepseek", *best(25, *whole, clock=_cpu_of_children))
    own = [[float(_python(OWN.format(line))) for line in classes] for _ in range(9)]
    show("import, on top of langchain_openai", *map(min, zip(*own, strict=True)), bound=1.0)


OWN = """
import langchain_openai, time
start = time.process_time()
{}
print(time.process_time() - start)
"""


def _python(program: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # compiled once
    ended = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True, env=kept)
    return ended.stdout


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


print(f"{'':<58}{'theirs':>13} {'ours':>13} {'ratio':>6}")
for bench in (construction, requests, chunks, calls, imports):
    bench()
