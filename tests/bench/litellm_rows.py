"""LiteLLM with our callback beside the same with one that does nothing, in one process and in turns.

A call counts with all that it leaves to be logged. No server is asked: LiteLLM's client talks to a host in memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # before LiteLLM is imported: it would download its prices

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.litellm_core_utils.logging_worker import GLOBAL_LOGGING_WORKER

from litellm_mimo import MiMoCallback
from mimo_quirks.settings import Settings

from .callbacks import Alone
from .histories import chat_history
from .host import MODEL, URL, Host, answer, deltas, streamed
from .measure import best, header, show

_ROUNDS: Final = {30: 150, 300: 60}
_BOUNDS: Final = {("echoes", 30): 1.05, ("echoes", 300): 1.03, ("drops", 30): 1.08, ("drops", 300): 1.06}
_ANSWER: Final = {"role": "assistant", "content": "It is warm.", "reasoning_content": "Let me see."}

Ask = Callable[[], Awaitable[Any]]


def rows() -> None:
    """Prints the rows of LiteLLM."""
    header("LiteLLM, beside a callback that does nothing")
    nothing = Alone(CustomLogger(), wraps_streams=False)
    ours = Alone(MiMoCallback(Settings()), wraps_streams=True)
    loop = asyncio.new_event_loop()
    for size in (30, 300):
        echoed = chat_history(size, reasoning=True)
        for client, history in (("echoes", echoed), ("drops", chat_history(size, reasoning=False))):
            if client == "drops":
                ours.install()
                loop.run_until_complete(_converse(echoed, history))
            host = Host(answer(_ANSWER))
            ask = _asking(host, history)
            works = [_work(loop, callback, ask) for callback in (nothing, ours)]
            row = f"acompletion of {size} messages, the client {client} reasoning"
            show(row, *best(_ROUNDS[size], *works), bound=_BOUNDS[client, size])
            assert _reasoning(host.messages) == _reasoning(echoed)  # ours was the last
    host = Host(streamed(deltas(1000)), "text/event-stream")
    ask = _streaming(host, chat_history(1, reasoning=False))
    show("stream of 1,000 chunks", *best(25, *(_work(loop, each, ask) for each in (nothing, ours))), bound=1.03)
    loop.close()


def _work(loop: asyncio.Runner, callback: Alone, ask: Ask) -> Callable[[], None]:
    async def settled() -> None:
        await ask()
        await GLOBAL_LOGGING_WORKER.flush()

    def work() -> None:
        callback.install()
        loop.run_until_complete(settled())

    return work


def _asking(host: Host, history: Sequence[Any]) -> Ask:
    client = host.asynchronous()
    return lambda: litellm.acompletion(
        model=f"xiaomi_mimo/{MODEL}", messages=list(history), api_base=URL, api_key="k", client=client
    )


def _streaming(host: Host, history: Sequence[Any]) -> Ask:
    client = host.asynchronous()
    where = {"api_base": URL, "api_key": "k", "client": client, "stream": True}

    async def ask() -> None:
        async for _ in await litellm.acompletion(model=f"xiaomi_mimo/{MODEL}", messages=list(history), **where):
            pass

    return ask


async def _converse(echoed: Sequence[Any], dropped: Sequence[Any]) -> None:
    """Asks for every turn of a conversation with a client that drops reasoning."""
    for place, turn in enumerate(echoed):
        if turn["role"] == "assistant":
            await _asking(Host(answer(turn)), dropped[:place])()


def _reasoning(history: Sequence[Any]) -> list[Any]:
    return [message.get("reasoning_content") for message in history]
