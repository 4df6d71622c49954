"""The probe against the simulator in each of its modes, on every wire: what is found is the mode."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import httpx
import pytest

from mimo_quirks import replay
from mimo_quirks.cli.probe.conclusions import losses, row_of
from mimo_quirks.cli.probe.estimate import estimate
from mimo_quirks.cli.probe.questions import NAMES, QUESTIONS
from mimo_quirks.facts.written_hosts import host_from, written_as
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Mode, Simulator

from .probing import by_question, known, report_of

WIRES: Final = ("chat", "messages", "responses")
CHAT: Final = ("chat",)
BLOCKS: Final = ("messages", "responses")
NOW, EARLIER, SPOKEN = "a tool turn of this round", "a tool turn of an earlier round", "a plain turn"
LONGER: Final = "a much longer thought"
MISSING, STREAMED = "a tool turn without its reasoning", "the same, streamed"

TABLE: Final[list[tuple[dict[str, Any], tuple[str, ...], dict[tuple[str, str], object]]]] = [
    (
        {"accepts": "present"},
        WIRES,
        {
            ("tool-turns", "as it came"): True,
            ("tool-turns", "missing"): False,
            ("tool-turns", '""'): True,
            ("tool-turns", "another text"): True,
            ("plain-turns", "missing"): True,
            ("ids", "other ids, with reasoning"): True,
            ("ids", "other ids, without reasoning"): False,
        },
    ),
    ({"accepts": "present"}, CHAT, {("tool-turns", "null"): False, ("plain-turns", "null"): True}),
    ({"accepts": "non-empty"}, WIRES, {("tool-turns", '""'): False, ("tool-turns", '" "'): True}),
    ({"accepts": "non-blank"}, WIRES, {("tool-turns", '" "'): False, ("tool-turns", "another text"): True}),
    ({"accepts": "exact"}, WIRES, {("tool-turns", "another text"): False, ("tool-turns", "as it came"): True}),
    ({"accepts": "off"}, WIRES, {("tool-turns", "missing"): True, ("errors", MISSING): None}),
    (
        {"spelling": "reasoning_content", "reasoning": "used"},
        CHAT,
        {
            ("emitted", "a question"): "reasoning_content",
            ("emitted", "with a tool, streamed"): "reasoning_content",
            ("fields", "reasoning_content"): "used",
            ("fields", "reasoning"): "rejected",
            ("switches", 'thinking.type = "disabled"'): "off",
            ("switches", "enable_thinking = false"): "on",
        },
    ),
    (
        {"spelling": "reasoning", "reasoning": "used"},
        CHAT,
        {
            ("emitted", "a question"): "reasoning",
            ("fields", "reasoning"): "used",
            ("fields", "reasoning_content"): "rejected",
            ("switches", "chat_template_kwargs.enable_thinking = false"): "off",
            ("switches", 'thinking.type = "disabled"'): "on",
        },
    ),
    (
        {"spelling": "reasoning", "reasoning": "used", "accepts": "off"},
        CHAT,
        {("fields", "reasoning"): "used", ("fields", "reasoning_content"): "not used"},
    ),
    (
        {"spelling": "openrouter", "reasoning": "used"},
        CHAT,
        {
            ("emitted", "the same, streamed"): "reasoning, reasoning_details",
            ("fields", "reasoning_details"): "used",
            ("fields", "reasoning_content and reasoning differ"): "reasoning",
            ("switches", "reasoning.enabled = false"): "off",
            ("switches", 'reasoning.effort = "none"'): "off",
        },
    ),
    ({"spelling": "alibaba"}, CHAT, {("switches", "enable_thinking = false"): "off"}),
    (
        {"forbids": "when-off"},
        WIRES,
        {
            ("thinking-off", "tool turn with its reasoning"): False,
            ("thinking-off", "plain turn without its reasoning"): True,
            ("tool-turns", "as it came"): True,
        },
    ),
    ({"forbids": "always"}, WIRES, {("tool-turns", "as it came"): False, ("tool-turns", "missing"): True}),
    ({"every_turn": True}, WIRES, {("plain-turns", "missing"): False, ("plain-turns", '" "'): True}),
    ({"enforces_every": 3}, WIRES, {("steady", "three times missing"): "2 of 3"}),
    ({"rejects_every": 3}, WIRES, {("steady", "three times as it came"): "2 of 3"}),
    ({"rejection": "E4"}, WIRES, {("errors", MISSING): True}),
    ({"rejection": "text-not-set"}, WIRES, {("errors", MISSING): False}),
    ({"rejection_status": 502}, WIRES, {("errors", MISSING): True, ("tool-turns", "missing"): False}),
    ({"string_content": True}, CHAT, dict.fromkeys([("contents", "content: null beside calls")], False)),
    ({"string_content": True}, CHAT, {("contents", "a tool's content as a list"): False}),
    ({"string_content": False}, CHAT, {("contents", "content: null beside calls"): True}),
    ({"data_prefixed_errors": True}, WIRES, {("errors", STREAMED): "data: and status"}),
    ({"data_prefixed_errors": False}, WIRES, {("errors", STREAMED): "status"}),
    ({"first_frame_errors": True}, WIRES, {("errors", STREAMED): "first event"}),
    ({"second_frame_errors": True}, WIRES, {("errors", STREAMED): "second event"}),
    ({"cut_after": 9}, WIRES, {("emitted", "the stream's end"): False}),
    ({"cut_after": None}, WIRES, {("emitted", "the stream's end"): True}),
    ({"parallel_calls": 3}, WIRES, {("parallel", "two cities to look up"): 3}),
    ({"ids": "repeating"}, WIRES, {("emitted", "ids of calls, twice"): "sequential"}),
    ({"ids": "unique"}, WIRES, {("emitted", "ids of calls, twice"): "random"}),
    ({"late_reasoning": True}, WIRES, {("emitted", "order in a stream with calls"): "thought → call → thought"}),
    ({"late_reasoning": False}, WIRES, {("emitted", "order in a stream with calls"): "thought → call"}),
    ({"thinking_blocks": 3}, BLOCKS, {("emitted", "blocks of reasoning"): 3}),
    ({"keeps_order": True, "thinking_blocks": 2}, BLOCKS, {("tool-turns", "its blocks joined to one"): False}),
    ({"keeps_order": False, "thinking_blocks": 2}, BLOCKS, {("tool-turns", "its blocks joined to one"): True}),
    ({"signatures": "absent"}, ("messages",), {("emitted", "signatures of blocks"): "absent"}),
    ({"signatures": "empty"}, ("messages",), {("emitted", "signatures of blocks"): "empty"}),
    ({"signatures": "issued"}, ("messages",), {("tool-turns", "with another signature"): True}),
    (
        {"signatures": "checked"},
        ("messages",),
        {("emitted", "signatures of blocks"): "present", ("tool-turns", "with another signature"): False},
    ),
    ({"x_api_key": True}, ("messages",), {("keys", "the key in x-api-key"): True}),
    ({"x_api_key": False}, ("messages",), {("keys", "the key in x-api-key"): False}),
    ({"reasoning": "used"}, WIRES, {("used", NOW): "used", ("used", EARLIER): "used", ("used", SPOKEN): "used"}),
    ({"reasoning": "round"}, WIRES, {("used", NOW): "used", ("used", EARLIER): "not used"}),
    ({"reasoning": "dropped"}, WIRES, {("used", NOW): "not used", ("used", LONGER): "not counted"}),
    ({"reasoning": "untold"}, WIRES, {("used", NOW): "not used", ("used", LONGER): "counted"}),
    (
        {},
        CHAT,
        {
            ("n", "n = 2"): "rejected",
            ("forced-tools", "the other tool forced"): "ignored",
            ("json", "json_object"): "followed",
            ("json", "json_schema"): "followed",
        },
    ),
    ({}, WIRES, {("cache", "a long history, and one turn more"): "holds"}),
]
"""Fields of a mode, the wires on which they show, and what is found there."""

UNTOLD: Final = {
    "wires": "a wire that is not served has no findings: test_a_wire_that_is_not_served",
    "then": "a host that changes in mid-run contradicts itself, and one run cannot say that it did",
    "tool_rounds": "how long the pretend model goes on calling is no trait of a host",
    "answers": "the text of an answer is the model's, and no trait of a host",
    "conversation": "tells the judge alone which conversation a request belongs to; nothing in an answer shows it",
    "split_utf8": "how TCP cuts a stream is put together again before anybody reads it",
    "strict_elsewhere": "no question puts reasoning on a message that is not the model's, as no client of ours does",
    "quotes": "it waits for a text that only a test knows",
}
"""Fields that the probe does not tell, and why."""

CASES: Final = [
    pytest.param(mode, wire, expected, id=f"{','.join(map(str, mode.items())) or 'default'}-{wire}")
    for mode, wires, expected in TABLE
    for wire in wires
]


@pytest.mark.parametrize(("mode", "wire", "expected"), CASES)
def test_what_is_found_is_the_mode(mode: dict[str, Any], wire: str, expected: dict[tuple[str, str], object]) -> None:
    """Each finding has the value that the mode's field means."""
    with Simulator(Mode(**mode)) as simulator:
        found = by_question(report_of(simulator.base_url, wire, *{question for question, _ in expected}))

    assert expected == {row: found[row].value for row in expected}


def test_each_field_of_a_mode_is_told_or_named() -> None:
    """A new field goes into the table, or is named with the reason why no question tells it."""
    told = {name for mode, _, _ in TABLE for name in mode}

    assert {field.name for field in fields(Mode)} == told | set(UNTOLD)
    assert set() == told & set(UNTOLD)


def test_each_question_is_in_the_table() -> None:
    """None is there that no mode answers."""
    assert set(NAMES) == {question for _, _, expected in TABLE for question, _ in expected}


@pytest.mark.parametrize("wire", BLOCKS)
def test_a_wire_that_is_not_served(wire: str) -> None:
    """It is said, after one request, and nothing is found."""
    with Simulator(Mode(wires=CHAT)) as simulator:
        report = report_of(simulator.base_url, wire)

    assert report.unserved[wire].startswith("there is no such endpoint, or no such model (404: ")
    assert [] == report.findings
    assert 1 == report.requests


@pytest.mark.parametrize("wire", WIRES)
def test_bytes_that_are_split_change_nothing(wire: str) -> None:
    """A stream whose characters are cut is read like any other."""
    with Simulator(Mode(split_utf8=True)) as simulator:
        found = by_question(report_of(simulator.base_url, wire, "emitted"))

    assert found["emitted", "the same, streamed"].value == found["emitted", "a question"].value


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("mode", [Mode(), Mode(accepts="off", reasoning="used"), Mode(forbids="always")])
def test_the_estimate(wire: str, mode: Mode) -> None:
    """It is what is sent, or a few requests more; and no request is sent twice but those that have to be."""
    with Simulator(mode) as simulator:
        expected = estimate([known(simulator.base_url, wire)], QUESTIONS)
        report = report_of(simulator.base_url, wire)
        sent = [exchange.raw for exchange in simulator.exchanges]

    assert report.requests == len(sent)
    assert expected.requests - 10 <= len(sent) <= expected.requests + 1
    again, other_header = 4, wire != "responses"
    assert len(sent) - again - other_header == len(set(sent))


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("mode", "loss"),
    [
        (Mode(reasoning="used"), None),
        (Mode(reasoning="untold"), None),
        (Mode(reasoning="dropped"), "dropped without an error on the way to the model"),
    ],
)
def test_losses(wire: str, mode: Mode, loss: str | None) -> None:
    """What the model never sees is lost; what it sees and does not use is not."""
    with Simulator(mode) as simulator:
        told = losses(report_of(simulator.base_url, wire, "emitted", "tool-turns", "used").findings, "")

    assert (loss is not None) == bool(told)
    assert all(str(loss) in line for line in told)


ROWS: Final[list[tuple[dict[str, Any], dict[str, Any]]]] = [
    ({}, {}),
    ({"accepts": "non-empty"}, {"placeholder": " "}),
    ({"accepts": "exact"}, {"takes_placeholder": False}),
    ({"every_turn": True}, {"pads_every_turn": True}),
    ({"forbids": "always"}, {"forbids": True}),
    ({"forbids": "when-off"}, {"forbids_when_off": True}),
    (
        {"spelling": "alibaba"},
        {"switches": [{"path": "enable_thinking", "on": True, "off": False}]},
    ),
    (
        {"spelling": "reasoning"},
        {
            "fields": ["reasoning"],
            "switches": [{"path": "chat_template_kwargs.enable_thinking", "on": True, "off": False}],
        },
    ),
]
"""Modes, and what the row of such a host says otherwise than that of any relay."""


@pytest.mark.parametrize(("mode", "expected"), ROWS, ids=str)
def test_the_row_that_comes_of_it(mode: dict[str, Any], expected: dict[str, Any]) -> None:
    """It says what the mode means, and as a setting it brings a lost history through where that can be done at all."""
    with Simulator(Mode(reasoning="used", **mode)) as simulator:
        row = row_of(known(simulator.base_url, "chat"), report_of(simulator.base_url, "chat").findings)
        written = written_as(row)
        settings = Settings(hosts={simulator.base_url: host_from(written)})
        quirks = settings.quirks_for("mimo-v2.6-pro", simulator.base_url)
        assert quirks is not None
        sent, _ = replay(LOST, quirks, thinking=True)
        answered = httpx.post(
            f"{simulator.base_url}/chat/completions",
            json={"model": "mimo-v2.6-pro", "messages": sent},
            headers={"api-key": "k"},
        )

    assert {"row": "relay", "forces_tools": False, "takes_n": False, **expected} == written
    assert (200 if mode.get("accepts") != "exact" else 400) == answered.status_code


CALL: Final = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LOST: Final = [
    {"role": "user", "content": "q"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "r"},
    {"role": "assistant", "content": "a"},
    {"role": "user", "content": "q"},
]
