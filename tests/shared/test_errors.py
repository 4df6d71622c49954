"""What an error says is found wherever it is kept, and its status where somebody knows it."""

from __future__ import annotations

import html
import json
from types import SimpleNamespace
from typing import Any

import pytest

from mimo_quirks.rejections.errors import CUT, error_text, status_of


class WrappedError(Exception):
    """As libraries make theirs: a message, and what else they keep."""

    def __init__(self, message: str, **kept: Any) -> None:
        super().__init__(message)
        self.message = message
        self.__dict__.update(kept)


def _handling(first: Exception, second: Exception) -> Exception:
    """The second error as it is when it was raised while the first one was handled."""
    second.__context__ = first
    return second


def _nested(value: object, times: int) -> str:
    for _ in range(times):
        value = json.dumps({"error": {"message": value}})
    return str(value)


@pytest.mark.parametrize(
    "error",
    [
        "told",
        b"told",
        bytearray(b"told"),
        {"error": {"param": "told"}},
        WrappedError("x", param="told"),
        WrappedError("x", body={"param": "told"}),
        WrappedError("x", response=SimpleNamespace(text="told")),
        WrappedError("x", original_exception=WrappedError("told")),
        WrappedError("x", original_exception=WrappedError("y", original_exception=WrappedError("z", param="told"))),
    ],
)
def test_places(error: object) -> None:
    """Message, parameter, body, response, and the error that was there before."""
    assert "told" in error_text(error)


def test_causes() -> None:
    """Python's own word for a reason is heard."""
    error = WrappedError("x")
    error.__cause__ = ValueError("told")

    assert "told" in error_text(error)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WrappedError("Param Incorrect", param="told"), WrappedError("litellm.APIError: Param Incorrect")),
        (
            WrappedError("Error code: 502", body={"message": "Param Incorrect", "param": "told"}),
            WrappedError("litellm.APIError: Param Incorrect"),
        ),
    ],
)
def test_an_error_that_repeats_another_was_made_of_it(first: Exception, second: Exception) -> None:
    """LiteLLM names no reason, but prints what the error said that it handled, or what the body of it did."""
    assert "told" in error_text(_handling(first, second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WrappedError("the first host", param="told"), WrappedError("the second host")),
        (WrappedError("", body={"message": " "}, param="told"), WrappedError("the second host")),
        (ValueError("told"), WrappedError("the second host")),
        (WrappedError("x", body="told"), WrappedError("y")),
    ],
)
def test_an_error_that_was_handled_by_the_way_is_another(first: Exception, second: Exception) -> None:
    """A fallback fails while the error of the host before it is handled, and is none of its doing."""
    assert "told" not in error_text(_handling(first, second))


def test_a_circle_is_read_once() -> None:
    """Whatever errors name each other, reading them ends."""
    one, other = WrappedError("told"), WrappedError("y")
    one.__dict__["original_exception"], other.__dict__["original_exception"] = other, one
    chain = WrappedError("first")
    for number in range(50):
        chain = WrappedError(f"{number}", original_exception=chain)

    assert 1 == error_text(one).count("told")
    assert "first" not in error_text(chain)


@pytest.mark.parametrize("times", range(5))
@pytest.mark.parametrize("text", ['`a` is\nsaid "so"', "a `b`", "tell <us> & 'them'"])
def test_escapes_are_undone(text: str, times: int) -> None:
    """However deep a text is nested, it is read as it was written, apart from its white space."""
    for quoted in (text, html.escape(text), html.escape(html.escape(text)), text.replace("`", "\\u0060")):
        assert text.replace("\n", " ") in error_text(_nested(quoted, times))


def test_long_parts_are_cut() -> None:
    """Each by itself, so that no other is left out."""
    text = error_text(WrappedError("word " * 100_000, body={"message": "x " * 100_000}, param="told"))

    assert 50_000 > len(text) > 10_000
    assert "told" in text
    assert 2 == text.count(CUT)


def test_what_is_not_there_is_not_said() -> None:
    """The repr of an SDK's event names each field that it does not have."""
    assert "moderation" not in error_text(SimpleNamespace(error="x", moderation=None))
    assert "content_filters='x'" in error_text("Event(content_filters='x')")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WrappedError("x", status_code=400), 400),
        (WrappedError("x", response=SimpleNamespace(status_code=502)), 502),
        (WrappedError("x", status_code="400"), None),
        (WrappedError("x", status_code=200), None),
        (WrappedError("x"), None),
        ("HTTP 400", None),
        (None, None),
        (WrappedError("x", status_code=500, original_exception=WrappedError("y", status_code=400)), 400),
        (WrappedError("x", status_code=500, original_exception=WrappedError("y")), 500),
        (WrappedError("x", status_code=500, is_pre_first_chunk=True), None),
        (WrappedError("x", status_code=500, original_exception=WrappedError("y", is_pre_first_chunk=False)), None),
    ],
)
def test_status(error: object, status: int | None) -> None:
    """It is the status of the error that came first; of an error in a stream nobody knows one."""
    assert status == status_of(error)
