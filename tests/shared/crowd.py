"""Many look-alike conversations of one owner, what clients do to them, and which of their turns can be told apart.

The judge here knows nothing of keys and proofs: it holds all turns that were ever made, and calls a turn told apart
where no other turn of its owner has the same system prompt, the same kept messages before it at the same distances, the
same kept ids and the same end user as far as the request shows them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from random import Random
from typing import Any, NamedTuple

from mimo_quirks import Exchange, ReasoningMemory, Settings

from ..dict_store import DictStore
from ..exchanges import begun

Message = dict[str, Any]

PATIENT = Settings(store_timeout_seconds=30, write_wait_seconds=30)
"""Of workers that wait for a busy machine."""

TOLD, BEGINNING, NOTHING = "told apart", "by a beginning", "by nothing"
"""What tells a turn apart from all others of its owner: something; what stands at the beginning alone, where that
may as well be a summary of turns that were cut off, and the client's own answer to it; nothing."""

Calls = tuple[tuple[str, dict[str, Any]], ...]


class Step(NamedTuple):
    """A turn, and what the user says before it; `beside` is said after the results of its calls."""

    says: tuple[str, ...]
    calls: Calls = ()
    text: str = ""
    thought: str | None = None
    beside: str = ""


class Script(NamedTuple):
    """What happens in a conversation, and under what."""

    family: str
    system: str
    end_user: str | None
    steps: Sequence[Step]


def _weather(says: tuple[str, ...], day: int = 0) -> Step:
    return Step(says, (("weather", {"city": "北京", "day": day}),))


def _say(text: str, *says: str) -> Step:
    return Step(says, (), text)


_LONG = "It is 22 degrees in Beijing, and it stays as warm as that until the evening of Friday."
_ROUND = (
    _weather(("And the weather?",)),
    _weather((), 1),
    _say(_LONG),
    _say("Gladly.", "Thanks, and goodbye for now."),
)
_CHECK = "Let me check."


def scripts(members: int) -> Iterator[Script]:
    """Look-alikes: each family differs in one thing alone, or in none."""
    for n in range(members):
        i_am = f"I am customer {4711 + n}."
        yield Script("first message", "Be brief.", None, [_say("Welcome!", i_am), *_ROUND])
        yield Script("same message", "Be brief.", None, [_weather((i_am, "And the weather?")), *_ROUND[1:], *_ROUND])
        yield Script("system prompt", f"You help customer {n}.", None, [_say("Welcome!", "Hello."), *_ROUND])
        yield Script("nothing", "Be kind.", None, [_say("Welcome!", "Hello."), *_ROUND])
        yield Script("nothing, plain", "Be plain.", None, [*_ROUND[:3], *[_say("Yes.", "Really?")] * 3])
        yield Script("fork", "Be quick.", None, [*_ROUND, _say("Noted.", i_am), *_ROUND])
        yield Script("depth", "Be brief.", None, [*[_say("Hm.", f"{i_am} {m}?") for m in range(n)], *_ROUND, *_ROUND])
        yield Script("end user", "Be brief.", f"user {n}", [_say("Welcome!", "Hi."), *_ROUND])
        yield Script("one end user", "Be fair.", "user" if n else None, [_say("Welcome!", "Hi."), *_ROUND])
        short = [step._replace(thought=_CHECK) for step in _ROUND]
        yield Script("short thoughts", "Be brief.", None, [_say("Welcome!", f"Hey. {i_am}"), *short, *_ROUND, *short])
        yield Script("short, fork", "Be short.", None, [*short, _say("Noted.", i_am)._replace(thought=_CHECK), *_ROUND])
        poll = [_weather(()) for _ in range(4)]
        yield Script("poll", "Be brief.", None, [_weather((f"Poll. {i_am}",)), *poll, _say(_LONG)])
        yield Script("poll, fork", "Be calm.", None, [_weather(("Poll.",)), *poll, _say(_LONG, i_am), *poll])
        plain = [_say("Yes.", "Really?"), _say(_LONG, "Tell me more."), _say("Yes.", "Really?")]
        yield Script("plain", "Be brief.", None, [_say("Hello!", f"{i_am} Talk."), *plain, *plain])
        both = [Step((), (("a", {"x": m}), ("b", {"x": m}), ("a", {"x": 9}))) for m in range(3)]
        yield Script("parallel", "Be brief.", None, [_say("So?", f"Both. {i_am}"), *both, _say(_LONG)])
        beside = [_weather((), m)._replace(beside=i_am, thought=_CHECK if m == 0 else None) for m in range(3)]
        yield Script("beside results", "Be brief.", None, [_say("So?", "Go."), *beside, _say(_LONG)])


class Seen(NamedTuple):
    """A message as the client sends it, and which message of the conversation it was; None for one that it made up."""

    message: Message
    origin: int | None
    altered: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that was made, with all that was said up to it."""

    talk: int
    at: int
    said: tuple[str, ...]
    system: str
    end_user: str | None
    ids: tuple[str, ...]
    thought: str

    @property
    def depth(self) -> int:
        """How many turns there are up to this one."""
        return sum(said.startswith('["assistant"') for said in self.said)


@dataclass(slots=True)
class Talk:
    """A conversation on its way: its messages without reasoning, and what was thought."""

    number: int
    script: Script
    drawn: bool
    messages: list[Message] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    turns: dict[int, Turn] = field(default_factory=dict)
    ids: int = 0

    def say(self, message: Message) -> None:
        """Goes on with a message."""
        self.messages.append(message)
        self.said.append(_said(message))

    def answer(self, step: Step, thought: str, system: str) -> tuple[Message, Turn]:
        """A turn that the API could answer with."""
        calls = []
        for name, arguments in step.calls:
            self.ids += 1
            drawn = hashlib.sha256(f"{self.number} {self.ids}".encode()).hexdigest()[:24]
            ident = f"call_{drawn}" if self.drawn else f"{name}:{self.ids - 1}"
            calls.append(
                {"id": ident, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            )
        message: Message = {"role": "assistant", "content": step.text, **({"tool_calls": calls} if calls else {})}
        said = (*self.said, _said(message))
        ids = tuple([call["id"] for call in calls] if self.drawn else ())
        end_user = self.script.end_user
        return message, Turn(self.number, len(self.messages), said, system, end_user, ids, thought)


def _said(message: Message) -> str:
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return json.dumps([message["role"], message["content"], calls], sort_keys=True)


class Attack(NamedTuple):
    """What clients do.

    Attributes:
        name: In the table.
        see: What a client makes of a history, with a source of chance for this request.
        drawn: Whether the API draws ids; it counts them otherwise.
        ids: What the client makes of an id, with the number of the request.
        system: What it makes of a system prompt, likewise.
        answers: How many answers it asks for.
        regenerates: Whether it asks again, and takes the second answer.
        edit: What it makes of a history that it only asks for, and sends again as it is: anything at all, so that no
            message is where it was, and a turn may be any before which the same was said, in whatever order.
    """

    name: str
    see: Callable[[list[Seen], Random], list[Seen]] = lambda seen, chance: seen
    drawn: bool = True
    ids: Callable[[str, int], str] | None = None
    system: Callable[[str, int], str] = lambda system, number: system
    answers: int = 1
    regenerates: bool = False
    edit: Callable[[list[Seen], Random], list[Seen]] | None = None


Memories = Callable[[], Sequence[ReasoningMemory]]


def alone(workers: int) -> Memories:
    """Workers of which each knows what it recorded itself."""
    return lambda: [ReasoningMemory() for _ in range(workers)]


def sharing(workers: int) -> Memories:
    """Workers on one store."""

    def memories() -> Sequence[ReasoningMemory]:
        store = DictStore()
        return [ReasoningMemory(store, PATIENT) for _ in range(workers)]

    return memories


class Crowd:
    """All conversations of one owner, held at once.

    Args:
        attack: What their clients do.
        memories: The workers that answer.
        dropped: The share of writes that are lost.
        scripts: What happens in each of them.
        seed: Of all chance.

    Attributes:
        counts: Lost turns by what tells them apart and what was put on them.
        kept: Those whose calls have the ids that the API drew, by what was put on them.
        strangers: What was wrong, in words, for turns that are told apart.
    """

    def __init__(
        self, attack: Attack, memories: Memories, dropped: float, scripts: Sequence[Script], seed: int = 0
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.kept: Counter[str] = Counter()
        self.strangers: list[str] = []
        self._attack, self._memories, self._dropped = attack, memories(), dropped
        self._chance = Random(f"{attack.name} {dropped} {seed}")
        self._turns: list[Turn] = []
        self._thought = 0
        talks = [Talk(number, script, attack.drawn) for number, script in enumerate(scripts)]
        for steps in zip_longest(*[talk.script.steps for talk in talks]):
            order = [(talk, step) for talk, step in zip(talks, steps, strict=True) if step is not None]
            self._chance.shuffle(order)
            for talk, step in order:
                self._go_on(talk, step)

    def _go_on(self, talk: Talk, step: Step) -> None:
        for text in step.says:
            talk.say({"role": "user", "content": text})
        again = 2 if self._attack.regenerates and self._chance.random() < 0.5 else 1
        for _ in range(again):
            message, turn = self._ask(talk, step)
        talk.turns[turn.at] = turn
        talk.say(message)
        for n, call in enumerate(message.get("tool_calls", ())):
            talk.say({"role": "tool", "tool_call_id": call["id"], "content": f"22 degrees, {n}"})
        if step.beside:
            talk.say({"role": "user", "content": step.beside})

    def _ask(self, talk: Talk, step: Step) -> tuple[Message, Turn]:
        attack = self._attack
        if attack.edit is not None:
            self._begin(talk, attack.edit)
        exchange, memory, system = self._begin(talk, attack.see)
        answers = []
        for _ in range(attack.answers):
            self._thought += 1
            message, turn = talk.answer(step, step.thought or f"thought {self._thought}", system)
            self._turns.append(turn)
            answers.append((message, turn))
        messages = [{**message, "reasoning_content": turn.thought} for message, turn in answers]
        writes = exchange.answered(messages, memory.now())
        if self._chance.random() >= self._dropped:
            memory.write(writes)
        return answers[0]

    def _begin(
        self, talk: Talk, see: Callable[[list[Seen], Random], list[Seen]]
    ) -> tuple[Exchange, ReasoningMemory, str]:
        """Sends the history of a conversation as its client has it, and judges what is found for it."""
        attack, number = self._attack, len(talk.messages)
        seen = [Seen({**message}, n) for n, message in enumerate(talk.messages)]
        for n, turn in talk.turns.items():
            seen[n].message["reasoning_content"] = turn.thought
        seen = [_without_reasoning(one) if one.message.pop("drops", True) else one for one in see(seen, self._chance)]
        system, ids = attack.system(talk.script.system, number), attack.ids
        history = [one.message if ids is None else _renamed(one.message, ids, number) for one in seen]
        memory = self._chance.choice(self._memories)
        exchange = begun([{"role": "system", "content": system}, *history], "owner", end_user=talk.script.end_user)
        found = memory.read(exchange.lookup())
        exchange.plan(found)
        self._proofs = found.reasoning.proofs
        self._judge(talk, seen, system, {at - 1: text for at, text in found.reasoning.texts.items()})
        return exchange, memory, system

    def _judge(self, talk: Talk, seen: Sequence[Seen], system: str, found: dict[int, str]) -> None:
        for at, one in enumerate(seen):
            turn = talk.turns.get(-1 if one.origin is None else one.origin)
            if turn is None or ("reasoning_content" in one.message and at not in found):
                assert at not in found
                continue
            text = found.get(at)
            outcome = "none" if text is None else "own" if text == turn.thought else "stranger's"
            kind = self._kind(turn, seen[: at + 1], system, talk.said)
            self.counts[kind, outcome] += 1
            if turn.ids and self._attack.ids is None:
                self.kept[outcome] += 1
            if outcome == "stranger's" and kind == TOLD:
                whose = next(other for other in self._turns if other.thought == text)
                where = f"{talk.script.family} {talk.number} at {turn.at} of {len(talk.messages)}"
                proof = self._proofs[at + 1]
                self.strangers.append(f"{where}: {talk.messages[turn.at]} has {proof} {whose.talk} at {whose.at}")

    def _kind(self, turn: Turn, seen: Sequence[Seen], system: str, said: Sequence[str]) -> str:
        """Whether a turn is told apart from all others, as far as the request shows what stands up to it."""
        kept = [one for one in seen if one.origin is not None]
        is_kept = self._attack.drawn and self._attack.ids is None
        own_ids = is_kept and bool(turn.ids)
        any_ids = own_ids or (is_kept and any(one.message.get("tool_calls") for one in kept))
        places = [one.origin for one in reversed(kept) if not one.altered]
        whole = [at for at in places if at is not None and at <= turn.at]
        depth = sum(one.message["role"] == "assistant" for one in seen)
        first = next(at for at, one in enumerate(seen) if one.message["role"] in {"assistant", "tool"})
        beginning = {one.origin for one in seen[: first + 1]} - {turn.at}
        later = [at for at in whole if at not in beginning]
        kind = TOLD
        for other in self._turns:
            if other.thought == turn.thought or (other.end_user and turn.end_user and other.end_user != turn.end_user):
                continue
            if system == turn.system != other.system:
                continue
            if any_ids and (own_ids or (other.talk, other.at) != (turn.talk, turn.at)):
                continue
            if self._has(other, turn, whole, said):
                return NOTHING
            if other.depth > depth and self._has(other, turn, later, said):
                kind = BEGINNING
        return kind

    def _has(self, other: Turn, turn: Turn, places: Sequence[int], said: Sequence[str]) -> bool:
        """Whether another turn has the same messages before it as a turn has, the last one first."""
        if self._attack.edit is not None:
            return _is_within([said[at] for at in reversed(places)], other.said)
        shift = other.at - turn.at
        return all(at + shift >= 0 and other.said[at + shift] == said[at] for at in places)


def _is_within(some: Sequence[str], all_: Sequence[str]) -> bool:
    """Whether messages stand in a history, in any order, but the last one at its end."""
    return not some or (some[-1] == all_[-1] and Counter(some) <= Counter(all_))


def _without_reasoning(seen: Seen) -> Seen:
    message = {name: value for name, value in seen.message.items() if name != "reasoning_content"}
    return seen._replace(message=message)


def _renamed(message: Message, ids: Callable[[str, int], str], number: int) -> Message:
    if "tool_call_id" in message:
        return {**message, "tool_call_id": ids(message["tool_call_id"], number)}
    if "tool_calls" in message:
        return {**message, "tool_calls": [{**call, "id": ids(call["id"], number)} for call in message["tool_calls"]]}
    return message
