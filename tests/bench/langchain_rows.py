"""ChatMiMo beside ChatOpenAI, and an import beside langchain_deepseek's. The answers come from memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_openai import ChatOpenAI

from langchain_mimo import ChatMiMo

from .histories import THOUGHT, chat_history, langchain_history
from .host import MODEL, URL, Host, answer, deltas, streamed
from .measure import best, cpu_of_children, header, show

_ANSWER: Final = {"role": "assistant", "content": "It is warm.", "reasoning_content": THOUGHT}
_BOUNDS: Final = {"echoes": 2.3, "drops": 4.0}

History = Sequence[BaseMessage]


def rows() -> None:
    """Prints the rows of LangChain."""
    header("ChatMiMo, beside ChatOpenAI")
    _requests()
    _chunks()
    _calls()
    show("construction", *best(60, _openai, _mimo))
    header("import and first model, beside langchain_deepseek's")
    lines = (
        "from langchain_deepseek import ChatDeepSeek; ChatDeepSeek(model='deepseek-chat', api_key='k')",
        "from langchain_mimo import ChatMiMo; ChatMiMo(model='mimo-v2.6-pro', api_key='k')",
    )
    works = [partial(_python, line) for line in lines]
    show("import and first model", *best(9, *works, clock=cpu_of_children), bound=1.15)


def _requests() -> None:
    """A request's body, and the request that the SDK makes of it."""
    host = Host(answer(_ANSWER))
    client = host.http_client()
    theirs = _openai(http_client=client)
    for size in (30, 300):
        echoed, lost = (langchain_history(size, reasoning=reasoning) for reasoning in (True, False))
        for kind, history in (("echoes", echoed), ("drops", lost)):
            ours = _mimo(http_client=client, store="memory://")
            _converse(ours, host, size)
            assert _reasoning(chat_history(size, reasoning=True)) == _reasoning(_body(ours, history)["messages"])
            bodies = [partial(_body, model, history) for model in (theirs, ours)]
            bound = _BOUNDS[kind] if size == 300 else None
            show(f"body of {size} messages, the application {kind} reasoning", *best(100, *bodies), bound=bound)
            whole = [partial(_request, model, history) for model in (theirs, ours)]
            show(f"request of {size} messages, the application {kind} reasoning", *best(20, *whole))


def _chunks() -> None:
    """A message chunk of what the API streams."""
    theirs, ours = _openai(), _mimo()
    for delta in ({"reasoning_content": "想 a"}, {"content": "b c"}):
        chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        works = [partial(_chunk, model, chunk) for model in (theirs, ours)]
        show(f"chunk with {next(iter(delta))}", *best(200, *works, number=100))


def _calls() -> None:
    """A whole call, with everything but the network."""
    history = langchain_history(20, reasoning=True)
    client = Host(answer(_ANSWER)).http_client()
    models = _openai(http_client=client), _mimo(http_client=client)
    show("invoke, 20 messages", *best(60, *(partial(model.invoke, history) for model in models)))
    client = Host(streamed(deltas(200)), "text/event-stream").http_client()
    models = _openai(http_client=client, stream_usage=True), _mimo(http_client=client)
    works = [partial(_stream, model, history) for model in models]
    show("stream, 20 messages, 200 chunks", *best(30, *works))


def _converse(model: Any, host: Host, size: int) -> None:
    """Asks for every turn of a conversation with an application that drops reasoning."""
    dropped, before = langchain_history(size, reasoning=False), host.body
    for place, turn in enumerate(chat_history(size, reasoning=True)):
        if turn["role"] == "assistant":
            host.body = answer(turn)
            model.invoke(dropped[:place])
    host.body = before


def _reasoning(history: Sequence[Any]) -> list[Any]:
    return [message.get("reasoning_content") for message in history]


def _body(model: Any, history: History) -> Any:
    return model._get_request_payload(history)


def _request(model: Any, history: History) -> None:
    """From messages to the bytes that leave, by way of the SDK."""
    model.client.create(**_body(model, history))


def _chunk(model: Any, chunk: Mapping[str, Any]) -> Any:
    return model._convert_chunk_to_generation_chunk(chunk, AIMessageChunk, None)


def _stream(model: Any, history: History) -> None:
    list(model.stream(history))


def _openai(**fields: Any) -> Any:
    return ChatOpenAI(**{"model": MODEL, "api_key": "k", "base_url": URL, **fields})


def _mimo(**fields: Any) -> Any:
    return ChatMiMo(**{"model": MODEL, "api_key": "k", "base_url": URL, **fields})


def _python(program: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # compiled once
    subprocess.run([sys.executable, "-c", program], check=True, env=kept)
