"""What the pretend model takes from the user's own words."""

import json
from typing import Any

import pytest

from mimo_quirks.simulator.asked import call_arguments, formatted
from mimo_quirks.simulator.history import Message

INTEGER: dict[str, Any] = {"type": "integer", "exclusiveMinimum": -1000, "exclusiveMaximum": 1000}


def _asked(text: str) -> list[Message]:
    return [Message("user", text)]


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("What is magic(3)?", INTEGER, 3),
        ("What is magic(-42)?", INTEGER, -42),
        ("What is magic(1000)?", INTEGER, 1),
        ("v2.6 or x7", INTEGER, 1),
        ("named '你好啊集团' (Hello)", {"type": "string"}, "你好啊集团"),
        ('named "a b"', {"type": "string"}, "a b"),
        ("it's Bob's", {"type": "string"}, "Zürich 東京"),
        ("named 'x'", {"type": "string", "enum": ["a"]}, "a"),
        ("named 'x'", {"type": "string", "format": "date"}, "2026-11-01"),
        ("named 'x'", {"type": "integer"}, 1),
    ],
)
def test_arguments(text: str, schema: dict[str, Any], value: object) -> None:
    """A number or a quoted text goes where it fits, and nowhere else."""
    parameters = {"type": "object", "properties": {"p": schema}, "required": ["p"]}

    assert {"p": value} == json.loads(call_arguments(parameters, _asked(text)))


@pytest.mark.parametrize("parameters", [None, [], {"properties": 3}, {"properties": {"p": 3}, "required": ["p"]}])
def test_any_schema(parameters: object) -> None:
    """What is no schema raises nothing."""
    assert isinstance(json.loads(call_arguments(parameters, _asked("3 'x'"))), dict)


def test_formats() -> None:
    """An answer has the form that was asked for."""
    schema = {"type": "object", "properties": {"n": INTEGER}}
    wanted = {"type": "json_schema", "json_schema": {"name": "N", "schema": schema}}

    assert "text" == formatted({}, [], "text")
    assert "text" == formatted({"response_format": {"type": "text"}}, [], "text")
    assert {"n": 7} == json.loads(formatted({"response_format": wanted}, _asked("take 7"), "text"))
    assert {"answer": "text"} == json.loads(formatted({"response_format": {"type": "json_object"}}, [], "text"))
    body = {"response_format": {"type": "json_object"}}
    assert {"a": "text", "b": "text"} == json.loads(formatted(body, _asked("with 'a' and 'b' keys"), "text"))
