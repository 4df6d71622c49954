"""The life of one request, at the core's door: what is read for it, what is sent, and what is written of it."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.exchange import NOT_OURS, Conversation, Exchange, Found, Lookup, Outcome, Writes
from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.history.found import NOTHING, FoundReasoning
from mimo_quirks.history.turns import read_reasoning, without_reasoning
from mimo_quirks.memory import ReasoningMemory
from mimo_quirks.memory.search import Search
from mimo_quirks.recall.fingerprints import Walk, key_of
from mimo_quirks.recall.lookup import TurnLookup
from mimo_quirks.recall.memories import Whose, asks_digest, owner_digest, place_digest, text_digest
from mimo_quirks.rejections.evidence import ALL_REMEDIES, AttemptSettings, Evidence, HostPolicy, Remedy
from mimo_quirks.rejections.ladder import NoRemedyLeft, RequestPlan
from mimo_quirks.rejections.recognition import RejectionKind
from mimo_quirks.sealing.sealed_reasoning import PREFIX, SealedReasoning
from mimo_quirks.settings import Settings
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire, system_digest

from ..cases import NASTY
from ..conversations import Step, conversations, in_chat, in_messages, in_responses
from ..dict_store import DictStore
from .recalling import marks_of_turns, near_memory
from .strategies import assistants, histories, json_values

History = list[dict[str, Any]]
MODEL = "mimo-v2.6-pro"
MISSING, FORBIDDEN = RejectionKind.MISSING, RejectionKind.FORBIDDEN
NONE, PAD, STRIP, OFF = Remedy
WANTS_IT = "The reasoning_content in the thinking mode must be passed back to the API."
FORBIDS_IT = "messages.1.assistant.reasoning_content: Extra inputs are not permitted"
BAD = SimpleNamespace(status_code=400, message="Invalid request")
SECRET = "secret-7f3a"
NOW = 1000.0
SYSTEM = {"role": "system", "content": "Be brief."}
OWNER = digest("owner", "a")


def _quirks(url: str | None = "https://llm.example/v1") -> Quirks:
    quirks = quirks_for(MODEL, url)
    assert quirks is not None
    return quirks


def _settings(
    *, thinking: bool = True, wire: str = "chat", url: str | None = "https://llm.example/v1"
) -> AttemptSettings:
    return AttemptSettings(_quirks(url).on(wire), thinking)


def _conversation(history: Any, wire: Wire = CHAT) -> Conversation:
    return Conversation.of({wire.history: history}, wire, MODEL)


def _begun(history: Any, scope: str | None = "a", *, allowed: frozenset[Remedy] = ALL_REMEDIES, **how: Any) -> Exchange:
    """An exchange whose first attempt has begun."""
    exchange = Exchange(allowed)
    exchange.begin(_conversation(history), _settings(), scope, **how)
    return exchange


def _planned(history: Any, scope: str | None = "a", found: Found | None = None, **how: Any) -> Exchange:
    """An exchange whose first request is planned."""
    exchange = _begun(history, scope, **how)
    exchange.plan(found or Found())
    return exchange


def _call(ident: str, **arguments: Any) -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": "weather", "arguments": json.dumps(arguments)}}


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _turn(reasoning: str, *calls: dict[str, Any], content: str = "") -> dict[str, Any]:
    return {"role": "assistant", "content": content, "reasoning_content": reasoning, "tool_calls": list(calls)}


def _result(call: dict[str, Any], content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call["id"], "content": content}


def _forget(history: Sequence[dict[str, Any]]) -> History:
    """The history as a client sends it that drops the field."""
    return [{key: value for key, value in message.items() if key != "reasoning_content"} for message in history]


def _texts(history: Sequence[Any]) -> list[Any]:
    """The reasoning of each turn of what is sent."""
    return [message.get("reasoning_content") for message in history if message["role"] == "assistant"]


def _round(memory: ReasoningMemory, history: History, turn: dict[str, Any], scope: str = "a") -> RequestPlan:
    """One request of a client that drops the field, from its history to the turn that is recorded."""
    exchange = _begun(_forget(history), scope)
    plan = exchange.plan(memory.read(exchange.lookup()))
    memory.write(exchange.answered([turn], NOW))
    return plan


# Three turns


@pytest.mark.parametrize("ident", ["call_{}f3a9c2e4b6d8", "weather:{}"], ids=["drawn ids", "counted ids"])
def test_three_turns(ident: str) -> None:
    """Each request takes back what the turns before it thought, to the byte, whatever becomes of their ids."""
    one, two = _call(ident.format(1), city="北京"), _call(ident.format(2), city="上海")
    turns = [_turn(NASTY, one), _turn(f" 2{NASTY}", two), _turn("3", content="Warm.")]
    memory = ReasoningMemory()
    history: History = [SYSTEM, _user("天气?")]
    sent = []
    for turn, answers in zip(turns, ([_result(one, "21 °C")], [_result(two, "25 °C")], [_user("And?")]), strict=True):
        sent.append(_texts(_round(memory, history, turn).body))
        history = [*history, turn, *answers]
    rewritten = json.loads(json.dumps(_forget(history)).replace(one["id"], "toolu_1").replace(two["id"], "toolu_2"))
    last = _begun(rewritten)
    plan = last.plan(memory.read(last.lookup()))

    assert [[], [NASTY], [NASTY, f" 2{NASTY}"]] == sent
    assert [NASTY, f" 2{NASTY}", "3"] == _texts(plan.body)
    assert ["recalled"] * 3 == [turn.action for turn in plan.report.turns]
    assert {"recorded": 3, "found": 6} == +memory.counts


def test_ids_find_what_no_context_does() -> None:
    """Before a turn stands what never stood there: an id that was drawn finds it, one that was counted does not."""
    for ident, expected in (("call_1f3a9c2e4b6d8", NASTY), ("weather:1", "")):
        memory, call = ReasoningMemory(), _call(ident)
        _round(memory, [_user("x")], _turn(NASTY, call))
        edited = [_user("y"), *_forget([_turn(NASTY, call)]), _result(call, "1")]
        exchange = _begun(edited)

        assert [expected] == _texts(exchange.plan(memory.read(exchange.lookup())).body)


def test_what_is_lost() -> None:
    """A turn that was not recorded, or by another owner, goes out with its host's placeholder; the report says so."""
    call = _call("weather:1")
    history = [_user("x"), _turn(NASTY, call), _result(call, "1")]
    memory = ReasoningMemory()
    _round(memory, history[:1], history[1], scope="b")
    exchange = _begun(_forget(history))
    plan = exchange.plan(memory.read(exchange.lookup()))

    assert [""] == _texts(plan.body)
    assert ["placeholder"] == [turn.action for turn in plan.report.turns]
    assert {"recorded": 1, "missed": 1} == +memory.counts


# Where the answer stands


@given(histories, assistants)
def test_the_answer_goes_on_with_the_walk(history: History, turn: dict[str, Any]) -> None:
    """The place of an answer is the one that the next request finds it at, and nothing is walked twice for it."""
    walk = Walk(history)
    anew = Walk([*history, turn]).places[-1]

    assert [anew._replace(at=-1)] * 2 == [walk.next(turn), walk.next(turn)]


@given(steps=conversations())
def test_every_answer_is_found_on_every_wire(steps: list[Step]) -> None:
    """What exchanges record along a conversation is found by the exchange of a later request, on whichever wire."""
    memory = ReasoningMemory()
    chat = in_chat(steps)
    for place, message in enumerate(chat):
        if message["role"] == "assistant":
            exchange = _planned(chat[:place])
            memory.write(exchange.answered([message], NOW))
    expected = None
    for wire, history in ((CHAT, chat), (MESSAGES, in_messages(steps)), (RESPONSES, in_responses(steps))):
        conversation = _conversation(history, wire)
        bare = [without_reasoning(message) for message in conversation.known]
        exchange = Exchange(ALL_REMEDIES)
        exchange.begin(conversation.knowing(bare), _settings(wire=wire.name), "a")
        found = [text for _, text in sorted(memory.read(exchange.lookup()).reasoning.texts.items())]
        expected = found if expected is None else expected

        assert expected == found


@pytest.mark.parametrize("length", [0, 1, 300])
def test_whatever_the_length(length: int) -> None:
    """An answer is found again however long the history before it is, and costs the same to record."""
    history: History = []
    for number in range(length):
        call = _call(f"weather:{number}", n=number)
        history += [_user(f"q{number}"), _turn(f"r{number}", call), _result(call, f"{number} °C")]
    history.append(_user("last"))
    last = _turn(NASTY, content="Done.")
    exchange = _planned(history)
    exchange.lookup()
    memory = ReasoningMemory()
    memory.write(exchange.answered([last], NOW))
    later = _begun(_forget([*history, last]))
    found = memory.read(later.lookup()).reasoning

    assert FoundReasoning({len(history): NASTY}) == found


# The ladder


CALL = _call("weather:1")
LOST = [_user("x"), *_forget([_turn(NASTY, CALL)]), _result(CALL, "1")]
CARRIED = [_user("x"), _turn(NASTY, CALL), _result(CALL, "1")]


def test_a_rejection_and_its_retry() -> None:
    """The request is made again once, changed; a second rejection is the end, and says what was tried."""
    exchange = _planned(LOST)
    first = exchange.planned
    outcome = exchange.rejected(WANTS_IT, NOW)
    assert first is not None
    assert (None, None) == (exchange.planned, exchange.sent)
    exchange.begin(_conversation(LOST), _settings(), "a")
    again = exchange.plan(Found())
    last = exchange.rejected(WANTS_IT, NOW + 1)
    exchange.begin(_conversation(LOST), _settings(), "a")
    with pytest.raises(NoRemedyLeft) as caught:
        exchange.plan(Found())

    assert ([NONE, PAD], [[""], [" "]]) == (
        [plan.attempt.remedy for plan in (first, again)],
        [_texts(plan.body) for plan in (first, again)],
    )
    assert (MISSING, True) == (outcome.rejection and outcome.rejection.kind, outcome.may_retry)
    assert last.rejection is exchange.rejection is caught.value.rejection
    assert (False, outcome.rejection) == (last.may_retry, last.rejection and last.rejection.first)
    assert [
        Evidence(NOW, NONE, MISSING, digest("owner", "a")),
        Evidence(NOW + 1, PAD, MISSING, digest("owner", "a")),
    ] == [each.writes.evidence for each in (outcome, last)]
    assert [first.attempt, again.attempt] == [each.writes.attempt for each in (outcome, last)]


def test_what_was_found_since() -> None:
    """The least change of all is the reasoning that another worker has recorded in the meantime."""
    exchange = _planned(LOST)
    exchange.rejected(WANTS_IT, NOW)
    exchange.begin(_conversation(LOST), _settings(), "a")
    again = exchange.plan(Found(FoundReasoning({1: NASTY})))

    assert (NONE, [NASTY]) == (again.attempt.remedy, _texts(again.body))


def test_an_operator_who_allows_nothing() -> None:
    """There is no retry, and none is planned."""
    exchange = _planned(LOST, allowed=frozenset())

    assert not exchange.rejected(WANTS_IT, NOW).may_retry
    exchange.begin(_conversation(LOST), _settings(), "a")
    with pytest.raises(NoRemedyLeft):
        exchange.plan(Found())


def test_a_deployment_that_is_known() -> None:
    """It is asked as it wants to be from the start, also where a retry goes there from another one."""
    policy = HostPolicy(forbids=2, expires=NOW + 1)
    known = _planned(CARRIED, found=Found(policy=policy)).planned
    said = [*CARRIED, {"role": "assistant", "content": "hi"}]
    exchange = _planned(said)
    exchange.rejected(FORBIDS_IT, NOW)
    exchange.begin(_conversation(said), _settings(url="https://other.example/v1"), "a")
    elsewhere = exchange.plan(Found(policy=HostPolicy(needs=1, expires=NOW + 1)))

    assert known is not None
    assert (STRIP, [None]) == (known.attempt.remedy, _texts(known.body))
    assert (PAD, [NASTY, " "]) == (elsewhere.attempt.remedy, _texts(elsewhere.body))
    assert "other.example" == elsewhere.attempt.quirks.address


@pytest.mark.parametrize("error", [BAD, "connection reset", SimpleNamespace(status_code=429, message=WANTS_IT)])
def test_other_errors_change_nothing(error: object) -> None:
    """Any other error changes nothing: the same request may be made again, and its answer is recorded."""
    exchange = _planned(LOST)
    outcome = exchange.rejected(error, NOW)

    assert NOT_OURS == outcome == Outcome()
    assert exchange.sent is exchange.planned is not None
    exchange.begin(_conversation(LOST), _settings(), "a")
    assert [""] == _texts(exchange.plan(Found()).body)
    assert 1 == len(exchange.answered([_turn("r", content="hi")], NOW).recordings)


def test_a_broken_history() -> None:
    """What is wrong with its structure is told where any other 400 answers it, and only there."""
    faults = ("message 1: 1 tool call has no result",)
    broken = [*LOST[:2], _user("y")]
    exchange = _planned(broken)

    assert Outcome(malformed=faults) == exchange.rejected(BAD, NOW)
    assert NOT_OURS == exchange.rejected("connection reset", NOW)
    rejection = exchange.rejected(WANTS_IT, NOW).rejection
    assert rejection is not None
    assert faults == rejection.faults


def test_a_rejection_of_nothing() -> None:
    """Before a request is planned, after its answer, and after its rejection, an error says nothing of it."""
    exchange = _begun(LOST)
    before = exchange.rejected(WANTS_IT, NOW)
    exchange.plan(Found())
    exchange.rejected(WANTS_IT, NOW)
    twice = exchange.rejected(WANTS_IT, NOW)
    answered = _planned(LOST)
    answered.answered([_turn("r")], NOW)

    assert [NOT_OURS] * 3 == [before, twice, answered.rejected(WANTS_IT, NOW)]
    assert Writes() == exchange.answered([_turn("r")], NOW)


def test_an_answer_that_goes_on() -> None:
    """What was heard of an answer is one memory with the whole of it where they are the same, and the end still counts.

    Nothing that the host could be judged by is told before the end.
    """
    first, second = _call("call_00_a1b2c3d4e5f6", day=1), _call("call_01_a1b2c3d4e5f7", day=2)
    exchange = _planned([_user("x")])
    begun = exchange.answered([_turn("r", first)], NOW, ended=False)
    again = exchange.answered([_turn("r", first)], NOW, ended=False)
    ended = exchange.answered([_turn("r", first, second)], NOW)

    assert begun == again
    assert None is begun.evidence
    assert (1, 1) == (len(begun.recordings), len(ended.recordings))
    assert begun.recordings != ended.recordings
    assert Writes() == exchange.answered([_turn("r", first, second)], NOW)


def _said(root: object) -> set[str]:
    """Every text that can be reached from an object, but what belongs to code."""
    seen, texts, waiting = set[int](), set[str](), [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            texts.add(one if isinstance(one, str) else one.decode("utf-8", "replace"))
        waiting += gc.get_referents(one)
    return texts


@pytest.mark.parametrize("error", [f"{WANTS_IT} {SECRET}", ValueError(f"{WANTS_IT} {SECRET}")])
def test_no_text_after_a_rejection(error: object) -> None:
    """A framework may keep the exchange for the retry: it holds neither what was said nor what was found."""
    spiked = json.loads(json.dumps([SYSTEM, *LOST]).replace('"x"', f'"{SECRET}"'))
    spiked[2]["content"] = SECRET
    exchange = Exchange(ALL_REMEDIES)
    exchange.begin(_conversation(spiked), _settings(), "a", end_user=SECRET)
    exchange.lookup()
    exchange.plan(Found(FoundReasoning({2: SECRET})))
    before = [text for text in _said(exchange) if SECRET in text]
    outcome = exchange.rejected(error, NOW)

    assert before
    assert [] == [text for text in _said([exchange, outcome]) if SECRET in text]


def test_no_text_in_the_reprs() -> None:
    """What passes between an exchange and its drivers can be printed."""
    spiked = json.loads(json.dumps(CARRIED).replace('"x"', f'"{SECRET}"'))
    spiked[1].update(content=SECRET, reasoning_content=SECRET)
    exchange = _begun(spiked)
    found = Found(FoundReasoning({1: SECRET}))
    told = [_conversation(spiked), found, exchange.plan(found), exchange, exchange.answered([spiked[1]], NOW)]
    told.append(_planned(spiked).rejected(f"{WANTS_IT} {SECRET}", NOW))

    assert [] == [each for each in map(repr, told) if SECRET in each]


# What a framework makes of it


def test_a_framework_that_changes_the_history() -> None:
    """The request is planned anew as it is about to go out, with the same remedy; what it thought is in it already."""
    exchange = _planned(LOST, found=Found(policy=HostPolicy(needs=1, expires=NOW + 1)))
    planned = exchange.planned
    assert planned is not None
    transformed = [SYSTEM, *planned.body[:1], {**LOST[1], "content": " "}, *planned.body[2:], _user("go on")]
    sent = exchange.replan(_conversation(transformed))

    assert exchange.planned is planned
    assert exchange.sent is sent
    assert (PAD, [" "]) == (sent.attempt.remedy, _texts(sent.body))
    rejection = exchange.rejected(WANTS_IT, NOW).rejection
    assert rejection is not None
    assert ((2,), planned.digest) == (rejection.turns, rejection.sent)


def test_a_framework_that_changes_nothing() -> None:
    """What was planned is final: planned anew it is the same object."""
    exchange = _planned(LOST, found=Found(FoundReasoning({1: NASTY})))
    planned = exchange.planned
    assert planned is not None

    assert planned.body is exchange.replan(_conversation(planned.body)).body


def test_a_request_that_was_never_planned() -> None:
    """Who plans only what a framework made of it gets it as its row has it, and what answers it is recorded."""
    exchange = _begun(LOST)
    sent = exchange.replan(_conversation(LOST))

    assert (NONE, [""]) == (sent.attempt.remedy, _texts(sent.body))
    assert 1 == len(exchange.answered([_turn("r", content="hi")], NOW).recordings)


def test_the_answer_is_to_what_the_client_sent() -> None:
    """The client knows nothing of what a framework adds, so the answer stands where the client will have it."""
    exchange = _begun(CARRIED)
    exchange.plan(Found())
    exchange.replan(_conversation([_user("be quick"), *CARRIED]))
    (entry,) = exchange.answered([_turn("next", content="hi")], NOW).recordings
    (expected,) = _planned(CARRIED).answered([_turn("next", content="hi")], NOW).recordings

    assert expected == entry


# The answer


def test_whose_it_is_ends_with_it() -> None:
    """An exchange has a scope as long as an answer may come."""
    exchange = _planned([_user("x")], scope="a")
    assert "a" == exchange.scope

    exchange.answered([_turn("thought")], NOW)
    assert exchange.scope is None


def test_an_answer_is_recorded_once() -> None:
    """Frameworks tell of one answer several times, some after an error; the first is it."""
    exchange = _planned(LOST)
    first = exchange.answered([_turn("r", content="hi")], NOW)

    assert 1 == len(first.recordings)
    assert Writes() == exchange.answered([_turn("r", content="hi")], NOW)
    assert Writes() == _begun(LOST).answered([_turn("r")], NOW)


def test_several_answers() -> None:
    """Each of `n` answers stands at the same place, and is recorded; one that is known to be lost is not."""
    turns = [_turn("one", content="a"), _turn("tool call", content="b"), _turn("two", content="c")]
    writes = _planned(LOST).answered(turns, NOW)
    memories = [recording.memory for recording in writes.recordings]

    assert ["one", "two"] == [memory.reasoning for memory in memories]
    assert 1 == len({(memory.prefix, memory.ordinal) for memory in memories})


def test_without_a_scope_nothing_is_looked_up_or_recorded() -> None:
    """Without a scope nothing is looked up and nothing recorded but a count; what it teaches has no owner."""
    exchange = _begun(LOST, None)
    lookup = exchange.lookup()
    exchange.plan(Found(policy=HostPolicy(needs_more=1, needs=1, expires=NOW + 1)))
    writes = exchange.answered([_turn("r"), _turn("s")], NOW)
    rejected = _planned(LOST, None).rejected(WANTS_IT, NOW).writes

    assert Lookup(None, _settings(), has_turns=True) == lookup
    assert ((), 2) == (writes.recordings, writes.unscoped)
    assert Evidence(NOW, PAD, None, "") == writes.evidence
    assert Evidence(NOW, NONE, MISSING, "") == rejected.evidence


def test_without_thinking() -> None:
    """Nothing is looked up where the model does not think; but what it says is recorded, for it may think later."""
    exchange = Exchange(ALL_REMEDIES)
    exchange.begin(_conversation(LOST), _settings(thinking=False), "a")
    lookup = exchange.lookup()
    plan = exchange.plan(Found(FoundReasoning({1: NASTY})))
    answer = {"role": "assistant", "content": "hi"}
    writes = exchange.answered([answer], NOW)

    assert (None, True) == (lookup.turns, lookup.has_turns)
    assert plan.body is LOST
    (recording,) = writes.recordings
    whose = Whose("a", _conversation(LOST).system)
    assert set(recording.marks) == {*chain(*marks_of_turns([*LOST, answer], whose)[1][1])}


def test_a_history_without_turns() -> None:
    """There is nothing to look up, and nothing to ask of the deployment."""
    assert Lookup(None, _settings(), has_turns=False, owner=OWNER) == _begun([SYSTEM, _user("x")]).lookup()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (HostPolicy(), None),
        (HostPolicy(needs=1, needs_more=1, expires=NOW + 1), Evidence(NOW, PAD, None, digest("owner", "a"))),
        (HostPolicy(needs=1, expires=NOW + 1), None),
    ],
)
def test_what_an_answer_teaches(policy: HostPolicy, expected: Evidence | None) -> None:
    """It is evidence, with its owner, where it speaks against what was known of the deployment."""
    exchange = _planned(LOST, found=Found(policy=policy))

    assert expected == exchange.answered([_turn("r")], NOW).evidence


def test_a_rejection_that_is_not_about_us() -> None:
    """It is answered once and teaches nothing: the client put it there, or quoted it, or nothing lacked."""
    odd = [{**_user("x"), "reasoning_content": SECRET}, *CARRIED[1:]]
    seen = {}
    for name, history, error in (("odd", odd, FORBIDS_IT), ("whole", CARRIED, WANTS_IT), ("lost", LOST, WANTS_IT)):
        outcome = _planned(history).rejected(error, NOW)
        evidence = outcome.writes.evidence
        seen[name] = (outcome.may_retry, evidence is not None and evidence.tells)
    quoted = _planned([_user(FORBIDS_IT), *CARRIED[1:]]).rejected(f"400: not '{FORBIDS_IT}'", NOW)

    assert {"odd": (True, False), "whole": (True, False), "lost": (True, True)} == seen
    assert quoted == NOT_OURS


def test_what_else_the_client_gave_is_no_word_of_the_host() -> None:
    """Names and descriptions of tools, and whatever the arguments of a call hold, are the client's too."""
    exchange = Exchange(ALL_REMEDIES)
    request = {"messages": CARRIED, "tools": [{"function": {"name": "x", "description": FORBIDS_IT}}]}
    exchange.begin(Conversation.of(request, CHAT, MODEL), _settings(), "a")
    exchange.plan(Found())

    assert exchange.rejected(f"400: not '{FORBIDS_IT}'", NOW) == NOT_OURS


def test_the_field_that_a_host_names() -> None:
    """It is the retry's, though nobody learns it; and where it is learned, the first request's."""
    quirks = quirks_for(MODEL, "https://llm.example/v1", "openrouter")
    assert quirks is not None
    exchange, settings = Exchange(ALL_REMEDIES, loses=True), AttemptSettings(quirks, thinking=True)
    exchange.begin(_conversation(CARRIED), settings, "a")
    exchange.plan(Found())
    outcome = exchange.rejected(WANTS_IT, NOW)
    exchange.begin(_conversation(CARRIED), settings, "a")
    retry = exchange.plan(Found())
    again = Exchange(ALL_REMEDIES)
    again.begin(_conversation(CARRIED), settings, "a")
    learned = again.plan(Found(policy=HostPolicy(field="reasoning_content", expires=NOW)))

    assert Evidence(NOW, NONE, MISSING, OWNER, "reasoning_content") == outcome.writes.evidence
    assert [CARRIED, CARRIED] == [retry.body, learned.body]
    assert outcome.rejection
    assert retry.attempt == outcome.rejection.then


def test_evidence_tells_owners_apart_and_nothing_of_them() -> None:
    """Two owners are two; a store learns neither who they are nor what their turns are found by."""
    seen = [_planned(LOST, scope).rejected(WANTS_IT, NOW).writes.evidence for scope in ("one", "two", "one")]
    owners = [evidence.owner if evidence else None for evidence in seen]

    assert owners[0] == owners[2] != owners[1]
    assert "one" != owners[0] != digest("scope", "one")


# What is carried


def test_carried_texts_are_checked_near() -> None:
    """A text that this process knows is asked for no more; an unknown one is, and so is what is lost."""
    mixed = [*CARRIED, _turn("second", CALL), _result(CALL, "2"), *LOST[1:]]
    memory = ReasoningMemory(store := Asked(), Settings(scope="a"))
    system = _conversation(mixed).system
    _round(memory, CARRIED[:1], CARRIED[1])

    def asked(history: History, scope: str = "a") -> set[int]:
        store.keys.clear()
        memory.read(_begun(history, scope).lookup())
        return {
            place
            for place, (_, marks) in enumerate(marks_of_turns(history, Whose(scope, system)))
            if key_of(marks.prefix[0]) in store.keys
        }

    assert {1, 2} == asked(mixed)
    assert {0, 1, 2} == asked(mixed, "b")
    assert set() == asked(CARRIED)


@pytest.mark.parametrize("damaged", [NASTY.strip(), NASTY[: len(NASTY) // 2]])
def test_a_damaged_text_is_mended(damaged: str) -> None:
    """What a framework left of a text is replaced by what was recorded; the whole one is left alone."""
    memory = ReasoningMemory()
    _round(memory, CARRIED[:1], CARRIED[1])
    sent = []
    for text in (NASTY, damaged):
        exchange = _begun([CARRIED[0], {**CARRIED[1], "reasoning_content": text}, CARRIED[2]])
        sent.append(exchange.plan(memory.read(exchange.lookup())))

    assert [[NASTY]] * 2 == [_texts(plan.body) for plan in sent]
    assert [False, True] == [plan.report.changed for plan in sent]


# What is sent


def test_nothing_to_do() -> None:
    """A request that is as its host wants it goes out as the very object that came in."""
    for wire, history in ((CHAT, CARRIED), (MESSAGES, [_user("x")]), (RESPONSES, "x")):
        exchange = Exchange(ALL_REMEDIES)
        exchange.begin(_conversation(history, wire), _settings(wire=wire.name), "a")
        plan = exchange.plan(Found())

        assert plan.body is history
        assert not plan.report.changed


def test_sidecars_are_never_sent() -> None:
    """What an adapter attaches to a message tells replay of its reasoning; no request has it, changed or not."""
    history: History = [_user("x"), {"role": "assistant", "content": "", "tool_calls": [CALL]}, _result(CALL, "1")]
    conversation = _conversation(history)
    for beside in ({}, {"reasoning_content": NASTY}, {"thinking_blocks": [{"type": "thinking", "thinking": NASTY}]}):
        known = [{**message, "_ours": 1} for message in history]
        known[1].update(beside)
        for found in (NOTHING, FoundReasoning({1: NASTY})):
            for remedy in HostPolicy(), HostPolicy(needs=1, expires=NOW):
                exchange = Exchange(ALL_REMEDIES)
                exchange.begin(conversation.knowing(known, ["_ours"]), _settings(), "a")
                plan = exchange.plan(Found(found, remedy))

                assert "_ours" not in json.dumps(plan.body)
                assert [NASTY if beside or found.texts else {NONE: "", PAD: " "}[plan.attempt.remedy]] == _texts(
                    plan.body
                )
                assert plan.body[0] is history[0]
                assert plan.sent == plan.body


@pytest.mark.parametrize("wire", [CHAT, MESSAGES], ids=lambda wire: wire.name)
def test_a_sidecar_alone_changes_nothing(wire: Wire) -> None:
    """A request whose messages carry all that is known of them goes out as the very object that came in."""
    history = in_messages([Step(["x"], ["thought"], "hi")]) if wire is MESSAGES else CARRIED
    conversation = _conversation(history, wire)
    known = [{**message, "_ours": 1} for message in conversation.known]
    exchange = Exchange(ALL_REMEDIES)
    exchange.begin(conversation.knowing(known, ["_ours"]), _settings(wire=wire.name), "a")
    plan = exchange.plan(Found())

    assert ["kept"] == [turn.action for turn in plan.report.turns]
    assert plan.body is history
    assert not plan.report.changed


def test_a_sidecar_with_reasoning() -> None:
    """What a message carries beside what its wire writes is sent as if the message had it."""
    history = [{"role": "assistant", "content": [{"type": "text", "text": "hi"}]}]
    conversation = _conversation(history, MESSAGES)
    known = [{**conversation.known[0], "thinking_blocks": [{"type": "thinking", "thinking": NASTY}]}]
    exchange = Exchange(ALL_REMEDIES)
    exchange.begin(conversation.knowing(known), _settings(wire="messages"), "a")

    assert [{"type": "thinking", "thinking": NASTY}, *history[0]["content"]] == exchange.plan(Found()).body[0][
        "content"
    ]


@pytest.mark.parametrize("wire", [CHAT, MESSAGES], ids=lambda wire: wire.name)
def test_sealed_reasoning_is_opened(wire: Wire) -> None:
    """What a client hands back sealed is sent as the text that it was; what is forged is lost, and looked up."""
    seals = SealedReasoning(["k" * 32], max_bytes=2**16, ttl_seconds=60)
    issued = seals.seal(NASTY, "a")
    assert issued is not None
    sent, lost = [], []
    for signature in (issued, f"{issued}x"):
        block = {"type": "thinking", "thinking": "what somebody made of it", "signature": signature}
        if wire is MESSAGES:
            turn = {"content": [block, {"type": "tool_use", "id": "weather:1", "name": "weather", "input": {}}]}
        else:
            turn = {"content": "", "tool_calls": [CALL], "thinking_blocks": [block]}
        conversation = _conversation([_user("x"), {"role": "assistant", **turn}], wire)
        exchange = Exchange(ALL_REMEDIES)
        exchange.begin(conversation.opened(lambda carrier: seals.open(carrier, "a")), _settings(wire=wire.name), "a")
        turns = exchange.lookup().turns
        assert turns is not None
        lost.append([place.at for place in turns.lost])
        sent.append(exchange.plan(Found()))

    assert [[], [1]] == lost
    assert [NASTY, True] == [read_reasoning(sent[0].sent[1]), not (read_reasoning(sent[1].sent[1]) or "").strip()]
    assert [] == [plan for plan in sent if "what somebody" in json.dumps(plan.body) or PREFIX in json.dumps(plan.body)]
    assert {"issued": 1, "opened": 1, "rejected": 1} == +seals.counts


def test_nothing_is_sealed() -> None:
    """A conversation without sealed reasoning is the same object."""
    conversation = _conversation(CARRIED)

    assert conversation is conversation.opened(lambda _: "never asked")


def test_contents_as_strings() -> None:
    """Where a host takes strings alone, every content is one, of turns and of results; what is one stays the object."""
    history = [_user("x"), {**CARRIED[1], "content": None}, {**CARRIED[2], "content": [{"type": "text", "text": "1"}]}]
    exchange = Exchange(ALL_REMEDIES)
    exchange.begin(replace(_conversation(history), strings=True), _settings(), "a")
    plan = exchange.plan(Found())
    again = Exchange(ALL_REMEDIES)
    again.begin(replace(_conversation(plan.body), strings=True), _settings(), "a")

    assert ["x", "", "1"] == [message["content"] for message in plan.body]
    assert plan.report.changed
    assert plan.body[0] is history[0]
    assert again.plan(Found()).body is plan.body


@pytest.mark.parametrize("wire", [CHAT, MESSAGES, RESPONSES], ids=lambda wire: wire.name)
@pytest.mark.parametrize("history", [None, 3, {"role": "user"}, [_user("x"), 7]])
def test_what_cannot_be_read(wire: Wire, history: Any) -> None:
    """It goes out as it came, and the report says why; its answer is recorded, and its rejection is one."""
    exchange = Exchange(ALL_REMEDIES)
    exchange.begin(_conversation(history, wire), _settings(wire=wire.name), "a")
    lookup = exchange.lookup()
    plan = exchange.plan(Found())

    assert Lookup(None, _settings(wire=wire.name), has_turns=False, owner=OWNER) == lookup
    assert plan.body is history
    assert plan.report.unreadable
    assert not plan.report.changed
    outcome = exchange.rejected(WANTS_IT, NOW)
    assert (True, MISSING) == (outcome.may_retry, outcome.rejection and outcome.rejection.kind)
    exchange.begin(_conversation(history, wire), _settings(wire=wire.name), "a")
    again = exchange.plan(Found())
    assert (OFF, True) == (again.attempt.remedy, again.body is history)
    assert 1 == len(exchange.answered([_turn("r", content="hi")], NOW).recordings)


def test_the_body_may_stand_elsewhere() -> None:
    """A framework's arguments need not hold the history under the wire's own name."""
    conversation = Conversation.of({"instructions": "Be brief."}, RESPONSES, MODEL, body=CARRIED[:1])

    assert (CARRIED[:1], CARRIED[:1]) == (conversation.body, conversation.known)
    assert system_digest({"instructions": "Be brief."}, RESPONSES, ()) == conversation.system


@given(
    history=histories | json_values,
    wire=st.sampled_from([CHAT, MESSAGES, RESPONSES]),
    error=st.sampled_from([WANTS_IT, FORBIDS_IT]),
)
def test_any_history(history: Any, wire: Wire, error: str) -> None:
    """Whatever a client sends goes through every step, and a retry is never the request that was rejected."""
    exchange = Exchange(ALL_REMEDIES)
    plans = []
    try:
        for _ in range(3):
            exchange.begin(_conversation(history, wire), _settings(wire=wire.name), "a")
            memory = ReasoningMemory()
            plans.append(exchange.plan(memory.read(exchange.lookup())))
            exchange.rejected(error, NOW)
    except NoRemedyLeft:
        pass

    assert len(plans) in (1, 2)
    assert len(plans) == len({plan.digest for plan in plans})


# What is kept of a turn


def _header(entry: Any) -> list[Any]:
    line, _, _ = entry.payload.partition(b"\n")
    return list(json.loads(line))


def _entry(exchange: Exchange, turn: dict[str, Any]) -> Any:
    (recording,) = exchange.answered([turn], NOW).recordings
    return recording.entry


def test_an_entry() -> None:
    """Format 2: what a later reader needs to prove whose and which turn it is, and nothing that can be read back."""
    history = [SYSTEM, *CARRIED]
    turn = _turn("next\n", _call("call_1f3a9c2e4b6d8", q=1))
    entry = _entry(_planned(history, end_user="somebody"), turn)
    before, place = Walk([*history, turn]).places
    system, end_user = system_digest({"messages": history}, CHAT, history), digest("end user", "somebody")

    assert [
        2,
        True,
        text_digest("next\n", "a"),
        place.prefix.hex(),
        1,
        [[call.id, said.decode()] for call, said in zip(place.calls, place.said, strict=True)],
        [],
        [text_digest(NASTY, "a"), place_digest(before.prefix, system)],
        asks_digest(place),
        owner_digest("a"),
        system,
        end_user,
    ] == _header(entry)
    assert b"next\n" == entry.payload.partition(b"\n")[2]
    assert (
        tuple(map(key_of, chain(*marks_of_turns([*history, turn], Whose("a", system, end_user))[1][1]))) == entry.keys
    )
    assert "somebody" not in repr(entry)


@pytest.mark.parametrize(
    ("reasoning", "known", "text"),
    [(NASTY, True, NASTY.encode()), ("", True, b""), (None, False, b""), ("\ud800", True, b"\xed\xa0\x80")],
)
def test_the_text_of_an_entry(reasoning: str | None, known: bool, text: bytes) -> None:
    """It is kept to the byte; that there is none is kept apart from an empty one."""
    turn = {"role": "assistant", "content": "hi", "reasoning_content": reasoning}
    entry = _entry(_planned([_user("x")]), turn)
    store = DictStore()
    store.put([entry])
    exchange = _begun(_forget([_user("x"), turn]))

    assert [known, text_digest(reasoning, "a") if reasoning else ""] == _header(entry)[1:3]
    assert text == entry.payload.partition(b"\n")[2]
    found = ReasoningMemory(store).read(exchange.lookup()).reasoning
    assert ({1: reasoning} if known else {}) == found.texts


def test_without_an_end_user() -> None:
    """Nobody is nobody, however a request says so."""
    entries = [_entry(_planned(CARRIED, end_user=name), _turn("r")) for name in (None, "")]

    assert ["", ""] == [_header(entry)[-1] for entry in entries]


def test_entries_of_another_format_are_passed_over() -> None:
    """There was no release with format 1: what it left in a store is not read."""
    entry = _entry(_planned([_user("x")]), CARRIED[1])
    header = _header(entry)
    old = [
        [1, *header[1:]],
        [3, *header[1:]],
        header[:-1],
        [*header, 0],
        [*header[:2], None, *header[3:]],
        [*header[:3], "no digits", *header[4:]],
        [*header[:4], "x", *header[5:]],
        [*header[:5], None, *header[6:]],
        [*header[:6], [None, ""], *header[7:]],
        [*header[:6], [""], *header[7:]],
    ]

    assert {1: NASTY} == _concluded(entry.payload).texts
    for each in old:
        assert NOTHING == _concluded(json.dumps(each).encode() + b"\n" + NASTY.encode()), each


def _concluded(payload: bytes) -> FoundReasoning:
    """What is found for a lost turn where a store has one payload under every key."""
    turns = _begun(LOST).lookup().turns
    assert isinstance(turns, TurnLookup)
    search = Search(turns, near_memory(), 0.0, alone=False)
    return search.conclude({key: [payload] for key in search.keys})


class Asked(DictStore):
    """A store that writes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def get(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        self.keys.update(keys)
        return super().get(keys)
