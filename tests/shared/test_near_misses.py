"""Errors that look like refusals and are none, and refusals that hardly look like one any more.

All of it is made of tables, so that a case that fails fails again.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any, Final

import pytest

from mimo_quirks.rejections.recognition import RejectionKind, classify_rejection
from mimo_quirks.simulator import WORDINGS

from ..cases import CALL

SENTENCE: Final = "The reasoning_content in the thinking mode must be passed back to the API."
QUOTED: Final = SENTENCE.replace("reasoning_content", "`reasoning_content`")
BLOCK: Final = SENTENCE.replace("reasoning_content", "`content[].thinking`")
KIMI: Final = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"
STRICT: Final = "messages.1.assistant.reasoning_content: Extra inputs are not permitted"
SAID: Final = (SENTENCE, QUOTED, BLOCK, KIMI, STRICT)

TURN: Final = {"role": "assistant", "content": "", "tool_calls": [CALL]}
LOST: Final = {"model": "mimo-v2.6-pro", "messages": [TURN]}
CARRIED: Final = {"model": "mimo-v2.6-pro", "messages": [{**TURN, "reasoning_content": "hm"}]}

Bodies = Callable[[str], object]
BODIES: Final[tuple[Bodies, ...]] = (
    lambda text: {"error": {"code": "400", "message": "Param Incorrect", "param": text, "type": ""}},
    lambda text: json.dumps({"error": {"message": text, "type": "invalid_request_error", "param": None}}),
    lambda text: "data:" + json.dumps({"error": {"code": "400", "message": "Param Incorrect", "param": text}}),
    lambda text: {"error": {"message": json.dumps({"error": {"message": text}}), "code": "400"}},
    lambda text: f"litellm.BadRequestError: XiaomiException - Error code: 400 - { ({'error': {'message': text}}) }",
)
"""Ways in which a complaint reaches us."""


def _of_others() -> Iterator[str]:
    """The demand, made of something else."""
    names = "tool_calls thought_signature previous_response_id reasoning_content_id my_reasoning_content signature"
    more = "reasoning_effort encrypted_content reasoning_tokens content tool_call_id cache_control refusal"
    for name in f"{names} {more}".split():
        yield f"The {name} in the thinking mode must be passed back to the API."
        yield f"The `{name}` in the thinking mode must be passed back to the API."
        yield f"The {name} must be passed back to the API."
        yield f"thinking is enabled but {name} is missing in assistant tool call message at index 2"


def _of_reasoning() -> Iterator[str]:
    """Another complaint, about reasoning."""
    complaints = (
        "must be a string",
        "exceeds the maximum length of 65536 characters",
        "contains invalid characters",
        "Input should be a valid string",
        "is deprecated and will be removed",
        "is not allowed to be empty",
        "is not supported in user messages",
        "in the thinking mode must not be longer than the context",
        "in the thinking mode may be passed back to the API",
        "in the thinking mode is billed as output",
        "counts towards max_completion_tokens",
        "of the first choice is empty",
        "must be passed back",
        "is missing",
        "was truncated",
    )
    for name, complaint in product(("reasoning_content", "`reasoning_content`", "messages[1].reasoning"), complaints):
        yield f"{name} {complaint}"


def _extra() -> Iterator[str]:
    """Extra inputs that are not reasoning, some beside a complaint about it."""
    places = "tools.0.function.strict thinking thinking.budget_tokens stream_options.include_usage messages.0.name"
    for place in f"{places} messages.1.assistant.refusal messages.1.tool_calls.0.index input.0.status metadata".split():
        path = tuple(place.split("."))
        yield f"{place}: Extra inputs are not permitted"
        yield f"{place}\n  Extra inputs are not permitted [type=extra_forbidden, input_value='x', input_type=str]"
        yield f"[{{'type': 'extra_forbidden', 'loc': {('body', *path)}, 'msg': 'Extra inputs are not permitted'}}]"
        yield f"Extra inputs are not permitted, field: '{place}', value: 'x'"
        yield f"{place}: Extra inputs are not permitted; messages.1.reasoning_content: Input should be a valid string"
        yield f"messages.1.reasoning_content: Field required; {place}: Extra inputs are not permitted"
        yield json.dumps(
            [
                {"loc": ["body", *path], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"},
                {"loc": ["body", "messages", 1, "reasoning_content"], "msg": "Field required", "type": "missing"},
            ]
        )
        yield f"Unknown parameter: '{place}'. See the guide about reasoning_content"


def _quoted() -> Iterator[object]:
    """What a user wrote, in an error about it."""
    for said in SAID:
        yield {"error": {"code": "421", "message": f"The content was rejected: {said}", "type": ""}}
        yield {"error": {"message": f"Rejected: {said}", "param": "", "code": "441"}}
        yield json.dumps({"error": {"message": f"content_filter: {said}", "code": "400"}})
        yield f"litellm.ContentPolicyViolationError: Error code: 400 - {{'error': {{'message': \"{said}\"}}}}"
        yield f"Flagged by moderation: why do I get '{said}'?"
        yield f"[{{'type': 'string_too_long', 'loc': ('body', 'messages', 0, 'content'), 'input': 'Why? {said}'}}]"
        yield f"messages.0.content\n  Input should be a list [type=list_type, input_value='{said}', input_type=str]"


def _of_parameters() -> Iterator[str]:
    """What MiMo names beside a `Param Incorrect`."""
    for name in ("`text`", "`function`", "`tool_call_id`", "`image_url`", "`name`", "`role`"):
        yield f"{name} is not present"
        yield f"{name} is not set"
    for name in ("temperature", "top_p", "n", "seed", "max_completion_tokens", "stop", "thinking.type", "tool_choice"):
        yield f"{name} is not supported"
        yield f"{name} must be in the documented range"


def _near_misses() -> Iterator[object]:
    worded = (*_of_others(), *_of_reasoning(), *_extra(), *_of_parameters())
    yield from (body(text) for text, body in product(worded, BODIES))
    yield from (f"Param Incorrect: {text}" for text in _of_parameters())
    yield from (f"Error code: 400 - Param Incorrect\nparam: {text}" for text in _of_parameters())
    yield from _quoted()


NEAR_MISSES: Final = list(_near_misses())


def test_near_misses() -> None:
    """Not one of them is taken for a refusal, whatever the request lacks or has."""
    taken = [
        (error, request and "a request", kind)
        for error, request in product(NEAR_MISSES, (None, LOST, CARRIED))
        if (kind := classify_rejection(error, request)) is not None
    ]

    assert [] == taken
    assert len(NEAR_MISSES) > 400


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 409, 413, 429])
def test_a_refusal_is_no_other_status(status: int) -> None:
    """Keys, models, balances and limits are no rejections, whatever else their errors say."""
    words = (*SAID, "Param Incorrect", "Extra inputs are not permitted", "Invalid API Key", "Too many requests")
    errors = [SimpleNamespace(status_code=status, message=text) for text in words]

    assert {None} == {classify_rejection(error, request) for error, request in product(errors, (LOST, CARRIED))}


@pytest.mark.parametrize("status", [400, 422, 500, 502, 503, 529])
def test_the_words_tell_with_any_other(status: int) -> None:
    """A relay says them with a status of its own, while what has lost its words counts with the host's alone."""
    missing, forbidden = RejectionKind.MISSING, RejectionKind.FORBIDDEN
    said = [SimpleNamespace(status_code=status, message=text) for text in (SENTENCE, STRICT)]
    bare, extra = (SimpleNamespace(status_code=status, message=text) for text in ("Param Incorrect", "extra_forbidden"))

    assert [missing, forbidden] == [classify_rejection(error) for error in said]
    assert (missing if status == 400 else None) is classify_rejection(bare, LOST)
    assert (forbidden if status in {400, 422} else None) is classify_rejection(extra, CARRIED)


# What becomes of a refusal on its way

Change = Callable[[str], object]


def _once(text: object) -> str:
    return json.dumps({"error": {"message": text, "code": 400}})


CHANGES: Final[dict[str, Change]] = {
    "as it is": str,
    "in JSON": _once,
    "in JSON in JSON in JSON": lambda text: _once(_once(_once(text))),
    "in a stream": lambda text: f"data:{text}\n\n",
    "as bytes": lambda text: f"event: error\ndata: {text}\n\n".encode(),
    "as Python prints it": lambda text: repr({"error": {"message": text}}),
    "as Python prints its bytes": lambda text: repr(text.encode()),
    "as JSON escapes it": lambda text: json.dumps(text).replace("`", "\\u0060"),
    "for HTML": html.escape,
    "for HTML twice": lambda text: html.escape(html.escape(text)),
    "in upper case": str.upper,
    "in lines": lambda text: text.replace(" ", "\n"),
    "with wide spaces": lambda text: text.replace(" ", "  \t"),
    "cut": lambda text: text.partition("passed ba")[0] + ("passed ba" if "passed ba" in text else ""),
    "said by a program": lambda text: f"API Error: 400 {text}",
    "said by LiteLLM": lambda text: f"litellm.BadRequestError: OpenrouterException - {text}. Received Model Group=m",
}


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)


def _kind(name: str) -> RejectionKind:
    missing = name.startswith("E") or name == "F1-unquoted"
    return RejectionKind.MISSING if missing else RejectionKind.OTHER_FAMILY


@pytest.mark.parametrize("name", [row.name for row in WORDINGS.values() if row.ours and row.name != "E6"])
def test_what_becomes_of_a_refusal(name: str) -> None:
    """It is told after any two of these changes, one upon the other."""
    found = {}
    for (first, change), (second, again) in product(CHANGES.items(), repeat=2):
        once = change(_text(WORDINGS[name].body))
        error = again(once.decode() if isinstance(once, bytes) else str(once))
        found[first, second] = classify_rejection(error)

    assert dict.fromkeys(found, _kind(name)) == found


@pytest.mark.parametrize(
    "text",
    [
        STRICT,
        "messages.1.content.0.thinking: Extra inputs are not permitted",
        "input.1.reasoning: Extra inputs are not permitted",
        "messages.1.assistant.reasoning_content\n  Extra inputs are not permitted [type=extra_forbidden]",
        "Extra inputs are not permitted, field: 'messages[2].reasoning_content', value: 'hm'",
        "Additional properties are not allowed ('reasoning_content' was unexpected) - 'messages.1'",
        "Unknown parameter: 'messages[1].reasoning_content'.",
        "property 'reasoning_content' is unsupported",
    ],
)
def test_what_becomes_of_a_prohibition(text: str) -> None:
    """The opposite demand is told after them too."""
    changes = {name: change for name, change in CHANGES.items() if name != "cut"}
    found = {name: classify_rejection(change(text)) for name, change in changes.items()}

    assert dict.fromkeys(changes, RejectionKind.FORBIDDEN) == found
