"""The simulator as the judge of a memory: worlds where ids, texts or the order on a stream tell a client nothing."""

import json
import threading

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimo_quirks.simulator import Exchange, Issued, Mode, Simulator
from mimo_quirks.simulator.course import Course
from mimo_quirks.simulator.ledger import Ledger

KEY = {"Authorization": "Bearer any"}
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("read_file", "grep")]
NOTHING_TELLS = {"ids": "repeating", "answers": "identical"}
EXACT = {"accepts": "exact", "conversation": "seed"}


@pytest.fixture(name="server", scope="module")
def _server():
    with Simulator() as server, httpx.Client(base_url=server.base_url, headers=KEY, timeout=10) as client:
        yield server, client


@pytest.fixture(name="world")
def _world(server):
    simulator, client = server
    simulator.reset()

    def world(**mode):
        simulator.mode = Mode(**mode)
        return World(simulator, client)

    return world


class World:
    """A client that keeps every message and may change what it sends."""

    def __init__(self, simulator, client):
        self.simulator, self._client = simulator, client

    def ask(self, history, **body):
        response = self._client.post("/chat/completions", json={"messages": history, "tools": TOOLS, **body})
        return response.json()["choices"][0]["message"] if response.status_code == 200 else None

    def talk(self, turns, history=(), send=list, **body):
        """So many turns on end; `send` is what becomes of a history on its way out."""
        history = list(history)
        for _ in range(turns):
            if not history or (history[-1]["role"] == "assistant"):
                history.append(user("go"))
            message = self.ask(send(history), **body)
            assert message is not None, self.verdicts
            history += [message, *results(message)]
        return history

    @property
    def verdicts(self):
        return self.simulator.exchanges[-1].verdicts


def user(text):
    return {"role": "user", "content": text}


def results(message):
    return [{"role": "tool", "tool_call_id": call["id"], "content": "ok"} for call in message.get("tool_calls", ())]


def spoken(history):
    return [message for message in history if message["role"] == "assistant"]


def carry(message, text):
    return {**message, "reasoning_content": text}


def changed(change):
    return lambda history: [change(message) if message["role"] == "assistant" else message for message in history]


def upstream_text(message):
    return message["reasoning_content"]


# Ids


def ids_of(history):
    return [call["id"] for message in spoken(history) for call in message.get("tool_calls", ())]


def test_repeating_ids_are_the_same_in_every_conversation(world):
    """An id is the call's name and its ordinal in the history (EVIDENCE §12.2)."""
    there = world(ids="repeating", tool_rounds=2, parallel_calls=2)
    expected = ["read_file:0", "grep:1", "read_file:2", "grep:3", "read_file:4", "grep:5"]

    assert [expected, expected] == [ids_of(there.talk(4)), ids_of(there.talk(4))]


def test_unique_ids_never_repeat(world):
    """By default no id is used twice."""
    there = world(tool_rounds=2, parallel_calls=2)

    assert 12 == len({*ids_of(there.talk(4)), *ids_of(there.talk(4))})


# Answers


@pytest.mark.parametrize(("answers", "texts"), [("unique", 2), ("identical", 1)])
def test_answers(world, answers, texts):
    """Plain answers are all the same, or never."""
    there = world(answers=answers, tool_rounds=0)
    said = {there.talk(1)[-1]["content"] for _ in range(2)}

    assert texts == len(said)
    assert ("Done." in said) == (answers == "identical")


@pytest.mark.parametrize("rounds", [0, 1])
def test_shared_identity_is_exact_with_any_of_its_texts(world, rounds):
    """Without a conversation an identity that several turns share vouches for each of their texts, and no other."""
    there = world(tool_rounds=rounds, **NOTHING_TELLS)
    (one,), (other,) = (spoken(there.talk(1)) for _ in range(2))
    strange = spoken(there.talk(2))[1]
    texts = [upstream_text(one), upstream_text(other), upstream_text(one) + "x", upstream_text(strange), ""]
    there.ask([user("go"), *(carry(one, text) for text in texts)])
    stranger = "foreign" if rounds else "exact"  # with calls the third turn has another identity

    assert ("exact", "exact", "altered", stranger, "placeholder") == there.verdicts


# Conversations


@pytest.mark.parametrize(
    ("body", "expected"), [({"seed": 7}, "7"), ({"seed": "a"}, "a"), ({"seed": None}, None), ({}, None)]
)
def test_exchange_names_its_conversation(world, body, expected):
    """The mark is read from the parameter that the mode names."""
    there = world(conversation="seed")
    there.ask([user("go")], user="not asked", **body)

    assert expected == there.simulator.exchanges[-1].conversation


def test_no_conversation_by_default(world):
    """A mode that names no mark reads none."""
    there = world()
    there.ask([user("go")], seed=7)

    assert None is there.simulator.exchanges[-1].conversation


def test_request_without_the_mark_is_judged_by_identity(world):
    """Where the mark is missing, a turn is found wherever it was issued."""
    there = world(**EXACT)
    history = there.talk(3, seed=1)
    there.ask(history)

    assert ("exact",) * 3 == there.verdicts

    there.ask(history, seed=2)

    assert ("foreign",) * 3 == there.verdicts


@pytest.mark.parametrize("world_", [{}, NOTHING_TELLS])
def test_linear_conversations_interleave(world, world_):
    """Conversations that look the same are each held to their own texts, turn by turn."""
    there = world(**EXACT, tool_rounds=2, parallel_calls=2, **world_)
    one, other = [], []
    for _ in range(7):
        one, other = there.talk(1, one, seed=1), there.talk(1, other, seed=2)

    assert [200] * 14 == [exchange.status for exchange in there.simulator.exchanges]
    assert [f"{n}" for n in (1, 2)] * 7 == [exchange.conversation for exchange in there.simulator.exchanges]


def test_other_conversations_text_is_foreign(world):
    """What looks right and belongs to another conversation is foreign, and rejected when exact."""
    there = world(**EXACT, **NOTHING_TELLS)
    one, other = there.talk(3, seed=1), there.talk(3, seed=2)

    assert ids_of(one) == ids_of(other)
    assert None is there.ask(other, seed=1)
    assert ("foreign",) * 3 == there.verdicts


def test_other_turns_text_is_foreign(world):
    """A text of the same conversation on another of its turns is foreign."""
    there = world(conversation="seed", tool_rounds=3, **NOTHING_TELLS)
    history = there.talk(3, seed=1)
    first, second, third = spoken(history)
    swapped = {
        id(first): upstream_text(second),
        id(second): upstream_text(first),
        id(third): upstream_text(third) + "x",
    }
    there.ask([carry(m, swapped[id(m)]) if id(m) in swapped else m for m in history], seed=1)

    assert ("foreign", "foreign", "altered") == there.verdicts


@pytest.mark.parametrize("text", ["", None])
def test_own_text_is_demanded_of_plain_turns_too(world, text):
    """When exact, each aligned turn is asked for its text, and a plain one as well."""
    there = world(**EXACT, tool_rounds=0, **NOTHING_TELLS)
    history = there.talk(2, seed=1)

    assert None is there.ask([*changed(lambda m: carry(m, text))(history), user("go")], seed=1)
    assert "exact" not in there.verdicts


def rewrite_ids(history):
    return changed(
        lambda m: (
            m
            | (
                {"tool_calls": [{**c, "id": f"toolu_{i}"} for i, c in enumerate(calls)]}
                if (calls := m.get("tool_calls"))
                else {}
            )
        )
    )(history)


def renumber(history):
    """Ids from 0 again, in the form in which the host issues them: after a compaction they name other turns."""
    count = iter(range(1000))
    return changed(
        lambda m: (
            m
            | (
                {"tool_calls": [{**c, "id": f"{c['function']['name']}:{next(count)}"} for c in calls]}
                if (calls := m.get("tool_calls"))
                else {}
            )
        )
    )(history)


def reorder(history):
    return changed(lambda m: m | ({"tool_calls": m["tool_calls"][::-1]} if "tool_calls" in m else {}))(history)


def drop_calls(history):
    return changed(lambda m: m | ({"tool_calls": m["tool_calls"][1:]} if "tool_calls" in m else {}))(history)


def reserialise(history):
    spaced = {"arguments": "{ }"}
    return changed(
        lambda m: (
            m
            | (
                {"tool_calls": [{**c, "function": c["function"] | spaced} for c in calls]}
                if (calls := m.get("tool_calls"))
                else {}
            )
        )
    )(history)


def compact(history):
    """The first half of the turns becomes a summary."""
    turns = [position for position, message in enumerate(history) if message["role"] == "assistant"]
    kept = history[turns[len(turns) // 2] :] if turns else history
    return [{"role": "system", "content": f"so far: {len(history) - len(kept)}"}, user("go on"), *kept]


def texts_only(history):
    """What a user interface keeps of earlier rounds: no calls, no results."""
    now = max(position for position, message in enumerate(history) if message["role"] == "user")
    texts = [message for message in history[:now] if message["role"] != "tool" and "tool_calls" not in message]
    return [*texts, *history[now:]]


MUTATIONS = [rewrite_ids, renumber, reorder, drop_calls, reserialise, compact, texts_only]


@pytest.mark.parametrize("world_", [{}, NOTHING_TELLS])
@pytest.mark.parametrize("mutation", [*MUTATIONS, lambda history: renumber(compact(history))])
def test_alignment_survives_what_clients_do(world, mutation, world_):
    """However the visible part changes, each turn is still held to its own text."""
    there = world(**EXACT, tool_rounds=2, parallel_calls=2, **world_)
    there.talk(9, seed=1)
    there.talk(9, seed=2, send=mutation)
    last = [verdict for exchange in there.simulator.exchanges[9:] for verdict in exchange.verdicts]

    assert {"exact"} == set(last)


@settings(max_examples=25)
@given(st.lists(st.sampled_from([*MUTATIONS[:5], list]), min_size=8, max_size=8), st.booleans())
def test_alignment_survives_changes_that_change(mutations, telling):
    """A client may do something else each time."""
    mode = Mode(**EXACT, tool_rounds=1, parallel_calls=2, **({} if telling else NOTHING_TELLS))
    ledger_world = Offline(mode)
    history = []
    for mutation in mutations:
        history = ledger_world.talk(history, mutation)

    assert {"exact"} == set(ledger_world.verdicts)


class Offline:
    """The wire without the sockets, for many examples."""

    def __init__(self, mode):
        self._course, self._ledger = Course(mode), Ledger()

    def talk(self, history, mutation):
        from mimo_quirks.simulator.chat import CHAT
        from mimo_quirks.simulator.serving import Arrival, serve

        history = history if history and history[-1]["role"] == "tool" else [*history, user("go")]
        body = {"messages": mutation(history), "tools": TOOLS, "seed": 1}
        reply = serve(CHAT, Arrival("/", {"api-key": "any"}, json.dumps(body).encode()), self._course, self._ledger)
        message = json.loads(reply.parts[0])["choices"][0]["message"]
        return [*history, message, *results(message)]

    @property
    def verdicts(self):
        return [verdict for exchange in self._ledger.exchanges for verdict in exchange.verdicts]


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize(("turns", "tells"), [(2, "ids"), (3, "answers")])
@pytest.mark.parametrize("world_", [{}, NOTHING_TELLS, {"ids": "repeating"}, {"answers": "identical"}])
def test_answer_that_is_asked_for_twice(world, world_, turns, tells, kept):
    """After a retry the client goes on with the later answer, or with the earlier one where it can be told."""
    there = world(**EXACT, tool_rounds=3, **world_)
    history = there.talk(turns, seed=1)
    answers = [there.ask(history, seed=1) for _ in range(2)]
    answer = answers[1 if tells in world_ else kept]
    there.talk(3, [*history, answer, *results(answer)], seed=1)

    assert ("exact",) * (turns + 3) == there.verdicts


def test_edges_of_a_text_tell_nothing(world):
    """A plain turn that lost or won white space at its edges keeps its place."""
    there = world(**EXACT, tool_rounds=0, **NOTHING_TELLS)
    there.talk(4, seed=1, send=changed(lambda m: m | {"content": f" {m['content']}\n"}))

    assert ("exact",) * 3 == there.verdicts


@pytest.mark.parametrize("world_", [{}, NOTHING_TELLS])
def test_going_back_to_an_earlier_state(world, world_):
    """A history with fewer turns is that earlier state and not the end of the present one; both branches go on."""
    there = world(**EXACT, tool_rounds=2, **world_)
    history = there.talk(6, seed=1)
    third = [position for position, message in enumerate(history) if message["role"] == "assistant"][3]
    there.talk(4, [*history[:third][:-1], user("rather this")], seed=1)

    assert {200} == {exchange.status for exchange in there.simulator.exchanges}
    assert ("exact",) * 6 == there.verdicts

    there.talk(2, history, seed=1)

    assert ("exact",) * 7 == there.verdicts


def test_rejected_request_changes_nothing(world):
    """A rejection issues no turn, so the next request aligns as before."""
    there = world(**EXACT, tool_rounds=3, **NOTHING_TELLS)
    history = there.talk(3, seed=1)

    assert None is there.ask(changed(lambda m: carry(m, ""))(history), seed=1)

    there.talk(2, history, seed=1)

    assert ("exact",) * 4 == there.verdicts


def test_title_request_in_between(world):
    """A request about something else in the same conversation does not displace its turns."""
    there = world(**EXACT, tool_rounds=2, **NOTHING_TELLS)
    history = there.talk(3, seed=1)
    there.ask([user("a title for this?")], seed=1)
    there.talk(3, history, seed=1)

    assert ("exact",) * 5 == there.verdicts


def test_unknown_messages_take_no_turns_place(world):
    """Messages that no turn fits are strangers; the others keep their turns."""
    there = world(**EXACT, tool_rounds=1, **NOTHING_TELLS)
    history = there.talk(2, seed=1)
    example = {"role": "assistant", "content": "for example", "reasoning_content": "made up"}
    call = {"id": "x", "type": "function", "function": {"name": "not_ours", "arguments": "{}"}}
    summary = {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": " "}
    there.ask([user("go"), example, *history, summary, *results(summary)], seed=1)

    assert ("foreign", "exact", "exact", "placeholder") == there.verdicts


def test_more_messages_than_turns(world):
    """A turn older than the conversation's first is unknown."""
    there = world(conversation="seed", tool_rounds=0, **NOTHING_TELLS)
    history = there.talk(2, seed=1)
    older = {"role": "assistant", "content": "Done.", "reasoning_content": "made up"}
    there.ask([user("go"), older, *history, user("go")], seed=1)

    assert ("foreign", "exact", "exact") == there.verdicts


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "tool_calls": [None, {}, {"function": {"name": 7}}, {"function": None}]}],
        [{"role": "assistant", "tool_calls": {}}, {"role": {}, "content": [None, {"text": 1}]}],
        [{}],
    ],
)
def test_any_message_can_be_aligned(world, messages):
    """Whatever stands in a history, the judge comes through."""
    there = world(accepts="off", conversation="seed")
    history = there.talk(2, seed=1)

    assert None is not there.ask([*history, *messages], seed=1)


def test_reset_forgets_conversations(world):
    """After a reset a conversation's turns are a stranger's."""
    there = world(**EXACT)
    history = there.talk(2, seed=1)
    there.simulator.reset()
    there.ask(history, seed=1)

    assert ("foreign", "foreign") == there.verdicts


# Late reasoning


def deltas(there, **body):
    response = there._client.post("/chat/completions", json={"messages": [user("go")], "stream": True, **body})
    events = [event.removeprefix("data: ") for event in response.text.split("\n\n") if event][:-1]
    return [choice["delta"] for event in events for choice in json.loads(event)["choices"]]


@pytest.mark.parametrize("spelling", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("late", [False, True])
def test_late_reasoning(world, late, spelling):
    """Reasoning comes before, between and after the calls, or before them only; in order it is the issued text."""
    there = world(late_reasoning=late, parallel_calls=2, spelling=spelling)
    parts = deltas(there, tools=TOOLS)
    kinds = [next(iter(part), "end") for part in parts]
    runs = [kind for position, kind in enumerate(kinds) if kinds[position - 1 : position] != [kind]]
    usual, with_late = [spelling, "tool_calls"], [spelling, "tool_calls", spelling, "tool_calls", spelling]
    issued = there.simulator.exchanges[-1].issued

    assert ["role", *(with_late if late else usual), "end"] == runs
    assert issued.reasoning == "".join(part.get(spelling, "") for part in parts)


def test_late_reasoning_needs_calls(world):
    """A plain turn has nothing for it to be late for."""
    kinds = [next(iter(part), "end") for part in deltas(world(late_reasoning=True))]

    assert ["role", "reasoning_content", "content", "end"] == list(dict.fromkeys(kinds))
    assert sorted(kinds, key=list(dict.fromkeys(kinds)).index) == kinds


def test_late_reasoning_without_thinking(world):
    """Where nothing was thought nothing is late."""
    parts = deltas(world(late_reasoning=True), tools=TOOLS, thinking={"type": "disabled"})

    assert [] == [part for part in parts if "reasoning_content" in part]


def test_document_is_never_late(world):
    """As a document the reasoning is one text."""
    there = world(late_reasoning=True)
    message = there.ask([user("go")])

    assert there.simulator.exchanges[-1].issued.reasoning == upstream_text(message)


@pytest.mark.parametrize("stream", [False, True])
def test_blocks_are_one_text_on_the_chat_wire(world, stream):
    """However many blocks the model thinks in, here they are one text, in order and without a seam."""
    there = world(thinking_blocks=3)
    if stream:
        text = "".join(part.get("reasoning_content", "") for part in deltas(there, tools=TOOLS))
    else:
        text = upstream_text(there.ask([user("go")]))
    issued = there.simulator.exchanges[-1].issued

    assert (issued.reasoning, 3, ()) == (text, text.count("data: [DONE]"), issued.parts)


# Long runs


def exchange(number, conversation=None):
    return Exchange("/", {}, b"", {}, True, (), 200, Issued(f"thought {number}", f"said {number}"), conversation)


def test_snapshots_do_not_change(world):
    """What a reader holds stays as it was, and a reset leaves it alone."""
    ledger = Ledger()
    ledger.record(exchange(1))
    before = ledger.exchanges
    ledger.record(exchange(2))
    ledger.reset()

    assert ((exchange(1),), ()) == (before, ledger.exchanges)
    assert not ledger.has_issued("thought 1")


def test_readers_and_the_server_do_not_meet():
    """Snapshots can be taken while exchanges are recorded."""
    ledger, done = Ledger(), threading.Event()
    sizes = []

    def read():
        while not done.is_set():
            sizes.append(len(ledger.exchanges))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2000):
        ledger.record(exchange(number))
    done.set()
    reader.join()

    assert sorted(sizes) == sizes
    assert 2000 == len(ledger.exchanges)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ids", "random"),
        ("answers", True),
        ("conversation", ""),
        ("conversation", 7),
        ("late_reasoning", 1),
        ("signatures", "signed"),
        ("thinking_blocks", 0),
        ("keeps_order", None),
        ("x_api_key", "no"),
        ("wires", ()),
        ("wires", "chat"),
        ("wires", ("chat", "completions")),
    ],
)
def test_mode_that_does_not_exist(field, value):
    """A wrong mode is an error that names its field."""
    with pytest.raises(ValueError, match=f"^{field}: "):
        Mode(**{field: value})


def test_fields_are_read_from_words():
    """The command line says all of it in words."""
    from mimo_quirks.cli.commands import read_mode

    words = ["ids=repeating", "answers=identical", "conversation=seed", "late_reasoning=true"]

    assert Mode(wires=("chat",)) == read_mode(["wires=chat"])
    assert Mode(wires=("chat", "messages"), thinking_blocks=2) == read_mode(
        ["wires=chat,messages", "thinking_blocks=2"]
    )
    assert Mode(ids="repeating", answers="identical", conversation="seed", late_reasoning=True) == read_mode(words)
