"""Never another conversation's reasoning, and one's own where the memory is whole: attacks by memory, as one table."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimo_quirks import CHAT, ReasoningMemory
from mimo_quirks.recall.fingerprints import Walk
from mimo_quirks.recall.memories import place_digest
from mimo_quirks.stores import CANDIDATES
from mimo_quirks.wires import system_digest

from ..dict_store import DictStore
from ..exchanges import begun, look_up, record
from ..timing import LINEAR, STEP, growth
from .crowd import BEGINNING, NOTHING, PATIENT, TOLD, Attack, Crowd, Memories, Script, Seen, alone, scripts, sharing

LONG = "TEST_SCALE" in os.environ
MEMBERS = 3 if LONG else 2
KINDS = (TOLD, BEGINNING, NOTHING)

FLOORS = {
    # A short plain text is looked for only with all that was said before it, and that is no longer the same.
    "trimmed, ids kept": 0.9,
    "sliding window, ids kept": 0.7,
    "compacted, ids kept": 0.7,
    "compacted, system changed, ids kept": 0.7,
    "cleared results, ids kept": 0.7,
    "injected user message, ids kept": 0.6,
    "first message edited, ids kept": 0.7,
    # Plain turns before the first that has calls are not proven under a new system prompt; nor is any without kept ids.
    "clock in system prompt, ids kept": 0.6,
    "clock in system prompt, ids counted": 0.0,
    # Without ids a turn at the edge of what is left has neither the same round nor the same results before it; and one
    # turn alone, or two conversations that end alike, are no proof.
    "trimmed, ids counted": 0.6,
    "trimmed, ids redrawn in another form": 0.6,
    "sliding window, ids counted": 0.2,
    "compacted, ids counted": 0.2,
    "compacted, system changed, ids counted": 0.2,
    "cleared results, ids counted": 0.3,
    "injected user message, ids counted": 0.05,
    "first message edited, ids counted": 0.3,
    # An id of the same form that is another one is another turn's; plain turns after it are so where it changes again.
    "ids redrawn in the same form": 0.2,
    "ids redrawn in the same form each time": 0.1,
}
"""The share of turns that are found where the memory is whole, of those that are told apart; of all others all are."""


def _drawn(head: str, upper: bool) -> Any:
    def rename(ident: str, salt: object) -> str:
        drawn = hashlib.sha256(f"{ident} {salt}".encode()).hexdigest()[:24]
        return head + (drawn.upper() if upper else drawn)

    return rename


def _same_form(ident: str, number: int) -> str:
    return str(_drawn("call_", False)(ident, ""))


def _same_form_anew(ident: str, number: int) -> str:
    return str(_drawn("call_", False)(ident, number))


def _other_form(ident: str, number: int) -> str:
    return str(_drawn("toolu_", True)(ident, ""))


def _other_form_anew(ident: str, number: int) -> str:
    return str(_drawn("toolu_", True)(ident, number))


def _turns(seen: list[Seen]) -> list[int]:
    return [at for at, one in enumerate(seen) if one.message["role"] == "assistant"]


def _trimmed(seen: list[Seen], chance: Random) -> list[Seen]:
    return seen[3:] if len(seen) > 5 else seen


def _sliding(seen: list[Seen], chance: Random) -> list[Seen]:
    return seen[-6:]


def _compacted(seen: list[Seen], chance: Random) -> list[Seen]:
    turns = _turns(seen)
    if len(turns) < 3:
        return seen
    return [Seen({"role": "user", "content": "Summary of what was said."}, None), *seen[turns[-3] :]]


def _cleared(seen: list[Seen], chance: Random) -> list[Seen]:
    results = [at for at, one in enumerate(seen) if one.message["role"] == "tool"][:-1]
    return [
        one._replace(message={**one.message, "content": "[cleared]"}, altered=True) if at in results else one
        for at, one in enumerate(seen)
    ]


def _injected(role: str) -> Any:
    made_up = Seen({"role": role, "content": "Remember to be nice."}, None)

    def see(seen: list[Seen], chance: Random) -> list[Seen]:
        at = chance.randrange(1 if seen[0].message["role"] == "user" else 0, len(seen) + 1)
        while at < len(seen) and seen[at].message["role"] == "tool":
            at += 1
        return [*seen[:at], made_up, *seen[at:]]

    return see


def _parallel(drops: bool) -> Any:
    def see(seen: list[Seen], chance: Random) -> list[Seen]:
        changed: list[Seen] = []
        gone: set[str] = set()
        for one in seen:
            calls = one.message.get("tool_calls", ())
            if len(calls) > 1:
                kept = calls[::-1][:-1] if drops else calls[::-1]
                gone |= {call["id"] for call in calls} - {call["id"] for call in kept}
                changed.append(one._replace(message={**one.message, "tool_calls": kept}))
            elif one.message.get("tool_call_id") not in gone:
                changed.append(one)
        return changed

    return see


def _edited(seen: list[Seen], chance: Random) -> list[Seen]:
    first = seen[0].message
    return (
        [seen[0]._replace(message={**first, "content": f"{first['content']} Please."}), *seen[1:]]
        if len(_turns(seen)) > 2
        else seen
    )


def _echoing(seen: list[Seen], chance: Random) -> list[Seen]:
    for one in seen:
        if one.message["role"] == "assistant":
            one.message["drops"] = chance.random() < 0.5
    return seen


def _clock(system: str, number: int) -> str:
    return f"{system} It is {number} o'clock."


def _once_changed(system: str, number: int) -> str:
    return f"{system} It goes on." if number > 6 else system


_VIEWS: dict[str, dict[str, Any]] = {
    "unchanged": {},
    "trimmed": {"see": _trimmed},
    "sliding window": {"see": _sliding},
    "compacted": {"see": _compacted},
    "compacted, system changed": {"see": _compacted, "system": _once_changed},
    "cleared results": {"see": _cleared},
    "injected user message": {"see": _injected("user")},
    "injected system message": {"see": _injected("system")},
    "regenerated": {"regenerates": True},
    "parallel calls reordered": {"see": _parallel(False)},
    "parallel calls dropped": {"see": _parallel(True)},
    "clock in system prompt": {"system": _clock},
    "first message edited": {"see": _edited},
    "n = 2": {"answers": 2},
    "echoes some": {"see": _echoing},
}
ATTACKS = [
    *[Attack(f"{name}, ids kept", **view) for name, view in _VIEWS.items()],
    *[Attack(f"{name}, ids counted", drawn=False, **view) for name, view in _VIEWS.items()],
    Attack("ids redrawn in the same form", ids=_same_form),
    Attack("ids redrawn in the same form each time", ids=_same_form_anew),
    Attack("ids redrawn in another form", ids=_other_form),
    Attack("ids redrawn in another form each time", ids=_other_form_anew),
    Attack("trimmed, ids redrawn in another form", see=_trimmed, ids=_other_form),
]
ONE, THREE, TWO = alone(1), sharing(3), alone(2)
COLUMNS: dict[str, tuple[Sequence[Memories], float]] = {
    "whole": ((ONE, THREE), 0.0),
    "10 % dropped": ((ONE, THREE), 0.1),
    "50 % dropped": ((ONE, THREE), 0.5),
    "two processes, no store": ((TWO,), 0.0),
}
OUTCOMES = ("own", "none", "stranger's")
Cell = tuple[Counter[tuple[str, str]], Counter[str], list[str]]


def _crowds(number: int, dropped: float) -> Sequence[Sequence[Script]]:
    """Each family alone, where there are few rivals, and all at once; every day a few families, others in each cell."""
    families: dict[str, list[Script]] = {}
    for script in scripts(MEMBERS):
        families.setdefault(script.family, []).append(script)
    if LONG:
        return [*families.values(), [*chain(*families.values())]]
    apart = [*families.values()]
    return [[*chain.from_iterable(apart[number % 4 :: 4])]] if dropped == 0 else [apart[number % len(apart)]]


def _cell(attack: Attack, workers: Sequence[Memories], dropped: float, number: int) -> Cell:
    counts, kept, strangers = Counter[tuple[str, str]](), Counter[str](), list[str]()
    for memories in workers if LONG else [workers[number % len(workers)]]:
        for some in _crowds(number, dropped):
            crowd = Crowd(attack, memories, dropped, some)
            counts += crowd.counts
            kept += crowd.kept
            strangers += [f"{attack.name}, {dropped}: {one}" for one in crowd.strangers]
    return counts, kept, strangers


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str], Cell]:
    """Every cell; `pytest -s` shows it: own, none and strangers', for turns that are told apart and others."""
    cells = {
        (attack.name, column): _cell(attack, workers, dropped, 5 * row + n)
        for row, attack in enumerate(ATTACKS)
        for n, (column, (workers, dropped)) in enumerate(COLUMNS.items())
    }
    lines = ["", f"{'':38}" + "".join(f"{column:>54}" for column in COLUMNS)]
    lines.append(f"{'own none stranger, by what tells':38}" + "".join(f"{kind:>18}" for _ in COLUMNS for kind in KINDS))
    for attack in ATTACKS:
        figures = [
            " ".join(f"{cells[attack.name, column][0][kind, outcome]:5}" for outcome in OUTCOMES)
            for column in COLUMNS
            for kind in KINDS
        ]
        lines.append(f"{attack.name:38}" + "".join(f" {figure}" for figure in figures))
    sys.stdout.write("\n".join(lines) + "\n")
    return cells


def test_another_turns_reasoning_is_never_put_back(table: dict[tuple[str, str], Cell]) -> None:
    """No turn that anything visible tells apart is given another one's reasoning, whatever was lost of the memory."""
    assert [] == [stranger for _, _, strangers in table.values() for stranger in strangers]


def test_kept_ids_find_their_own(table: dict[tuple[str, str], Cell]) -> None:
    """Where the client keeps the ids that the API drew and the memory is whole, every turn with calls is found."""
    kept = [table[attack.name, "whole"][1] for attack in ATTACKS if attack.drawn and attack.ids is None]

    assert [{"own"}] * len(kept) == [set(counts) for counts in kept]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_own_reasoning_is_found_under_each_attack(attack: Attack, table: dict[tuple[str, str], Cell]) -> None:
    """Where the memory is whole all is found that is told apart, but for what `FLOORS` tells."""
    counts = table[attack.name, "whole"][0]
    own, none = counts[TOLD, "own"], counts[TOLD, "none"]

    assert own >= FLOORS.get(attack.name, 1) * (own + none)


class Edit(NamedTuple):
    """One edit of a history: what, and where, as a share of its length."""

    what: str
    where: float


def _edit(seen: list[Seen], edits: Sequence[Edit]) -> list[Seen]:
    for what, where in edits:
        at = int(where * len(seen))
        if what == "trim" and len(seen) > 3:
            seen = seen[at // 2 :]
        elif what == "delete" and len(seen) > 1:
            seen = seen[:at] + seen[at + 1 :]
        elif what == "swap":
            seen = seen[:at] + seen[at : at + 2][::-1] + seen[at + 2 :]
        elif what == "edit" and seen[at].message["role"] != "assistant":
            message = {**seen[at].message, "content": f"{seen[at].message['content']} Edited."}
            seen = [*seen[:at], seen[at]._replace(message=message, altered=True), *seen[at + 1 :]]
        elif what in {"user", "system"}:
            seen = [*seen[:at], Seen({"role": what, "content": "Be nice."}, None), *seen[at:]]
    return seen


_edits = st.lists(
    st.builds(Edit, st.sampled_from(["trim", "delete", "swap", "edit", "user", "system"]), st.floats(0, 0.99)),
    max_size=3,
)


@settings(max_examples=2000 if LONG else 30, deadline=None)
@given(
    edits=st.lists(_edits, min_size=1, max_size=4),
    ids=st.sampled_from([None, None, _same_form, _same_form_anew, _other_form, _other_form_anew]),
    drawn=st.booleans(),
    dropped=st.sampled_from([0.0, 0.1, 0.5]),
    families=st.sets(st.integers(0, 15), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_any_edits(
    edits: list[list[Edit]], ids: Any, drawn: bool, dropped: float, families: set[int], seed: int
) -> None:
    """Whatever is asked for, each time something else, no turn that is told apart is given a stranger's."""

    def edit(seen: list[Seen], chance: Random) -> list[Seen]:
        return _edit(seen, chance.choice(edits))

    attack = Attack("any", drawn=drawn, ids=ids if drawn else None, edit=edit)
    every = list(scripts(2))
    some = [script for n, script in enumerate(every) if n % (len(every) // 2) in families]

    assert [] == Crowd(attack, ONE, dropped, some, seed).strangers


def _polled(number: int) -> list[dict[str, Any]]:
    """A loop of turns that are all alike, each with the same result."""
    history: list[dict[str, Any]] = [{"role": "user", "content": "Poll."}]
    for n in range(number):
        call = {"id": f"poll:{n}", "type": "function", "function": {"name": "poll", "arguments": "{}"}}
        history += [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"poll:{n}", "content": "Not yet."},
        ]
    return history


def _flooded(memory: ReasoningMemory, size: int, at: int | None) -> None:
    """Turns that look like each of a loop, more than a key answers with, and one that is of it."""
    for n in range(1000 if LONG else 3 * CANDIDATES):
        history = [{"role": "user", "content": f"Poll {n}."}, *_polled(2)[1:]]
        record(memory, history, [{**_polled(1)[1], "reasoning_content": f"thought {n}"}], "a")
    if at is not None:
        history = _polled(size)
        record(memory, history[:at], [{**history[at], "reasoning_content": "own"}], "a")


@pytest.mark.parametrize("own", ["none", "first", "last"])
@pytest.mark.parametrize("far", [False, True], ids=["near", "far"])
def test_look_alikes_cost_linear_time(own: str, far: bool) -> None:
    """An owner who records look-alikes without end makes a long history no slower than its length."""
    small = 250 if LONG else 60
    memories, expected, found = {}, {}, dict[int, dict[int, str]]()
    for size in (small, STEP * small):
        at = {"none": None, "first": 1, "last": 2 * size - 1}[own]
        expected[size] = {} if at is None else {at: "own"}
        store = DictStore()
        writer = ReasoningMemory(store, PATIENT) if far else ReasoningMemory()
        _flooded(writer, size, at)
        memories[size] = ReasoningMemory(store, PATIENT) if far else writer

    def work(size: int) -> None:
        found[size] = look_up(memories[size], _polled(size), "a")

    assert growth(work, small) < LINEAR
    assert expected == found


# What the table found, each by itself


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _called(ident: str, day: int = 0, result: str = "22 degrees") -> list[dict[str, Any]]:
    call = {"id": ident, "type": "function", "function": {"name": "weather", "arguments": f'{{"day": {day}}}'}}
    turn = {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": f"{ident} {day}"}
    return [turn, {"role": "tool", "tool_call_id": ident, "content": result}]


def _said(text: str, thought: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text, "reasoning_content": thought}


def _remembered(*histories: list[dict[str, Any]], lost: Sequence[str] = ()) -> ReasoningMemory:
    """A memory of these conversations, without what was thought so."""
    memory = ReasoningMemory()
    for history in histories:
        for at, message in enumerate(history):
            if message["role"] == "assistant" and message["reasoning_content"] not in lost:
                record(memory, history[:at], [message], "a")
    return memory


def _found(memory: ReasoningMemory, history: list[dict[str, Any]]) -> list[str]:
    return [text for _, text in sorted(look_up(memory, _bare(history), "a").items())]


def _bare(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in message.items() if name != "reasoning_content"} for message in history]


ONE_ID, OTHER_ID, REDRAWN = "call_1f3a9c2e4b6d8", "call_7b3d5f9a1c2e4", "toolu_01A4C9E2B7D6F8"


def _weather(ident: str, thought: str) -> list[dict[str, Any]]:
    return [_user("Weather?"), *_called(ident), _said("22 degrees.", thought)]


@pytest.mark.parametrize("lost", [["b"], ["b", f"{ONE_ID} 0"], ["b", f"{OTHER_ID} 0"]])
def test_kept_ids_speak_of_the_turns_after_them(lost: list[str]) -> None:
    """A plain turn is told apart by the ids of the calls before it, whether anything is known of these or not."""
    one, other = _weather(ONE_ID, "a"), _weather(OTHER_ID, "b")

    assert "a" not in _found(_remembered(one, other, lost=lost), other)
    assert [f"{OTHER_ID} 0", "b"] == _found(_remembered(one, other), other)


def test_ids_that_clients_make_up_speak_of_nothing() -> None:
    """Where a client draws ids of another form, each time new ones, plain turns are found by what was said before."""
    memory, history = ReasoningMemory(), _weather(ONE_ID, "a")
    for at, ident in ((1, ONE_ID), (3, REDRAWN)):
        record(memory, _bare(_weather(ident, "")[:at]), [history[at]], "a")

    assert [f"{ONE_ID} 0", "a"] == _found(memory, _weather("toolu_09F8D7B6E5C4A3", ""))


def test_other_words_of_the_user_s_break_a_link() -> None:
    """Where users say something else beside the same results, a turn is another's, equal as the turn before may be."""
    one, other = (
        [_user("Go."), *_called("f:0"), _user(f"I am {who}."), *_called("f:1", day)]
        for who, day in (("one", 1), ("another", 1))
    )

    assert ["f:0 0"] == _found(_remembered(one), other)
    assert ["f:0 0", "f:1 1"] == _found(_remembered(one), [*one[:2], {**one[2], "content": "[cleared]"}, *one[3:]])


_LONG_AGO = [_user("Hello."), _said("Hi!", "hi"), _user("Weather?"), *_called("f:0"), *_called("f:1", 1)]


@pytest.mark.parametrize(("system", "found"), [("One.", ["f:0 0", "f:1 1"]), ("Another.", [])])
def test_another_agent_s_cut_history(system: str, found: list[str]) -> None:
    """What is left of a history whose beginning was cut off is found under its own system prompt alone."""
    agent = [{"role": "system", "content": "One."}, *_LONG_AGO]

    assert found == _found(_remembered(agent), [{"role": "system", "content": system}, *_LONG_AGO[2:]])


def test_a_cut_history_has_no_rival_of_its_own_depth() -> None:
    """Another's turns, which stand deeper, are not taken where one's own are known too, though they prove nothing."""
    history = [
        {**message, "reasoning_content": f"own {at}"} if message["role"] == "assistant" else message
        for at, message in enumerate(_LONG_AGO[2:])
    ]
    memory = _remembered(_LONG_AGO, history)

    assert ["own 1", "own 3"] == _found(memory, history)
    assert [] == _found(memory, [_user("Be nice."), *history])


def test_a_cut_history_is_covered_from_its_beginning() -> None:
    """Turns that nobody knows stand before a run: what is visible of them may be another conversation's."""
    history = [_user("Weather?"), _said("Who?", ""), _user("I."), _said("Yes?", ""), _user("Weather?"), *_LONG_AGO[3:]]
    memory = _remembered([*_LONG_AGO[:2], *_LONG_AGO[:2], *_LONG_AGO])

    assert [] == _found(memory, history)
    assert ["f:0 0", "f:1 1"] == _found(memory, history[2:])


def test_what_was_sent_for_a_cut_history_proves_nothing_later() -> None:
    """It stays where it was sent, and says nothing of the conversation that it may have come from."""
    memory, cut = _remembered(_LONG_AGO), [_user("Summary."), *_LONG_AGO[2:], *_called("f:2", 2)]
    exchange = begun(_bare(cut[:-2]), "a")
    exchange.plan(memory.read(exchange.lookup()))
    memory.write(exchange.answered([cut[-2]], memory.now()))

    assert ["f:0 0", "f:1 1", "f:2 2"] == _found(memory, cut)
    assert ["hi", "f:0 0", "f:1 1"] == _found(memory, [*_LONG_AGO, *_called("f:2", 2, "cleared")])


def test_runs_do_not_multiply() -> None:
    """Turns that were made again and again, in a history whose beginning was cut off, are told soon to be no proof."""
    history, memory = (
        [*_LONG_AGO, *[message for n in range(2, 20) for message in _called(f"f:{n}", n)]],
        ReasoningMemory(),
    )
    for at, message in enumerate(history):
        if message["role"] == "assistant":
            turns = [{**message, "reasoning_content": f"{at} {again}"} for again in range(6)]
            record(memory, _bare(history[:at]), turns, "a")

    assert [] == _found(memory, history[2:])


def test_a_carried_turn_that_is_proven_is_linked_to() -> None:
    """What is carried is not looked up where it is known, and the turn after it knows its memory all the same."""
    history = [_user("Weather?"), *_called(ONE_ID), *_called(OTHER_ID, 1)]
    memory = _remembered(history)
    exchange = begun([_user("Summary."), *history[3:]], "a")
    exchange.plan(memory.read(exchange.lookup()))
    (recording,) = exchange.answered([_said("Warm.", "w")], memory.now()).recordings

    assert place_digest(Walk(history).places[1].prefix, system_digest({}, CHAT, ())) == recording.memory.link.place
