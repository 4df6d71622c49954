"""Remember a turn, change the history as clients do, find it again: exactly that one, or none."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.history.canonical import canonical_arguments
from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.history.replay import replay
from mimo_quirks.memory.search import Search
from mimo_quirks.recall.fingerprints import MOST_CALLS, Walk
from mimo_quirks.recall.lookup import TurnLookup
from mimo_quirks.recall.memories import Whose
from mimo_quirks.stores import CANDIDATES

from .recalling import Recall, marks_of_turns, near_memory, recorded
from .strategies import histories, json_values

History = list[dict[str, Any]]
SYSTEM = {"role": "system", "content": "Be brief."}


def _call(ident: str, name: str = "weather", **arguments: Any) -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _turn(reasoning: str | None, *calls: dict[str, Any], content: str = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content, "reasoning_content": reasoning, "tool_calls": list(calls)}


def _result(call: dict[str, Any], content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call["id"], "content": content}


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _conversation(mark: str, city: str = "北京", ident: str = "weather") -> History:
    """Two rounds of two tool turns and an answer; the reasoning is the mark's, everything else the arguments'."""
    history: History = [SYSTEM]
    for round_ in range(2):
        history.append(_user(f"question {round_}"))
        for step in range(2):
            calls = [_call(f"{ident}:{round_}{step}{n}", city=city, day=[round_, step, n]) for n in range(2)]
            history += [
                _turn(f" {mark}{round_}{step}\n", *calls),
                *(_result(call, f"{step} °C {city}") for call in calls),
            ]
        history.append(_turn(f"{mark}{round_}!", content="Done."))
    return [*history, _user("and now?")]


def _store(*conversations: History, scope: str = "a") -> Recall:
    """A memory that saw these conversations, each turn as it was answered."""
    recall = Recall(is_far=FAR.get())
    for history in conversations:
        for index, message in enumerate(history):
            if message["role"] == "assistant":
                recall.put(recorded(history[:index], message, Whose(scope)))
    return recall


FAR: ContextVar[bool] = ContextVar("far")


@pytest.fixture(autouse=True, params=[False, True], ids=["near", "far"])
def _where(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test is about a process that remembers by itself, and about one that knows what a store has."""
    token = FAR.set(request.param)
    yield
    FAR.reset(token)


def _forget(history: History) -> History:
    """The history as a client sends it that drops the field."""
    return [{key: value for key, value in message.items() if key != "reasoning_content"} for message in history]


def _recall(recall: Recall, history: History, scope: str = "a") -> FoundReasoning:
    return recall.look_up(history, Whose(scope))


def _texts(history: History) -> dict[int, str]:
    return {index: m["reasoning_content"] for index, m in enumerate(history) if m["role"] == "assistant"}


def test_a_client_that_drops() -> None:
    """Every turn is found, tool turns and plain ones, with one batch of keys."""
    history = _conversation("m")

    assert FoundReasoning(_texts(history)) == _recall(_store(history), _forget(history))


def test_a_client_that_carries() -> None:
    """Nothing is asked where nothing is lost."""
    lookup = TurnLookup.of(_conversation("m"), Walk(_conversation("m")).places, Whose("a"))

    assert [] == lookup.lost


def _rewritten(history: History) -> History:
    text = json.dumps(history)
    for n, ident in enumerate(sorted({call["id"] for m in history for call in m.get("tool_calls", ())})):
        text = text.replace(json.dumps(ident), json.dumps(f"toolu_{n:09d}"))
    return json.loads(text)


def _reserialised(history: History) -> History:
    for message in history:
        for call in message.get("tool_calls", ()):
            arguments = json.loads(call["function"]["arguments"])
            backwards = dict(reversed(arguments.items()))
            call["function"]["arguments"] = json.dumps(backwards, indent=1, ensure_ascii=False)
    return history


def _reordered(history: History) -> History:
    for index, message in enumerate(history):
        if message.get("tool_calls"):
            message["tool_calls"].reverse()
            history[index + 1], history[index + 2] = history[index + 2], history[index + 1]
    return history


def _other_prompt(history: History) -> History:
    return [{"role": "system", "content": "Today is Friday."}, {"role": "developer", "content": "x"}, *history[1:]]


def _other_shapes(history: History) -> History:
    for message in history:
        if message["role"] == "user":
            message["content"] = [{"type": "text", "text": f" {message['content']}\n"}]
        elif message["role"] == "assistant":
            message["content"] = message["content"] or None
            message["thinking_blocks"] = []
    return history


CLIENTS: list[Callable[[History], History]] = [_rewritten, _reserialised, _reordered, _other_prompt, _other_shapes]


@pytest.mark.parametrize("client", CLIENTS)
def test_clients(client: Callable[[History], History]) -> None:
    """Whatever clients do to ids, arguments, order, prompts and shapes, every turn is found."""
    history = _conversation("m")
    changed = client(copy.deepcopy(_forget(history)))
    found = _recall(_store(history, _conversation("other", city="上海")), changed)

    assert sorted(_texts(history).values()) == sorted(found.texts.values())


@given(st.sets(st.sampled_from(CLIENTS)), st.integers(0, 8))
def test_all_at_once(clients: set[Callable[[History], History]], cut: int) -> None:
    """Any mix of them, and the beginning cut off: what is found is right, and where a turn was cut off all is.

    With nothing but a message before it all, nothing tells the conversation from another one that goes on like it.
    """
    history = _conversation("m")
    changed = copy.deepcopy(_forget(history))
    for client in sorted(clients, key=lambda client: client.__name__):
        changed = client(changed)
    shift = len(changed) - len(history)
    expected = {index + shift: text for index, text in _texts(history).items()}
    compacted = [SYSTEM, _user("Summary."), *changed[cut + 1 + shift :]]
    found = _recall(_store(history, _conversation("other", city="上海")), compacted).texts

    offset = cut + 1 + shift - 2
    assert {} == {index: text for index, text in found.items() if expected[index + offset] != text}
    is_cut = cut > 1
    assert ({text for text in expected.values() if text.strip().startswith("m1")} <= set(found.values())) is is_cut


def test_calls_that_were_dropped() -> None:
    """A turn is found by any of its calls."""
    calls = [_call(f"c:{n}", city=str(n)) for n in range(3)]
    history = [_user("x"), _turn("r", *calls)]
    store = _store(history)

    for call in calls:
        assert {1: "r"} == _recall(store, _forget([_user("x"), _turn(None, call)])).texts
    stranger = _call("c:9", city="9")
    assert NOTHING == _recall(store, _forget([_user("x"), _turn(None, calls[0], stranger)]))


def test_a_call_that_was_edited() -> None:
    """A call whose arguments a human changed is found by an id that was drawn, not by one that was counted."""
    for ident, expected in (("call_8f3ac01b77d2e4", {1: "r"}), ("weather:0", {})):
        store = _store([_user("x"), _turn("r", _call(ident, city="a"))])

        assert expected == _recall(store, _forget([_user("x"), _turn(None, _call(ident, city="b"))])).texts


def test_identical_ids_in_two_conversations() -> None:
    """Ids that repeat are told apart by what stands before the turn."""
    one, two = _conversation("one"), _conversation("two", city="上海")
    store = _store(one, two)

    assert FoundReasoning(_texts(one)) == _recall(store, _forget(one))
    assert FoundReasoning(_texts(two)) == _recall(store, _forget(two))


def test_twins_are_rejected() -> None:
    """What nothing visible tells apart is rejected and counted, unless the texts are the same."""
    one, two = [_user("x"), _turn("one", _call("c:0"))], [_user("x"), _turn("two", _call("c:0"))]

    assert FoundReasoning({}, ambiguous=frozenset({1})) == _recall(_store(one, two), _forget(one))
    assert FoundReasoning({1: "one"}) == _recall(_store(one, one), _forget(one))


def test_branches_are_told_apart_by_their_ids() -> None:
    """Two answers to the same history, alike but for their ids, keep each its own reasoning."""
    one, two = ([_user("x"), _turn(mark, _call(f"c:{mark}"))] for mark in ("one", "two"))
    store = _store(one, two)

    assert ({1: "one"}, {1: "two"}) == (_recall(store, _forget(one)).texts, _recall(store, _forget(two)).texts)


def test_a_choice_is_kept() -> None:
    """A twin that turns up later does not disturb a conversation that has gone on."""
    one = _conversation("one")
    twin = [*one[:2], {**one[2], "reasoning_content": "twin"}]
    store = _store(one)
    before = _recall(store, _forget(one))
    store.put(recorded(twin[:2], twin[2], Whose("a")))

    assert before == _recall(store, _forget(one))
    assert FoundReasoning({}, ambiguous=frozenset({2})) == _recall(store, _forget(twin))


def test_a_link_speaks_of_the_turn_before_alone() -> None:
    """A client that dropped some turns and kept others is served too."""
    history = _conversation("m")
    forgotten = _forget(history)
    mixed = [forgotten[index] if index % 2 else history[index] for index in range(len(history))]
    expected = {index: text for index, text in _texts(history).items() if index % 2}

    assert FoundReasoning(expected) == _recall(_store(history), mixed)
    assert expected


def test_a_choice_for_another_twin_is_not_taken() -> None:
    """Where the turn that follows was made after another text, the one candidate left is not taken."""
    one = [_user("x"), _turn("one", _call("c:0")), _result(_call("c:0"), "1"), _turn("next", _call("c:1"))]
    sent_otherwise = [one[0], {**one[1], "reasoning_content": "other"}, one[2]]
    store = _store(one[:2])
    store.put(recorded(sent_otherwise, one[3], Whose("a")))

    assert FoundReasoning({3: "next"}) == _recall(store, _forget(one))


@pytest.mark.parametrize("reasoning", [" ", "tool call", "redacted-by-litellm"])
def test_what_is_not_remembered(reasoning: str | None) -> None:
    """A placeholder and a redacted text are no reasoning."""
    assert recorded([_user("x")], _turn(reasoning, _call("c:0")), Whose("a")) is None


def test_empty_reasoning_is_a_fact() -> None:
    """A turn without a thought is known as such, and is not taken for lost."""
    history = [_user("x"), _turn("", _call("c:0"))]

    assert {1: ""} == _recall(_store(history), _forget(history)).texts


@pytest.mark.parametrize("thought", ["<think>a</think>", "<think></think><think>b</think>"])
@pytest.mark.parametrize("listed", [False, True])
def test_keys_ignore_think_tags(thought: str, listed: bool) -> None:
    """A thought at the beginning of the text is none of it."""
    content: Any = [{"type": "text", "text": f"{thought}answer"}] if listed else f"{thought}answer"
    turn = {"role": "assistant", "content": content}

    assert marks_of_turns([_user("x"), _turn(None, content="answer")]) == marks_of_turns([_user("x"), turn])


def test_scopes() -> None:
    """Nothing crosses a scope."""
    history = _conversation("m")

    assert NOTHING == _recall(_store(history, scope="a"), _forget(history), scope="b")


def test_replay_puts_it_back() -> None:
    """What was found goes out under the names of the host; rejected turns get the placeholder with its reason."""
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    history = [_user("x"), _turn(None, _call("c:0")), _turn(None, _call("c:1")), _turn(None, content="hi")]
    sent, report = replay(
        _forget(history), quirks, thinking=True, recall=FoundReasoning({1: " r\n", 3: "p"}, ambiguous=frozenset({2}))
    )

    assert [None, " r\n", "", "p"] == [message.get("reasoning_content") for message in sent]
    assert ["recalled", "placeholder", "recalled"] == [turn.action for turn in report.turns]
    assert "several answers were remembered" == report.turns[1].reason
    off, _ = replay(_forget(history), quirks, thinking=False, recall=FoundReasoning({1: " r\n"}))
    assert off == _forget(history)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": "é"}', '{"b":"\\u00e9","a":1}'),
        ('{"a": 1.0}', '{"a": 1}'),
        ('{"a": "e\u0301"}', '{"a": "\u00e9"}'),
        (" not json ", "not  json"),
    ],
)
def test_arguments(one: str, other: str) -> None:
    """The same arguments in another hand are the same."""
    assert canonical_arguments(one) == canonical_arguments(other)


@pytest.mark.parametrize(("one", "other"), [('{"a": 1}', '{"a": "1"}'), ('{"a": 1.5}', '{"a": 1}'), ("[", "{")])
def test_other_arguments(one: str, other: str) -> None:
    """Other arguments are others."""
    assert canonical_arguments(one) != canonical_arguments(other)


@given(st.lists(json_values, max_size=3), st.lists(json_values, max_size=3))
def test_digests_are_injective(one: list[Any], other: list[Any]) -> None:
    """Whatever ids contain, two different lists of parts have two digests."""
    assert (json.dumps(one) == json.dumps(other)) is (digest(*one) == digest(*other))


@given(json_values)
def test_digests_are_of_json(value: Any) -> None:
    """A digest is that of the value as compact JSON, on every machine."""
    written = json.dumps([value], separators=(",", ":")).encode()

    assert hashlib.sha256(written).hexdigest()[:32] == digest(value)


def test_a_flood_of_calls() -> None:
    """A turn with a hundred calls has keys for some of them, and is found."""
    history = [_user("x"), _turn("r", *(_call(f"c:{n}", n=n) for n in range(120)))]

    assert {1: "r"} == _recall(_store(history), _forget(history)).texts
    assert 3 * MOST_CALLS == len({*chain(*marks_of_turns(history)[0][1])})


@given(histories, st.text())
def test_keys_ignore_reasoning(history: History, scope: str) -> None:
    """The keys before replay are the keys after it."""
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    readable = [m for m in history if isinstance(m.get("tool_calls") or [], list)]
    sent, _ = replay(readable, quirks, thinking=True)

    assert marks_of_turns(readable, Whose(scope)) == marks_of_turns(sent, Whose(scope))


@given(histories)
def test_any_history(history: History) -> None:
    """Any messages are asked about and remembered without an exception."""
    recall = Recall(is_far=FAR.get())
    recall.look_up(history, Whose("a"))
    for index, message in enumerate(history):
        recall.put(recorded(history[:index], message, Whose("a")))


def test_a_turn_without_reasoning_is_known() -> None:
    """What was never thought is a fact: another conversation's thought is not taken for it."""
    here = [_user("hi"), _turn(None, content="Hello!"), _user("x"), _turn(None, _call("c:0"))]
    there = [_user("what?"), _turn("?", content="That."), _user("x"), _turn("there", _call("c:0"))]

    assert NOTHING == _recall(_store(here, there), _forget(here))


def test_one_memory_answers_once() -> None:
    """The same words twice in a conversation, the second time unheard: the first thought is not given twice."""
    call = _call("c:0")
    history = [_user("go"), _turn("r1", call), _result(call, "ok"), _user("go"), _turn("r2", call)]
    store = _store(history[:2])

    assert {1: "r1"} == _recall(store, _forget(history)).texts


@pytest.mark.parametrize(("ident", "found"), [("call_2c4e6a8b0d1f2a3b", {1: "first", 4: "second"}), ("weather:0", {})])
def test_a_trimmed_history_that_grows_whole_again(ident: str, found: dict[int, str]) -> None:
    """A turn that stood where another one stands in the whole is known by an id of its own, and not without."""
    one, two = _call("call_1a3c5e7a9b0d2f4c" if found else ident), _call(ident)
    store = Recall(is_far=FAR.get())
    for turn in (_turn("first", one), _turn("second", two)):
        store.put(recorded([_user("x")], turn, Whose("a")))
    whole = [_user("x"), _turn(None, one), _result(one, "1"), _user("x"), _turn(None, two), _result(two, "2")]

    assert found == _recall(store, whole).texts


def test_equal_texts_vouch_for_nobody() -> None:
    """Where twins went on with the same text, it does not say which of them came before."""
    mine, other = (
        [_user("x"), _turn(mark, _call("c:0")), _result(_call("c:0"), "1"), _turn("same", _call("c:1"))]
        for mark in "ab"
    )
    for store in (_store(mine, other), _store(other, mine)):
        assert FoundReasoning({3: "same"}, ambiguous=frozenset({1})) == _recall(store, _forget(mine))


def test_drawn_ids_of_another_turn_are_believed() -> None:
    """A client that keeps ids keeps them: a turn with ids of its own is not another's with the same words."""
    here = [_user("x"), _turn("h", _call("call_1a2b3c4d5e6f7")), _user("y"), _turn(None, _call("call_9z8y7x6w5v4u3"))]
    there = [
        _user("z"),
        _turn("?", _call("call_aa11bb22cc33d")),
        _user("y"),
        _turn("there", _call("call_dd44ee55ff66a")),
    ]

    assert {1: "h"} == _recall(_store(here[:2], there), _forget(here)).texts


@pytest.mark.parametrize("ident", ["get_current_weather_0", "read_file:0", "call_1", "functions.search:12"])
def test_counted_ids_are_not_drawn(ident: str) -> None:
    """An id that was counted does not find a turn by itself."""
    store = _store([_user("Paris?"), _turn("Paris", _call(ident, city="Paris"))])

    assert NOTHING == _recall(store, _forget([_user("Rome?"), _turn(None, _call(ident, city="Rome"))]))


def test_results_of_swapped_calls_are_told_apart() -> None:
    """A result stands for the call that it answers."""
    one, two = _call("c:0", q=1), _call("c:1", q=2)
    yes_no, no_yes = (
        [_user("x"), _turn("r", one, two), _result(one, a), _result(two, b), _turn(a + b, _call("c:2"))]
        for a, b in (("yes", "no"), ("no", "yes"))
    )
    store = _store(yes_no, no_yes)

    assert ("yesno", "noyes") == tuple(_recall(store, _forget(h)).texts[4] for h in (yes_no, no_yes))


def test_a_full_key_is_not_unanimous() -> None:
    """Where a key has more memories than it tells, the rest may say otherwise; an id still finds its own."""
    mine = [_user("x"), _turn("mine", _call("call_1a2b3c4d5e6f7"))]
    others = [[_user("x"), _turn("same", _call(f"call_9z8y7x6w5v4u{n:02}"))] for n in range(CANDIDATES)]
    store = _store(mine, *others)
    rewritten = [_user("x"), _turn(None, _call("toolu_x"))]

    assert {1: "mine"} == _recall(store, _forget(mine)).texts
    assert FoundReasoning({}, ambiguous=frozenset({1})) == _recall(store, _forget(rewritten))


@pytest.mark.parametrize("known", ["system", "end user"])
def test_many_conversations_with_one_beginning(known: str) -> None:
    """A system prompt, or the end user, finds each of more conversations than a key answers with: ids are counted."""
    recall, found = Recall(is_far=FAR.get()), dict[str, Any]()
    history = [_user("x"), _turn(None, _call("c:0")), _result(_call("c:0"), "1"), _turn(None, content="Done.")]
    agents = [Whose("a", *((name, "") if known == "system" else ("s", name))) for name in map(str, range(100))]
    for whose in agents:
        name = whose.system + whose.end_user
        recall.put(recorded(history[:1], _turn(f"1 {name}", _call("c:0")), whose))
        recall.put(recorded(_forget(history[:3]), _turn(f"2 {name}", content="Done."), whose))
    for whose in agents:
        name = whose.system + whose.end_user
        found[name] = recall.look_up(_forget(history), whose).texts

    assert {name: {1: f"1 {name}", 3: f"2 {name}"} for name in found} == found


def test_one_of_many_end_users_that_are_told_late() -> None:
    """What was recorded before the client named its end user is found; of several such nobody knows which."""
    history = [_user("x"), _turn(None, _call("c:0"))]
    recall = _store([_user("x"), _turn("unnamed", _call("c:0"))])
    assert {1: "unnamed"} == recall.look_up(_forget(history), Whose("a", "", "u")).texts

    recall.put(recorded(history[:1], _turn("named", _call("c:0")), Whose("a", "", "u")))
    assert FoundReasoning({}, ambiguous=frozenset({1})) == recall.look_up(_forget(history), Whose("a", "", "u"))


def test_a_full_key_and_an_end_user_that_it_does_not_know() -> None:
    """Where a key has more memories than it tells, which name nobody, none is taken for an end user's."""
    mine, others = ([_user("x"), _turn(text, _call("c:0"))] for text in ("mine", "same"))
    recall = _store(mine, *[[*others] for _ in range(CANDIDATES)])

    assert FoundReasoning({}, ambiguous=frozenset({1})) == recall.look_up(_forget(mine), Whose("a", "", "u"))


def test_short_answers_under_a_changed_system_prompt() -> None:
    """A turn that says next to nothing is found beside a turn that is proven, also under another prompt."""
    history = [_user("x"), _turn("a", content="OK"), _user("y"), _turn("b", _call("call_1a2b3c4d5e6f7"))]

    assert {1: "a", 3: "b"} == _store(history).look_up(_forget(history), Whose("a", "It is 5 o'clock.")).texts


def test_a_flood_in_another_order() -> None:
    """More calls than have keys, reordered, are the same calls."""
    history = [_user("x"), _turn("r", *(_call(f"c:{n}", n=n) for n in range(40)))]
    backwards = copy.deepcopy(_forget(history))
    backwards[1]["tool_calls"].reverse()

    assert {1: "r"} == _recall(_store(history), backwards).texts


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_payload(payload: bytes) -> None:
    """What another version, or anybody, wrote into the store is not taken for an answer, and breaks nothing."""
    history = _forget([_user("x"), _turn(None, _call("c:0"))])
    search = Search(TurnLookup.of(history, Walk(history).places, Whose("a")), near_memory(), 0.0, alone=False)

    assert NOTHING == search.conclude({key: [payload] for key in search.keys})


def test_any_content() -> None:
    """Content that is no JSON has keys all the same."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for content in ([object()], [b"x"], [deep], [{("a",): 1}], [{"type": "image", "url": "u"}]):
        assert marks_of_turns([{"role": "user", "content": content}, _turn(None, _call("c:0"))])


def test_what_is_damaged_is_looked_up() -> None:
    """Frameworks strip and join: a text that is not known to the byte is looked up, and what was issued is found."""
    history = _conversation("m")
    stripped = [{**m, "reasoning_content": m.get("reasoning_content", "").strip()} for m in history]

    assert {2: " m00\n", 5: " m01\n", 10: " m10\n", 13: " m11\n"} == _recall(_store(history), stripped).texts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a b", ["a", "b"]),
        ("a\n\nb", ["a", " b "]),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "image", "source": {"url": "https://x/y.png"}},
        ),
        (
            {"type": "input_image", "image_url": "data:image/png;base64,QQ=="},
            {"type": "image", "source": {"data": "QQ=="}},
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, {"type": "input_file", "file_id": "f1"}),
    ],
)
def test_content_in_another_shape(one: Any, other: Any) -> None:
    """Texts in one part or in several, and media in any wire's wrapping, are the same."""
    contents = [content if isinstance(content, str | list) else [content] for content in (one, other)]
    first, second = (marks_of_turns([{"role": "user", "content": c}, _turn(None, _call("c:0"))]) for c in contents)

    assert first == second


def test_other_media_are_others() -> None:
    """Two images make two conversations, and so do two blocks of a kind that nobody knows."""
    blocks = [
        {"type": "image", "source": {"data": "QQ=="}},
        {"type": "image", "source": {"data": "Qg=="}},
        {"type": "odd", "x": 1},
        {"type": "odd", "x": 2},
        {"type": "odd", "source": 3},
    ]
    turn = _turn(None, _call("c:0"))
    marks = [marks_of_turns([{"role": "user", "content": [block]}, turn])[0][1] for block in blocks]

    assert len(blocks) == len({mark.prefix for mark in marks})


def test_no_arguments() -> None:
    """A call without arguments is the same whether they are written or not."""
    assert canonical_arguments("") == canonical_arguments("{}")


def test_the_user_s_messages_are_one() -> None:
    """Anthropic's wire makes one message of several; a turn after them has the same strongest key."""
    turn = _turn(None, _call("c:0"))
    apart, together = marks_of_turns([_user("a"), _user("b"), turn]), marks_of_turns([_user("a b"), turn])

    assert apart[0][1].prefix == together[0][1].prefix
