"""History in, history out: the guarantees of `replay`, by table and by property."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.facts.hosts import HOST_NAMES
from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.history.replay import ReplayReport, TurnReport, replay
from mimo_quirks.history.turns import DAMAGED

from ..cases import CALL, CASES, NASTY, Case
from .strategies import histories, json_values, messages


def _quirks(host: str = "xiaomi", family: str = "mimo") -> Quirks:
    quirks = quirks_for("m", host=host, family=family)
    assert quirks is not None
    return quirks


XIAOMI = _quirks()
rows = st.builds(
    lambda quirks, learned: replace(quirks, **learned),
    st.builds(_quirks, st.sampled_from(HOST_NAMES), st.sampled_from(["mimo", "deepseek"])),
    st.sampled_from([{}, {}, {"forbids": True}, {"placeholder": " ", "pads_every_turn": True}]),
)


def _text(content: object) -> object:
    return "".join(block["text"] for block in content) if isinstance(content, list) else content


@pytest.mark.parametrize("case", [case for case in CASES if "core" in case.only], ids=lambda case: case.id)
def test_case(case: Case) -> None:
    """Each case of the table leaves the core with this reasoning, this content and nothing else of ours."""
    history, _ = replay(case.history, XIAOMI, thinking=True)

    turn = dict(history[1])
    assert (case.reasoning, case.content) == (turn.get("reasoning_content"), _text(turn["content"]))


@given(messages=histories, quirks=rows, thinking=st.booleans())
def test_the_input_is_never_mutated(messages: list[Any], quirks: Quirks, thinking: bool) -> None:
    """The caller's messages are equal to their copy afterwards."""
    before = copy.deepcopy(messages)

    replay(messages, quirks, thinking=thinking)

    assert before == messages


@given(messages=histories, quirks=rows, thinking=st.booleans())
def test_roles_and_untouched_messages(messages: list[Any], quirks: Quirks, thinking: bool) -> None:
    """Length, order and roles hold; messages that are equal are the same objects; only turns are ever changed."""
    history, report = replay(messages, quirks, thinking=thinking)

    assert [message["role"] for message in messages] == [message["role"] for message in history]
    assert all(
        new is old or (old["role"] == "assistant" and new != old) for new, old in zip(history, messages, strict=True)
    )
    assert (history is messages) is not report.changed


@given(messages=histories, quirks=rows, thinking=st.booleans())
def test_idempotent(messages: list[Any], quirks: Quirks, thinking: bool) -> None:
    """A history that was replayed once is left alone: hooks fire several times per request."""
    once, _ = replay(messages, quirks, thinking=thinking)
    twice, report = replay(once, quirks, thinking=thinking)

    assert (once is twice, report.changed) == (True, False)


@given(messages=histories, more=histories, quirks=rows, thinking=st.booleans())
def test_steady(messages: list[Any], more: list[Any], quirks: Quirks, thinking: bool) -> None:
    """Request N's history is byte-identical inside request N+1, placeholders too."""
    first, report = replay(messages, quirks, thinking=thinking)
    second, longer = replay([*messages, *more], quirks, thinking=thinking)
    if report.unreadable or longer.unreadable:
        return

    assert json.dumps(first) == json.dumps(second[: len(first)])


@given(value=json_values | st.lists(json_values | messages, max_size=4), quirks=rows, thinking=st.booleans())
def test_total(value: Any, quirks: Quirks, thinking: bool) -> None:
    """Any JSON goes through: every turn of a history is reported; any other value comes back unchanged, with why."""
    before = copy.deepcopy(value)
    history, report = replay(value, quirks, thinking=thinking)

    if report.unreadable:
        assert history is value
        assert (before, ReplayReport(unreadable=report.unreadable)) == (history, report)
    else:
        turns = [index for index, message in enumerate(before) if message.get("role") == "assistant"]
        assert turns == [turn.index for turn in report.turns]


@given(messages=histories, quirks=rows, thinking=st.booleans())
def test_no_text_in_the_report(messages: list[Any], quirks: Quirks, thinking: bool) -> None:
    """A report says what was done, and holds no text of any message."""
    secret = "secret-7f3a"
    spiked = [{**message, "reasoning_content": secret, "content": secret} for message in messages]

    assert secret not in repr(replay(spiked, quirks, thinking=thinking)[1])


@given(text=st.text(min_size=1).filter(str.strip), quirks=rows, thinking=st.booleans())
def test_exact(text: str, quirks: Quirks, thinking: bool) -> None:
    """Carried reasoning reaches the wire to the byte under every name this host reads."""
    message = {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": text}
    history, _ = replay([message], quirks, thinking=thinking)

    if text not in ("tool call", ".") and not quirks.forbids and not (quirks.forbids_when_off and not thinking):
        assert {text} == {history[0].get(name) for name in quirks.dialect.fields}


@pytest.mark.parametrize(
    "messages",
    [None, {}, "x", 3, [{"role": "user", "content": "x"}, "not a message"], [{"role": "assistant", "tool_calls": "x"}]],
)
def test_unreadable(messages: Any) -> None:
    """A history that cannot be read goes out whole and unchanged, and the report says why."""
    history, report = replay(messages, XIAOMI, thinking=True)

    assert history is messages
    assert report.unreadable
    assert () == report.turns


def test_report() -> None:
    """The report tells, per turn, what was done and why."""
    tool_turn = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    history = [
        {"role": "user", "content": "x"},
        {**tool_turn, "reasoning_content": NASTY},
        {**tool_turn, "reasoning": NASTY},
        tool_turn,
        {"role": "assistant", "content": "hi"},
    ]
    _, report = replay(history, XIAOMI, thinking=True)

    assert report == ReplayReport(
        (
            TurnReport(1, "kept", "carried by the message"),
            TurnReport(2, "respelled", "carried under another name"),
            TurnReport(3, "placeholder", "the reasoning is lost"),
            TurnReport(4, "left", "not a tool turn"),
        ),
        changed=True,
    )
    assert (1, 0) == (report.count("placeholder"), report.count("stripped"))


TOOL_TURN = {"role": "assistant", "content": "", "tool_calls": [CALL]}


@pytest.mark.parametrize(
    ("host", "thinking", "held", "sent", "action"),
    [
        ("vllm", True, {"reasoning_content": "a"}, {"reasoning_content": "a", "reasoning": "a"}, "respelled"),
        ("vllm", True, {}, {}, "bare"),
        ("vllm", True, {"reasoning": "tool call"}, {}, "dropped"),
        ("openrouter", True, {"reasoning_content": "a"}, {"reasoning": "a"}, "respelled"),
        ("openrouter", True, {}, {}, "bare"),
        ("xiaomi", False, {"reasoning_content": "tool call"}, {}, "dropped"),
        ("xiaomi", False, {"reasoning_content": "a"}, {"reasoning_content": "a"}, "kept"),
        ("xiaomi", False, {}, {}, "left"),
        ("strict-relay", False, {"reasoning_content": "a"}, {}, "stripped"),
        ("strict-relay", False, {"reasoning_content": ""}, {}, "stripped"),
        ("strict-relay", False, {}, {}, "left"),
        ("strict-relay", True, {}, {"reasoning_content": ""}, "placeholder"),
    ],
)
def test_hosts(host: str, thinking: bool, held: dict[str, Any], sent: dict[str, Any], action: str) -> None:
    """Each host gets the names it reads, its own placeholder, and nothing that it rejects."""
    history, report = replay([{**TOOL_TURN, **held}], _quirks(host), thinking=thinking)

    assert ({**TOOL_TURN, **sent}, action) == (history[0], report.turns[0].action)


def test_openrouter_details_go_back_verbatim() -> None:
    """OpenRouter wants the array that it issued, also from where LiteLLM keeps it."""
    details = [{"type": "reasoning.text", "text": " a", "format": "unknown", "index": 0}]
    top = {**TOOL_TURN, "reasoning": " a", "reasoning_details": details}
    nested = {**TOOL_TURN, "reasoning_content": " a", "provider_specific_fields": {"reasoning_details": details}}
    history, report = replay([top, nested], _quirks("openrouter"), thinking=True)

    assert history == [top, {**TOOL_TURN, "reasoning_details": details}]
    assert (1, 1) == (report.count("kept"), report.count("respelled"))


def test_reasoning_does_not_cross_families() -> None:
    """MiMo's reasoning is as foreign to DeepSeek as Claude's is to MiMo."""
    ours = {"model_provider": "xiaomi_mimo", "model_name": "an-alias"}
    message = {**TOOL_TURN, "reasoning_content": "a", "response_metadata": ours}
    history, _ = replay([message], _quirks("relay", "deepseek"), thinking=True)

    assert " " == history[0]["reasoning_content"]


@pytest.mark.parametrize("family", ["deepseek", "kimi"])
def test_other_families_have_their_own_placeholder(family: str) -> None:
    """The same rule with another value: DeepSeek V4 and Kimi K2.5 reject the empty string."""
    history, _ = replay([TOOL_TURN], _quirks("relay", family), thinking=True)

    assert history[0]["reasoning_content"] == " "


@pytest.mark.parametrize(
    ("provider", "model", "sent"),
    [
        ("anthropic", "claude-sonnet-5", ""),
        ("openai", "mimo-v2.6-pro", "a"),
        ("xiaomi_mimo", "an-alias", "a"),
        (None, "claude-sonnet-5", ""),
        (None, "deepseek-v4-pro", ""),
        ("xiaomi_mimo", "deepseek-v4-pro", ""),
        ("openai", "gpt-5.4", ""),
        ("openai", "acme-brain", "a"),
        (None, "acme-brain", "a"),
        ("anthropic", None, ""),
    ],
)
def test_framework_metadata_names_the_origin(provider: str | None, model: str | None, sent: str) -> None:
    """Reasoning that a framework says came from another vendor is never replayed as ours."""
    metadata = {"model_provider": provider, "model_name": model}
    history, _ = replay([{**TOOL_TURN, "reasoning_content": "a", "response_metadata": metadata}], XIAOMI, thinking=True)

    assert sent == history[0]["reasoning_content"]


def test_a_foreign_turn_is_left_alone_once_it_has_its_placeholder() -> None:
    """Metadata stays with the message, and names the origin again in every later pass."""
    metadata = {"model_provider": "anthropic", "model_name": "claude-sonnet-5"}
    once, _ = replay([{**TOOL_TURN, "reasoning": "a", "response_metadata": metadata}], XIAOMI, thinking=True)
    twice, report = replay(once, XIAOMI, thinking=True)

    assert (True, False) == (once is twice, report.changed)


def test_a_foreign_turn_without_reasoning_is_a_lost_one() -> None:
    """A turn of another vendor's model that carries nothing gets the placeholder like any other."""
    metadata = {"model_provider": "openai", "model_name": "gpt-5.4"}
    _, report = replay([{**TOOL_TURN, "response_metadata": metadata}], XIAOMI, thinking=True)

    assert "the reasoning is lost" == report.turns[0].reason


def test_other_members_survive() -> None:
    """Nothing but reasoning is taken off a message that is rewritten."""
    message = {**TOOL_TURN, "name": "n", "thinking_blocks": [{"type": "thinking", "thinking": "a"}]}
    message["provider_specific_fields"] = {"reasoning_content": "a", "refusal": None}
    history, _ = replay([message], XIAOMI, thinking=True)

    kept = {**TOOL_TURN, "name": "n", "provider_specific_fields": {"refusal": None}, "reasoning_content": "a"}
    assert kept == history[0]


def _theirs(text: str) -> dict[str, Any]:
    return {"thinking_blocks": [{"type": "thinking", "thinking": text, "signature": "EsYCC"}]}


@pytest.mark.parametrize(
    ("held", "recalled", "sent", "action"),
    [
        ({"reasoning_content": "a"}, " a\n", " a\n", "recalled"),
        ({"reasoning_content": "a\nb"}, "ab", "ab", "recalled"),
        ({"reasoning_content": "a"}, "ab", "ab", "recalled"),
        ({"reasoning_content": "a"}, "a", "a", "kept"),
        ({"reasoning_content": "a"}, "b", "a", "kept"),
        ({"reasoning_content": "ab"}, "a", "ab", "kept"),
        ({"reasoning_content": "tool call"}, "b", "b", "recalled"),
        ({"content": "<think>a</think>hi"}, " a", " a", "recalled"),
        ({}, "", "", "placeholder"),
        (_theirs("ours"), "ours", "ours", "recalled"),
        (_theirs("a"), "ours", "", "placeholder"),
        (_theirs("a"), None, "", "placeholder"),
    ],
)
def test_recalled_beside_carried(held: dict[str, Any], recalled: str | None, sent: str, action: str) -> None:
    """What is remembered beats what a framework left of it, and a signature on the same text; never another text."""
    recall = FoundReasoning() if recalled is None else FoundReasoning({0: recalled})
    history, report = replay([{**TOOL_TURN, **held}], XIAOMI, thinking=True, recall=recall)

    assert (sent, action) == (history[0]["reasoning_content"], report.turns[0].action)
    assert "thinking_blocks" not in history[0]
    off, _ = replay([{**TOOL_TURN, "reasoning_content": "a"}], XIAOMI, thinking=False, recall=FoundReasoning({0: " a"}))
    assert "a" == off[0]["reasoning_content"]


@pytest.mark.parametrize(
    ("blocks", "action"),
    [
        ([{"type": "thinking", "thinking": " "}], "a placeholder stood there already"),
        ([{"type": "thinking"}], "the reasoning is lost"),
        ([{"type": "thinking", "thinking": ""}], "the reasoning is lost"),
    ],
)
def test_a_block_that_stands_in(blocks: list[Any], action: str) -> None:
    """A placeholder that was written as a block is known again; a block without a text is none."""
    history, report = replay([{**TOOL_TURN, "thinking_blocks": blocks}], XIAOMI.on("messages"), thinking=True)

    assert action == report.turns[0].reason
    assert report.changed is (action == "the reasoning is lost")
    assert report.changed is ("thinking_blocks" not in history[0])


PLAIN_TURN = {"role": "assistant", "content": "hi"}
CLAUDE = {"response_metadata": {"model_provider": "anthropic", "model_name": "claude-sonnet-5"}}


@pytest.mark.parametrize("host", ["xiaomi", "openrouter", "vllm", "strict-relay"])
@pytest.mark.parametrize("thinking", [True, False])
def test_a_host_that_forbids(host: str, thinking: bool) -> None:
    """Where rejections taught that reasoning is too much, every spelling of it goes, recalled text stays away."""
    quirks = replace(_quirks(host), forbids=True)
    messages = [
        {"role": "user", "content": "x", "reasoning_content": "a"},
        {**TOOL_TURN, "reasoning_content": "a"},
        {**TOOL_TURN, "thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "EsYCC"}]},
        {**PLAIN_TURN, "reasoning": " "},
        TOOL_TURN,
    ]
    history, report = replay(messages, quirks, thinking=thinking, recall=FoundReasoning({1: "a", 4: "b"}))

    assert [messages[0], TOOL_TURN, TOOL_TURN, PLAIN_TURN, TOOL_TURN] == list(history)
    assert ["stripped", "stripped", "stripped", "left"] == [turn.action for turn in report.turns]


@pytest.mark.parametrize("host", ["xiaomi", "openrouter", "vllm"])
def test_a_host_that_wants_every_turn_padded(host: str) -> None:
    """Where rejections taught it, turns that call no tools have the placeholder too; text is never replaced."""
    quirks = replace(_quirks(host), placeholder=" ", pads_every_turn=True)
    spelled = dict.fromkeys(quirks.dialect.fields, " ")
    text = dict.fromkeys(quirks.dialect.fields, "a")
    messages = [
        {"role": "user", "content": "x"},
        PLAIN_TURN,
        {**PLAIN_TURN, "reasoning_content": ""},
        {**TOOL_TURN, "reasoning_content": "tool call"},
        {**PLAIN_TURN, "reasoning": "theirs", **CLAUDE},
        {**PLAIN_TURN, **text},
        PLAIN_TURN,
    ]
    history, report = replay(messages, quirks, thinking=True, recall=FoundReasoning({6: "b"}))
    padded = [{**PLAIN_TURN, **spelled}] * 2 + [{**TOOL_TURN, **spelled}, {**PLAIN_TURN, **CLAUDE, **spelled}]
    recalled = {**PLAIN_TURN, **dict.fromkeys(quirks.dialect.fields, "b")}

    assert [messages[0], *padded, messages[5], recalled] == list(history)
    assert (4, 1, 1) == tuple(report.count(action) for action in ("placeholder", "kept", "recalled"))
    assert [PLAIN_TURN] == replay([PLAIN_TURN], quirks, thinking=False)[0]


def test_what_turns_are_sent_with_is_counted() -> None:
    """Each turn counts once, with the proof of what was found; what several memories fit is counted besides."""
    carried = {**TOOL_TURN, "reasoning_content": "a"}
    respelled = {**TOOL_TURN, "reasoning": "b"}
    messages = [carried, respelled, TOOL_TURN, TOOL_TURN, TOOL_TURN, TOOL_TURN, PLAIN_TURN, {**PLAIN_TURN, **CLAUDE}]
    found = FoundReasoning({2: "c", 3: "d"}, {2: "ids", 3: "chain"}, frozenset({5}))
    counted = {"kept": 2, "found": 2, "found_by_ids": 1, "found_by_chain": 1, "placeholder": 2, "ambiguous": 1}

    assert counted == replay(messages, _quirks("xiaomi"), thinking=True, recall=found)[1].counts
    assert {"missing": 1} == replay([TOOL_TURN], _quirks("openrouter"), thinking=True)[1].counts
    assert {"stripped": 1} == replay([carried], replace(_quirks("xiaomi"), forbids=True), thinking=True)[1].counts


THOUGHT = "\n Paris is in France, so let me ask for the weather there.\n"


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (THOUGHT + "I ask.", "I ask."),
        (THOUGHT.strip() + "\n\nI ask.", "I ask."),
        (THOUGHT.strip(), ""),
        ([{"type": "text", "text": THOUGHT}, {"type": "text", "text": "I ask."}], [{"type": "text", "text": "I ask."}]),
        ([{"type": "text", "text": THOUGHT + "I"}], [{"type": "text", "text": "I"}]),
        ("I ask." + THOUGHT, "I ask." + THOUGHT),
        (THOUGHT.replace("there", "here"), THOUGHT.replace("there", "here")),
        ([{"type": "text", "text": "I ask."}], [{"type": "text", "text": "I ask."}]),
        ([{"type": "text", "text": None}], [{"type": "text", "text": None}]),
        ([{"type": "image", "text": THOUGHT}], [{"type": "image", "text": THOUGHT}]),
        ([THOUGHT], [THOUGHT]),
        ([], []),
        (None, None),
    ],
)
def test_a_thought_in_the_text_of_a_tool_turn(content: Any, left: Any) -> None:
    """What a client made a text of is taken off where the recorded thought equals it but for edge white space."""
    turn = {**TOOL_TURN, "content": content}

    [sent], _ = replay([turn], XIAOMI, thinking=True, recall=FoundReasoning({0: THOUGHT}))

    assert (left, THOUGHT) == (sent["content"], sent["reasoning_content"])


@pytest.mark.parametrize(("content", "left"), [("I see. Now?", "I see. Now?"), ("I see.\n", "")])
def test_a_short_thought_in_the_text(content: str, left: str) -> None:
    """An answer may begin with the words of a short thought: it goes only where nothing else is said."""
    turn = {**TOOL_TURN, "content": content}

    [sent], _ = replay([turn], XIAOMI, thinking=True, recall=FoundReasoning({0: "I see."}))

    assert left == sent["content"]


def test_a_thought_in_other_texts_is_counted() -> None:
    """Plain turns and users keep what they say; the report counts the thoughts in it."""
    history = [
        {"role": "user", "content": f"<think>\n{THOUGHT}</think>"},
        {"role": "user", "content": [{"type": "text", "text": THOUGHT}]},
        {"role": "user", "content": "<thinking>of France"},
        {"role": "tool", "content": THOUGHT},
        {"role": "assistant", "content": THOUGHT + "Sunny."},
    ]
    found = FoundReasoning({4: THOUGHT})

    sent, report = replay(history, XIAOMI, thinking=True, recall=found)

    assert history == [{name: message[name] for name in ("role", "content")} for message in sent]
    assert 3 == report.spoken
    assert 0 == replay(history, XIAOMI, thinking=False, recall=found)[1].spoken


def test_a_text_that_is_known_to_be_damaged() -> None:
    """Whatever is left of it, the recorded one goes out; where there is none it stays."""
    turn = {**TOOL_TURN, "thinking_blocks": [{"type": "thinking", "thinking": "?"}], DAMAGED: True}

    [found], _ = replay([turn], XIAOMI, thinking=True, recall=FoundReasoning({0: THOUGHT}))
    [kept], _ = replay([turn], XIAOMI, thinking=True)

    assert (THOUGHT, "?") == (found["reasoning_content"], kept["reasoning_content"])
