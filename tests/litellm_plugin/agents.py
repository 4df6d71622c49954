"""Agents in numbers, which drop what was thought, and meet any of several proxies with each request."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any, Final

import httpx

from mimo_quirks.simulator import Exchange

from ..cases import TOOL

TURNS: Final = 8
"""How many turns a conversation has."""
KINDS: Final = ("unique", "drawn", "system", "end user", "untold")
"""What tells a conversation from the others of its owner: its question; its calls' ids; its system prompt; its end
user; or nothing until a tool's result does. All of a kind but the first ask the same; those after the second have ids
that are counted, and so the same too."""


@dataclass
class Conversation:
    """One agent's side of it; the judge knows it by its number."""

    number: int
    kind: str
    history: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        """It begins with a question, and some with a system prompt."""
        if self.kind == "system":
            self.history.append({"role": "system", "content": f"You are agent {self.number}."})
        asked = f"Question {self.number}?" if self.kind == "unique" else f"What is the weather ({self.kind})?"
        self.history.append({"role": "user", "content": asked})

    @property
    def body(self) -> dict[str, Any]:
        """The next request."""
        counted = self.kind in KINDS[2:]
        body: dict[str, Any] = {
            "model": "counted" if counted else "drawn",
            "messages": self.history,
            "tools": [TOOL],
            "seed": self.number,
            "stream": self.number % 2 == 1,
        }
        return {**body, "user": f"user {self.number}"} if self.kind == "end user" else body

    def answered(self, turn: dict[str, Any]) -> None:
        """Goes on with the results of the calls, or with a question."""
        calls = turn.get("tool_calls") or ()
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": f"{self.number}.{n} °C"}
            for n, call in enumerate(calls)
        ]
        self.history += [turn, *(results or [{"role": "user", "content": "Go on."}])]


@dataclass
class Course:
    """What became of a run.

    Attributes:
        waits: How long each request took, in seconds.
        failures: What was answered in place of a turn.
        conversations: Those that were had, and may go on.
    """

    waits: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)


async def run(urls: Sequence[str], key: str, agents: int, turns: int, seed: int) -> Course:
    """Has so many agents at once make so many turns, each request at whichever of the proxies.

    Args:
        urls: Of the proxies.
        key: Theirs.
        agents: How many talk at once; each begins a conversation where its last one ends.
        turns: How many turns there are in all.
        seed: Of what is random, and the millions of the conversations' numbers.
    """
    course, drawn, numbers = Course(), random.Random(seed), count(seed * 1_000_000)
    left = iter(range(turns))

    async def talk(client: httpx.AsyncClient) -> None:
        for number in numbers:
            conversation = Conversation(number, KINDS[number % len(KINDS)])
            course.conversations.append(conversation)
            for _ in range(TURNS):
                if next(left, None) is None:
                    return
                await _step(client, drawn.choice(urls), conversation, course)

    async with _client(key, agents) as client:
        await asyncio.gather(*(talk(client) for _ in range(agents)))
    return course


async def go_on(urls: Sequence[str], key: str, conversations: Sequence[Conversation]) -> Course:
    """Has each conversation make one turn more, at one of the proxies after the other."""
    course = Course()
    async with _client(key, len(conversations)) as client:
        pairs = zip(conversations, cycle(urls), strict=False)
        await asyncio.gather(*(_step(client, url, conversation, course) for conversation, url in pairs))
    return course


def _client(key: str, agents: int) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=agents)
    return httpx.AsyncClient(timeout=300, limits=limits, headers={"Authorization": f"Bearer {key}"})


async def _step(client: httpx.AsyncClient, url: str, conversation: Conversation, course: Course) -> None:
    begun = time.monotonic()
    try:
        conversation.answered(await _ask(client, url, conversation.body))
    except (httpx.HTTPError, ValueError) as error:
        course.failures.append(str(error))
    course.waits.append(time.monotonic() - begun)


async def _ask(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The turn that is answered, as a client keeps it that knows nothing of reasoning."""
    async with client.stream("POST", f"{url}/v1/chat/completions", json=body) as response:
        if not response.is_success:
            raise ValueError((await response.aread()).decode())
        if not body["stream"]:
            message = json.loads(await response.aread())["choices"][0]["message"]
            return {key: message[key] for key in ("role", "content", "tool_calls") if message.get(key) is not None}
        return _joined([delta async for delta in _deltas(response)])


async def _deltas(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            if "error" in event:
                raise ValueError(line)
            for choice in event["choices"]:
                yield choice["delta"]


def _joined(deltas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    calls: dict[int, dict[str, Any]] = {}
    for piece in [call for delta in deltas for call in delta.get("tool_calls") or ()]:
        call = calls.setdefault(
            piece["index"], {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        call["id"] = call["id"] or piece.get("id") or ""
        for name, text in piece["function"].items():
            call["function"][name] += text or ""
    turn = {"role": "assistant", "content": "".join([delta.get("content") or "" for delta in deltas])}
    return {**turn, "tool_calls": list(calls.values())} if calls else turn


def verdicts(exchanges: Sequence[Exchange]) -> tuple[Counter[str], Counter[str]]:
    """The verdicts on all turns that something visible tells apart, and those on the others.

    Nothing does before the first result of a tool where conversations are of the last kind.
    """
    told, untold = Counter[str](), Counter[str]()
    for exchange in exchanges:
        is_untold = exchange.conversation is not None and KINDS[int(exchange.conversation) % len(KINDS)] == "untold"
        for number, verdict in enumerate(exchange.verdicts):
            (untold if is_untold and number == 0 else told)[verdict] += 1
    return told, untold
