"""What would be done to a request, told without doing it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from mimo_quirks import Explanation, ReasoningMemory, Settings, explain
from mimo_quirks.exchange import Conversation, Exchange, Writes, owner_key
from mimo_quirks.explanation import WIRES
from mimo_quirks.facts.quirks import quirks_for
from mimo_quirks.rejections.evidence import AttemptSettings, Evidence, Remedy
from mimo_quirks.rejections.recognition import RejectionKind
from mimo_quirks.sealing.sealed_reasoning import SealedReasoning
from mimo_quirks.stores import ReasoningStore
from mimo_quirks.stores.protocol import StoreError

from ..cases import CALL
from ..dict_store import DictStore
from ..explaining import MODEL, THOUGHTS, URL, body, recorded

USER = {"role": "user", "content": "q"}
RESULT = {"role": "tool", "tool_call_id": CALL["id"], "content": "r"}
LOST = {"role": "assistant", "content": "", "tool_calls": [CALL]}
NO_STORE = "lost: memory:// is per process; pass --store"
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "EqQB"}


def _of(*turns: dict[str, Any], base_url: str | None = URL, model: str = MODEL, **more: Any) -> Explanation:
    return explain([USER, *turns], model=model, base_url=base_url, **more)


def _told(explanation: Explanation) -> list[tuple[str, str, str]]:
    return [(message.there, message.done, message.why) for message in explanation.messages]


@pytest.mark.parametrize("wire", WIRES)
def test_found_kept_and_lost_are_told(wire: str, tmp_path: Path) -> None:
    """On every wire: what proves that a store's reasoning is a message's, what is kept, and what is lost."""
    settings = Settings(store=f"sqlite:///{tmp_path}/memory.db", scope="me", store_timeout_seconds=30)
    recorded(ReasoningMemory(settings.open_store(), settings), settings, wire)
    explanation = explain(body(wire), base_url=URL, settings=settings)

    done = ["found by prefix", "found by ids", "found by chain", "placeholder", "kept"]
    assert done == [message.done for message in explanation.messages]
    stood_in = " " if wire == "messages" else ""
    assert [*THOUGHTS[:3], stood_in, THOUGHTS[3]] == [message.reasoning for message in explanation.messages]
    assert (explanation.messages[3].index,) == explanation.lost
    assert [False, wire, "asked"] == [explanation.is_well, explanation.wire, explanation.store]


@pytest.mark.parametrize(
    ("wire", "places"), [("chat", ["1", "3"]), ("messages", ["1", "3"]), ("responses", ["1-2", "4-5"])]
)
def test_an_index_is_one_of_the_wires_own_history(wire: str, places: list[str]) -> None:
    """Also where a turn is several items, and in what is said of unpaired calls."""
    histories: dict[str, list[dict[str, Any]]] = {
        "chat": [USER, LOST, RESULT, LOST],
        "messages": [
            USER,
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "a"}, {"type": "tool_use", "id": "1", "name": "f"}],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "2", "name": "f"}]},
        ],
        "responses": [
            USER,
            {"role": "assistant", "content": "a"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "r"},
            {"role": "assistant", "content": "a"},
            {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
        ],
    }
    explanation = explain(histories[wire], model=MODEL)

    assert [wire, places] == [explanation.wire, [message.place for message in explanation.messages]]
    assert [str(explanation.messages[1].index)] == [fault.split()[1].rstrip(":") for fault in explanation.faults]


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (LOST, ("nothing", "placeholder", NO_STORE)),
        ({**LOST, "reasoning_content": " "}, ("reasoning_content: blank", "placeholder", NO_STORE)),
        (
            {**LOST, "reasoning": "tool call"},
            ("reasoning: a placeholder", "placeholder", "another tool's placeholder, not reasoning"),
        ),
        ({**LOST, "reasoning_content": "x"}, ("reasoning_content, 1 character", "kept", "carried by the message")),
        (
            {**LOST, "additional_kwargs": {"reasoning_content": "hm"}},
            (
                "additional_kwargs.reasoning_content, 2 characters",
                "respelled",
                "this host reads it as reasoning_content",
            ),
        ),
        (
            {"role": "assistant", "content": "<think>hm</think>so"},
            ("<think> in the content, 2 characters", "respelled", "this host reads it as reasoning_content"),
        ),
        (
            {**LOST, "content": [{"type": "thinking", "thinking": "hm"}]},
            ("thinking block, 2 characters", "respelled", "this host reads it as reasoning_content"),
        ),
        (
            {**LOST, "thinking_blocks": [SIGNED]},
            (
                "thinking_blocks of another vendor, 2 characters",
                "placeholder",
                "another vendor's model wrote the reasoning",
            ),
        ),
        (
            {"role": "assistant", "content": "so", "thinking_blocks": [{"type": "redacted_thinking", "data": "x"}]},
            ("encrypted reasoning of another vendor", "dropped", "another vendor's model wrote the reasoning"),
        ),
        ({"role": "assistant", "content": "so"}, ("nothing", "left", "no tool call, so none is needed")),
    ],
)
def test_what_a_message_carries_and_what_becomes_of_it(turn: dict[str, Any], told: tuple[str, str, str]) -> None:
    """In words, without its text."""
    explanation = _of(turn)

    assert [told] == _told(explanation)
    assert (told[1] not in ("placeholder", "dropped")) is explanation.is_well


@pytest.mark.parametrize(
    ("base_url", "more", "settings", "told"),
    [
        (URL, {"thinking": {"type": "disabled"}}, {}, ("nothing", "left", "thinking is off, so none is needed")),
        (URL, {"reasoning_effort": "none"}, {}, ("nothing", "left", "thinking is off, so none is needed")),
        (URL, {"reasoning_effort": "none"}, {"fix": ()}, ("nothing", "placeholder", NO_STORE)),
        ("https://openrouter.ai/api/v1", {}, {}, ("nothing", "nothing", NO_STORE)),
        (URL, {}, {"store": "off"}, ("nothing", "placeholder", "lost: the store is off")),
        (
            "https://strict.example/v1",
            {"thinking": {"type": "disabled"}},
            {"hosts": {"https://strict.example": "strict-relay"}},
            ("nothing", "left", "there is nothing to strip"),
        ),
    ],
)
def test_host_switch_and_settings_count(
    base_url: str, more: dict[str, Any], settings: dict[str, Any], told: tuple[str, str, str]
) -> None:
    """They are those that the adapters go by."""
    request = {"model": MODEL, "messages": [USER, LOST], **more}

    assert [told] == _told(explain(request, base_url=base_url, settings=Settings(**settings)))


def test_a_host_that_forbids_reasoning() -> None:
    """It is taken off, and nothing is lost by that."""
    request = {"model": MODEL, "messages": [{**LOST, "reasoning": "x"}], "thinking": {"type": "disabled"}}
    explanation = explain(request, base_url="https://a.example", settings=Settings(hosts={"a.example": "strict-relay"}))

    assert [("reasoning, 1 character", "stripped", "the host rejects reasoning")] == _told(explanation)
    assert "rejects reasoning while thinking is off" in explanation.rules
    assert explanation.is_well


def test_what_the_row_says_and_where_it_comes_from() -> None:
    """Its sentences, its source and its date."""
    explanation = _of(LOST)

    assert "Xiaomi API reference; EVIDENCE §3.2 (2026-05-12)" == explanation.source
    assert ["mimo", "xiaomi", "api.xiaomimimo.com"] == [explanation.family, explanation.host, explanation.address]
    assert 'placeholder for lost reasoning: "" (on messages with tool calls)' in explanation.rules
    assert "thinks only where the request asks for it" in _of(LOST, model="mimo-v2-flash").rules
    nothing = "placeholder for lost reasoning: none"
    assert nothing in _of(LOST, base_url="https://openrouter.ai/api/v1").rules


class _Failing(DictStore):
    def get(self, keys: Any) -> Any:
        raise StoreError("gone")


@pytest.mark.parametrize(
    ("store", "scope", "told"),
    [
        (DictStore(), None, ["unscoped", "lost: the store was not asked; pass --scope"]),
        (DictStore(), "me", ["asked", "lost: no entry is proven to be this message's reasoning"]),
        (_Failing(), "me", ["failed", "lost: the store could not be read"]),
        (None, None, ["asked", "lost: no entry is proven to be this message's reasoning"]),
    ],
)
def test_why_nothing_was_found(store: ReasoningStore | None, scope: str | None, told: list[str]) -> None:
    """A store that was not asked is another reason than one that knows nothing."""
    settings = Settings(store_timeout_seconds=30)
    explanation = _of(LOST, scope=scope, settings=settings, memory=ReasoningMemory(store, settings))

    assert told == [explanation.store, explanation.messages[0].why]


def test_a_store_is_not_asked_for_nothing() -> None:
    """Where the model does not think, no reasoning is looked for."""
    request = {"model": MODEL, "messages": [USER, LOST], "thinking": {"type": "disabled"}}

    assert "not needed" == explain(request, base_url=URL, scope="me", memory=ReasoningMemory()).store


def test_several_answers_are_none() -> None:
    """Two different texts under one beginning."""
    memory, settings = ReasoningMemory(), Settings()
    for thought in ("one", "another"):
        quirks = quirks_for(MODEL, URL)
        assert quirks is not None
        exchange = Exchange(settings.allowed_remedies)
        scope = settings.scope_of("me", quirks, shared=False)
        exchange.begin(
            Conversation.of({"messages": [USER]}, WIRES["chat"], MODEL), AttemptSettings(quirks, thinking=True), scope
        )
        exchange.plan(memory.read(exchange.lookup()))
        memory.write(
            exchange.answered([{**LOST, "tool_calls": [{**CALL, "id": thought}], "reasoning_content": thought}], 1)
        )
    renamed = {**LOST, "tool_calls": [{**CALL, "id": "call_0"}]}

    explanation = _of(renamed, scope="me", settings=settings, memory=memory)
    assert [("nothing", "placeholder", "several recorded answers fit, and none is proven")] == _told(explanation)


def test_damaged_text_is_put_right() -> None:
    """What a framework stripped is found as it was issued."""
    memory, settings = ReasoningMemory(), Settings()
    recorded(memory, settings, "chat", "me")
    request = body("chat")
    request["messages"][1]["reasoning_content"] = THOUGHTS[0][:-2]

    first = explain(request, base_url=URL, scope="me", settings=settings, memory=memory).messages[0]
    assert ["found", THOUGHTS[0]] == [first.sent, first.reasoning]


def test_an_end_user_narrows() -> None:
    """Where the request and the memory name an end user, it is the same one."""
    memory, settings = ReasoningMemory(), Settings()
    recorded(memory, settings, "chat", "me")
    for more in ({"user": "a"}, {"metadata": {"user_id": "a"}}):
        explanation = explain(body("chat", **more), base_url=URL, scope="me", settings=settings, memory=memory)
        assert "found by ids" == explanation.messages[1].done


def test_a_text_without_a_proof_is_told_as_such() -> None:
    """Near memory knows a carried text that lost its white space."""
    memory, settings = ReasoningMemory(), Settings()
    recorded(memory, settings, "messages", "me")
    request = body("messages")
    request["messages"][1]["content"].insert(0, {"type": "thinking", "thinking": f" {THOUGHTS[0]}"})

    first = explain(request, base_url=URL, scope="me", settings=settings, memory=memory).messages[0]
    assert ["found", THOUGHTS[0]] == [first.sent, first.reasoning]


def test_rejections_count() -> None:
    """What a host rejected lately changes what is sent, and that is told."""
    memory, settings = ReasoningMemory(), Settings()
    quirks = quirks_for(MODEL, URL)
    assert quirks is not None
    attempt = AttemptSettings(quirks, thinking=True)
    for _ in range(2):
        rejected = Evidence(memory.now(), Remedy.NONE, RejectionKind.FORBIDDEN, _owner(settings))
        memory.write(Writes(attempt=attempt, evidence=rejected))
    explanation = _of({**LOST, "reasoning_content": "x"}, scope="me", settings=settings, memory=memory)

    assert ["stripped"] == [message.done for message in explanation.messages]
    assert ("reasoning is taken off every assistant message",) == explanation.rules[:1]
    assert ("this differs from the host's row, because the host rejected requests lately",) == explanation.notes


def _owner(settings: Settings) -> str:
    quirks = quirks_for(MODEL, URL)
    assert quirks is not None
    return owner_key(settings.scope_of("me", quirks, shared=False))


@pytest.mark.parametrize(("scope", "told"), [("me", "kept"), ("you", "placeholder")])
def test_sealed_reasoning_is_opened(scope: str, told: str) -> None:
    """For the scope that it was sealed for; else it is worth nothing."""
    settings = Settings(secret=("s" * 32,))
    quirks = quirks_for(MODEL, URL)
    assert quirks is not None
    sealed = SealedReasoning(settings.secret, max_bytes=1000, ttl_seconds=60)
    carrier = sealed.seal("hm", settings.scope_of("me", quirks, shared=True))
    content = [{"type": "thinking", "thinking": "", "signature": carrier}, {"type": "tool_use", "id": "1", "name": "f"}]
    explanation = explain(
        [USER, {"role": "assistant", "content": content}], model=MODEL, base_url=URL, scope=scope, settings=settings
    )

    there = {
        "me": "thinking block signed by mimo-quirks, 2 characters",
        "you": "reasoning signed by mimo-quirks that cannot be decrypted (other secret or scope, or too old)",
    }
    assert [there[scope]] == [message.there for message in explanation.messages]
    assert (told == "placeholder") is bool(explanation.lost)


def test_a_model_that_is_not_ours() -> None:
    """Nothing is done, and the setting that would change it is named."""
    explanation = _of({**LOST, "reasoning_content": "hm"}, model="acme-brain", base_url=None)

    assert [("reasoning_content, 2 characters", "left", "the model is not recognised")] == _told(explanation)
    assert 'if it is, set MIMO_QUIRKS_MODELS={"acme-brain": "mimo"}' == explanation.notes[-1]
    assert explanation.lines()[0] == "model  acme-brain: not recognised, chat wire"
    assert ("message 1: 1 tool call has no result",) == explanation.faults


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        ([USER], "chat"),
        ({"messages": [USER], "system": "s"}, "messages"),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}]}], "chat"),
        ([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]}], "messages"),
        ([LOST, {"role": "user", "content": [{"type": "tool_result"}]}], "chat"),
        ([{"type": "reasoning", "summary": []}], "responses"),
        ({"input": "hi"}, "responses"),
        ({"messages": [USER], "input": "hi"}, "chat"),
    ],
)
def test_the_wire_is_told_by_the_form(request_: Any, wire: str) -> None:
    """A request need not say what it is."""
    assert wire == explain(request_, model=MODEL).wire


def test_the_wire_is_told_by_the_url_and_by_the_caller() -> None:
    """Where the form tells nothing the URL does, and the caller's word beats both."""
    assert ["messages", "messages", "chat"] == [
        explain([USER], model=MODEL, base_url=f"https://api.xiaomimimo.com/anthropic{path}", wire=wire).wire
        for path, wire in (("", None), ("/v1/messages", None), ("", "chat"))
    ]
    assert "responses" == explain({"input": []}, model=MODEL, wire="responses").wire
    assert "messages" == explain([USER], model=MODEL, wire="messages").wire


@pytest.mark.parametrize(
    ("request_", "more", "complaint"),
    [
        ("x", {}, "not a string"),
        (None, {}, "not null"),
        (b"x", {}, "not this"),
        ({"model": MODEL}, {}, "the request has no 'messages'"),
        ({"model": MODEL, "messages": []}, {"wire": "responses"}, "the request has no 'input'"),
        ([USER], {}, "names no model"),
        ({"model": 5, "messages": []}, {}, "names no model"),
        ([USER], {"wire": "smoke"}, "'smoke' is not a wire"),
    ],
)
def test_what_is_no_request(request_: Any, more: dict[str, Any], complaint: str) -> None:
    """The error says what is missing."""
    with pytest.raises(ValueError, match=complaint):
        explain(request_, **more)


@pytest.mark.parametrize("history", [None, "x", [USER, "x"], [{**LOST, "tool_calls": "x"}]])
def test_a_history_that_cannot_be_read(history: Any) -> None:
    """It would be sent unchanged, and that is not well."""
    explanation = explain({"model": MODEL, "messages": history})

    assert not explanation.is_well
    assert explanation.lines()[-1].endswith("it would be sent unchanged")


def test_nothing_to_do() -> None:
    """A history without an assistant's message."""
    assert "0 assistant messages: nothing to do" == explain([USER], model=MODEL).lines()[-1]


def test_a_list_finds_less_than_a_body(tmp_path: Path) -> None:
    """It has no tools, and no system prompt of its own; that is said where something is lost."""
    settings = Settings(store=f"sqlite:///{tmp_path}/memory.db", scope="me", store_timeout_seconds=30)

    assert "the whole request body may find more" in _of(LOST, settings=settings).notes[-1]


def test_no_text_but_where_it_is_asked_for() -> None:
    """Lines, JSON and reprs are without reasoning; with it, what would steer a terminal is taken out."""
    secret = "secret\nsecond\x1b[31m"
    explanation = _of({**LOST, "reasoning_content": secret}, LOST)

    assert "secret" not in f"{explanation!r} {explanation.lines()} {explanation.to_dict()}"
    assert ["     | secret", "     | second?[31m"] == [
        line for line in explanation.lines(show_reasoning=True) if "|" in line
    ]
    told = explanation.to_dict(show_reasoning=True)
    assert [secret, ""] == [message["reasoning"] for message in told["messages"]]
    assert [2] == json.loads(json.dumps(told))["lost"]
    assert "2 assistant messages: 1 kept, 1 placeholder; 1 lost its reasoning" in explanation.lines()
    assert "2 assistant messages: 2 placeholder; 2 lost their reasoning" in _of(LOST, LOST).lines()


def test_it_is_frozen() -> None:
    """What was told does not change."""
    with pytest.raises(FrozenInstanceError):
        _of(LOST).model = "x"  # type: ignore[misc]
