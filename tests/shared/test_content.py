"""Content reaches MiMo as a string."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from mimo_quirks.history.content import string_content

from .strategies import json_values, messages


@pytest.mark.parametrize(
    ("role", "content", "expected"),
    [
        ("assistant", None, ""),
        ("assistant", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ("assistant", [{"type": "thinking", "thinking": "x"}, {"type": "tool_use", "id": "1"}, "b"], "b"),
        ("assistant", [{"type": "image", "url": "u"}], '{"type": "image", "url": "u"}'),
        ("assistant", {"odd": "形"}, '{"odd": "形"}'),
        ("tool", [{"type": "text", "text": "a"}, {"type": "text", "text": None}, "b"], "a\n\nb"),
        ("user", [{"type": "text", "text": "a"}, "b"], "a\nb"),
        ("system", [{"type": "text", "text": "a"}], "a"),
        ("user", [{"type": "reasoning", "reasoning": "x"}, {"type": "text", "text": "a"}], "a"),
        ("user", [{"type": "thinking", "thinking": "x"}, {"type": "image_url"}], [{"type": "image_url"}]),
        ("tool", [3], "3"),
    ],
)
def test_flattened(role: str, content: Any, expected: Any) -> None:
    """Texts are joined, what is said elsewhere or was a turn's alone is left out, and nothing else is lost."""
    assert expected == string_content({"role": role, "content": content})["content"]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "image_url"}]},
        {"role": "user", "content": None},
        {"role": "tool", "content": "a"},
    ],
)
def test_left_alone(message: dict[str, Any]) -> None:
    """Strings, and the lists of roles that may have them, are the same object afterwards."""
    assert string_content(message) is message


def test_what_cannot_be_written_is_left_out() -> None:
    """A block that is no JSON could not be sent in any form."""
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]

    assert "" == string_content({"role": "assistant", "content": [{"type": "odd", "value": object()}]})["content"]
    assert "" == string_content({"role": "tool", "content": [deep]})["content"]


@given(message=messages, content=json_values)
def test_total(message: dict[str, Any], content: object) -> None:
    """Any content of a turn becomes a string."""
    assert isinstance(string_content({**message, "role": "assistant", "content": content})["content"], str)
