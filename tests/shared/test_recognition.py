"""Every error body of EVIDENCE §5, with its class. The names of its rows are the ids."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from mimo_quirks.rejections.errors import error_text
from mimo_quirks.rejections.recognition import RejectionKind, classify_rejection, is_reasoning_rejection, read_demand
from mimo_quirks.wires import CHAT, MESSAGES, RESPONSES, Wire

from ..cases import CALL
from .strategies import json_values

SENTENCE = "The reasoning_content in the thinking mode must be passed back to the API."
BODY = {"error": {"code": "400", "message": "Param Incorrect", "param": SENTENCE, "type": ""}}
QUOTED = SENTENCE.replace("reasoning_content", "`reasoning_content`")
BLOCK = SENTENCE.replace("reasoning_content", "`content[].thinking`")
DEEPSEEK = {
    "error": {"message": QUOTED, "type": "invalid_request_error", "param": None, "code": "invalid_request_error"}
}
KIMI = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"
OPENROUTER = {
    "error": {
        "message": "Provider returned error",
        "code": 400,
        "metadata": {"raw": json.dumps(BODY), "provider_name": "Xiaomi", "is_byok": False},
    },
    "user_id": "user_1",
}
WRAPPED = {
    "error": {
        "message": json.dumps({"error": {"message": BLOCK}}) + ". Received Model Group=deepseek-v4-flash\n"
        "Available Model Group Fallbacks=None",
        "type": "None",
        "param": "None",
        "code": "400",
    }
}

MISSING = {
    "E1": json.dumps(BODY),
    "E1 parsed": BODY,
    "E2": "data:" + json.dumps(BODY),
    "E3": {"error": {"code": "400", "message": "Param Incorrect", "param": SENTENCE}},
    "E4": {"error": {"message": "Param Incorrect", "type": "upstream_error", "param": SENTENCE, "code": "400"}},
    "E5": f"Error code: 400 - {BODY}",
    "E7": f"Param Incorrect: {SENTENCE}",
    "E8": f'Status: 400 Body: {{"error":{{"code":"400","message":"Param Incorrect","param":"{SENTENCE[:67]}..."}}}}',
    "E9": f"上游错误 (400): {json.dumps(BODY)}",
    "E10": f"API Error: 400 {json.dumps(BODY)}",
    "E11": "Error from provider (Console Go): Upstream request failed: [invalid_request_error] " + SENTENCE,
    "E12": OPENROUTER,
    "E12 text": json.dumps(OPENROUTER),
    "E13": f"litellm.BadRequestError: OpenrouterException - {json.dumps(OPENROUTER)}",
    "E15": f"Error code: 400 - Param Incorrect\nparam: {SENTENCE}",
    "wrapped twice": json.dumps({"error": {"message": json.dumps(OPENROUTER)}}),
}
OTHER_FAMILY = {
    "F1": DEEPSEEK,
    "F1 older": SENTENCE.replace("reasoning_content", "reasoning content"),
    "F2": f"Error from provider (DeepSeek): {QUOTED}",
    "F2 console": f"Error from provider (Console): Upstream request failed: [invalid_request_error] {QUOTED}",
    "F4": BLOCK,
    "F5": WRAPPED,
    "F5 text": json.dumps(WRAPPED),
    "F6": KIMI,
    "F7": {"code": 20015, "message": KIMI, "data": None},
    "F8": f"status_code=400, {KIMI} (request id: 1)",
}
FOREIGN_SIGNATURE = {
    "F9 invalid": "messages.3.content.0: Invalid `signature` in `thinking` block",
    "F9 required": "messages.3.content.0.thinking.signature: Field required",
    "F9 order": "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`",
}
FORBIDDEN = {
    "F10 pydantic": "[{'type': 'extra_forbidden', 'loc': ('body', 'messages', 1, 'assistant', 'reasoning_content'), "
    "'msg': 'Extra inputs are not permitted'}]",
    "F10 path": "messages.1.assistant.reasoning_content: Extra inputs are not permitted",
    "F10 path of reasoning": "messages.1.assistant.reasoning: Extra inputs are not permitted",
    "F10 unknown": "Unknown field: 'reasoning_content' at messages[1]",
    "F10 unsupported": "property 'reasoning_content' is unsupported",
    "F10 blocks": "'messages.1' : thinking_blocks: Extra inputs are not permitted",
    "F10 block": "messages.1.content.0.thinking: Extra inputs are not permitted",
    "F10 item": "input.1.reasoning: Extra inputs are not permitted",
}
NOT_OURS = {
    "text is not present": {"error": {"message": "Param Incorrect", "param": "`text` is not present"}},
    "text is not set": json.dumps({"error": {"message": "Param Incorrect", "param": "`text` is not set"}}),
    "text, joined": "Param Incorrect: `text` is not set",
    "text, in lines": "Error code: 400 - Param Incorrect\nparam: `text` is not set",
    "text, nested": json.dumps(
        {"error": {"message": json.dumps({"message": "Param Incorrect", "param": "`text` is not set"})}}
    ),
    "function is not set": {"error": {"message": "Param Incorrect", "param": "`function` is not set"}},
    "temperature": {"error": {"message": "Param Incorrect", "param": "temperature must be in [0, 1.5]"}},
    "effort": "Input should be 'low', 'medium' or 'high'",
    "n": {"error": {"message": "Param Incorrect", "param": "n is not supported"}},
    "retired": "Not supported model mimo-v2-flash",
    "pydantic": "messages.2: Input should be <ChatMessageRole.TOOL: 'tool'>",
    "custom tool": {
        "error": {
            "code": "responses_feature_not_supported",
            "message": "tool type 'custom' is not supported by this gateway phase.",
        }
    },
    "key": {"error": {"message": "Invalid API Key", "param": "Please provide valid API Key", "code": "401"}},
    "moderation": {"error": {"code": "421", "message": "content filter"}},
    "context": "This endpoint's maximum context length is 1048576 tokens. However, you requested about 2000000.",
    "balance": "402 Insufficient account balance",
    "image": "404 No endpoints found that support image input",
    "deepseek parameters": "thinking options type cannot be disabled when reasoning_effort is set",
    "kimi parameters": "cannot specify both 'thinking' and 'reasoning_effort'",
    "another extra": "tools.0.function.strict: Extra inputs are not permitted",
    "the switch": "thinking: Extra inputs are not permitted",
    "nothing": None,
}
TOOL_TURN = {"role": "assistant", "content": "", "tool_calls": [CALL]}
LOST = {"model": "mimo-v2.6-pro", "messages": [{"role": "user", "content": "x"}, TOOL_TURN]}
PADDED = {"model": "mimo-v2.6-pro", "messages": [{**TOOL_TURN, "reasoning_content": " "}]}
OFF = {"thinking": {"type": "disabled"}}
CARRIED = {"model": "mimo-v2.6-pro", "messages": [{**TOOL_TURN, "reasoning_content": "a"}]}


def _cases(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize("error", table.values(), ids=table.keys())


@_cases(MISSING)
def test_missing(error: object) -> None:
    """The family's demand is recognised however it is wrapped, with the request at hand or not."""
    assert RejectionKind.MISSING is classify_rejection(error)
    assert RejectionKind.MISSING is classify_rejection(error, LOST)


@_cases(OTHER_FAMILY)
def test_other_family(error: object) -> None:
    """The same demand of another family's API is told apart."""
    assert RejectionKind.OTHER_FAMILY is classify_rejection(error, LOST)


def test_the_rejected_model_tells_the_family() -> None:
    """F3: LiteLLM prints DeepSeek's words without the quotes, so only the model tells."""
    error = f"litellm.BadRequestError: OpenAIException - {SENTENCE}"

    assert RejectionKind.OTHER_FAMILY is classify_rejection(error, {"model": "deepseek/deepseek-v4-pro"})
    assert RejectionKind.MISSING is classify_rejection(error, {"model": "openai/mimo-v2.6-pro"})
    assert RejectionKind.MISSING is classify_rejection(error, {"model": None})


@_cases(FOREIGN_SIGNATURE)
def test_foreign_signature(error: object) -> None:
    """Errors about signatures call for stripping, not for a placeholder."""
    assert RejectionKind.FOREIGN_SIGNATURE is classify_rejection(error, LOST)


@_cases(FORBIDDEN)
def test_forbidden(error: object) -> None:
    """A host that takes no such field says so in many words."""
    assert RejectionKind.FORBIDDEN is classify_rejection(error, CARRIED)


@_cases(NOT_OURS)
@pytest.mark.parametrize("request_", [None, LOST, CARRIED], ids=["no request", "lost", "carried"])
def test_other_errors_are_no_rejections(error: object, request_: dict[str, Any] | None) -> None:
    """No other 400 is taken for a rejection, whatever the request looked like."""
    assert is_reasoning_rejection(error, request_) is False


@pytest.mark.parametrize(
    "error",
    [
        "HTTP 400: Param Incorrect",
        "API Error: 400 Param Incorrect",
        "400 Param Incorrect ... LLM request failed: provider rejected the request schema or tool payload.",
        {"error": {"code": "400", "message": "Param Incorrect", "param": "", "type": ""}},
        {"error": {"code": "400", "message": "Param Incorrect", "param": None}},
    ],
    ids=["E6", "E6 api", "E14", "empty param", "null param"],
)
def test_bare(error: object) -> None:
    """Without its param the error is ours only if the request could have been rejected for its reasoning."""
    for lost in (LOST, PADDED):
        assert RejectionKind.MISSING is classify_rejection(error, lost)
    others = (None, CARRIED, {}, {"messages": "x"}, {"messages": ["junk", TOOL_TURN]}, {**LOST, **OFF})
    assert [None] * 6 == [classify_rejection(error, request) for request in others]


CALLED = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "a"}
ITEM = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
THOUGHT_ITEM = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "a"}]}
BLANK = {"type": "thinking", "thinking": " "}
SYSTEM = {"model": "mimo-v2.6-pro", "system": [{"type": "text", "text": "x"}], "max_tokens": 9}


def _spoken(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**SYSTEM, "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": blocks}], **more}


def _listed(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "mimo-v2.6-pro", "input": [{"role": "user", "content": "x"}, *items], **more}


@pytest.mark.parametrize(
    ("lacking", "carried", "off", "wire"),
    [
        (LOST, CARRIED, OFF, CHAT),
        (_spoken(CALLED), _spoken(THOUGHT, CALLED), OFF, MESSAGES),
        (_listed(ITEM), _listed(THOUGHT_ITEM, ITEM), {"reasoning": {"effort": "none"}}, RESPONSES),
    ],
    ids=["chat", "messages", "responses"],
)
def test_bare_on_every_wire(lacking: dict[str, Any], carried: dict[str, Any], off: dict[str, Any], wire: Wire) -> None:
    """What a request lacks is seen on its own wire, whether anybody says which one it is or not."""
    bare, extra = {"error": {"message": "Param Incorrect"}}, {"detail": "Extra inputs are not permitted"}

    for known in (None, wire):
        assert RejectionKind.MISSING is classify_rejection(bare, lacking, known)
        assert RejectionKind.MISSING is classify_rejection(bare, {**lacking, "model": "an alias"}, known)
        others = (carried, {**lacking, **off}, {**lacking, "model": "an alias", "extra_body": off})
        assert [None] * 3 == [classify_rejection(bare, request, known) for request in others]
        assert [RejectionKind.FORBIDDEN, None] == [classify_rejection(extra, one, known) for one in (carried, lacking)]
        assert is_reasoning_rejection(bare, lacking, known)


def test_bare_and_a_placeholder() -> None:
    """What stands in for reasoning may be what was rejected; a plain turn is none of it."""
    bare = "400 Param Incorrect"
    rejected = (_spoken(BLANK, CALLED), {**LOST, "messages": [{**TOOL_TURN, "reasoning_content": ""}]})
    plain = (_spoken({"type": "text", "text": "hi"}), _listed({"role": "assistant", "content": "hi"}))

    assert [RejectionKind.MISSING] * 2 == [classify_rejection(bare, request) for request in rejected]
    assert [None] * 2 == [classify_rejection(bare, request) for request in plain]


def test_bare_and_a_model_that_seldom_thinks() -> None:
    """A model that thinks only when it is asked to is rejected only then."""
    quiet = {**LOST, "model": "mimo-v2-flash"}

    assert classify_rejection("Param Incorrect", quiet) is None
    assert RejectionKind.MISSING is classify_rejection("Param Incorrect", {**quiet, "thinking": {"type": "enabled"}})


def test_bare_extra() -> None:
    """F10 without a field is ours only if the request carried reasoning."""
    error = {"detail": "Extra inputs are not permitted"}

    assert RejectionKind.FORBIDDEN is classify_rejection(error, CARRIED)
    assert classify_rejection(error, LOST) is None


@pytest.mark.parametrize(
    "word", ["a.", "messages.,", "input='", "extra_forbidden loc ", "unknown field ", "param: ", "\\"]
)
def test_a_long_error_is_read_in_no_time(word: str) -> None:
    """A client can write what a validator echoes; of a page or a whole history the beginning is looked at."""
    began = time.process_time()

    assert classify_rejection("extra_forbidden " + word * (10_000_000 // len(word))) is None
    assert time.process_time() - began < 2


def test_a_long_echo_is_no_rejection() -> None:
    """What a validator repeats of the request ends where the error was cut; what it says before counts."""
    detail = {"type": "list_type", "input": f"{SENTENCE} " * 1000}

    assert classify_rejection({"detail": [detail]}) is None
    assert classify_rejection({"detail": [{"msg": SENTENCE, **detail}]}) is RejectionKind.MISSING


def test_every_place_of_an_exception_is_read() -> None:
    """Libraries keep the telling words in different places; a hostile exception breaks nothing."""

    class HostileError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

        @property
        def response(self) -> object:
            raise RuntimeError

    chained = HostileError()
    chained.__cause__ = ValueError(SENTENCE)
    places = [
        SimpleNamespace(param=SENTENCE),
        SimpleNamespace(body={"param": SENTENCE}),
        SimpleNamespace(response=SimpleNamespace(text=SENTENCE)),
        chained,
    ]

    assert [True] * 4 == [is_reasoning_rejection(place) for place in places]
    assert is_reasoning_rejection(HostileError()) is False


@given(error=json_values, request=json_values)
def test_any_error_is_read(error: Any, request: Any) -> None:
    """Any JSON is classified without an exception."""
    assert isinstance(error_text(error), str)
    assert classify_rejection(error, request) in (None, *RejectionKind)


FORBIDS_IT = "messages.1.assistant.reasoning_content: Extra inputs are not permitted"
CLIENT: dict[str, Any] = {
    "a message": {"content": "{}"},
    "text around it": {"content": "Why {}? 为什么"},
    "a name": {"content": "x", "name": "{}"},
    "a block": {"content": [{"type": "text", "text": "{}"}]},
    "an argument": {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": '{{"q": ["{}"]}}'}}]},
    "an input": {"content": [{"type": "tool_use", "input": {"q": ("{}",)}}]},
}
"""Where a client may put a text."""


def _with(value: Any, text: str) -> Any:
    """The value with a text in its place."""
    if isinstance(value, str):
        return value.replace("{{", "{").replace("}}", "}").replace("{}", text)
    if isinstance(value, dict):
        return {name: _with(held, text) for name, held in value.items()}
    return type(value)(_with(held, text) for held in value)


@pytest.mark.parametrize("place", CLIENT)
@pytest.mark.parametrize("said", [SENTENCE, FORBIDS_IT, KIMI, "Param Incorrect"])
def test_what_is_quoted_is_no_word_of_the_host(place: str, said: str) -> None:
    """A value of the request is cut out of an error, wherever it stands in the request; the host's own words stay."""
    message = _with({"role": "user", **CLIENT[place]}, said)
    request = {**LOST, "messages": [message, TOOL_TURN]}
    quoted = message["content"] if place == "text around it" else said
    forms = [f"Invalid value: '{quoted}'", json.dumps({"error": {"message": f"not {quoted!r}"}}), {"detail": quoted}]

    assert [None] * 3 == [classify_rejection(error, request) for error in forms]
    assert classify_rejection(f"Invalid value: '{quoted}'. {QUOTED}", request) is RejectionKind.OTHER_FAMILY


def test_a_quote_that_is_cut_short() -> None:
    """An error quotes the beginning of a long value, or is cut itself; a pasted error leaves the host its own words."""
    long = f"{FORBIDS_IT} {SENTENCE} " * 1000
    request = {"messages": [{"role": "user", "content": long}, TOOL_TURN]}
    pasted = {"messages": [{"role": "user", "content": f"{SENTENCE} What does it mean?"}, TOOL_TURN]}

    for end in ("...", "…", "", f"... [{len(long)}]"):
        shown = long if not end else long[:300]
        assert classify_rejection(f"Invalid value: '{shown}{end}", request) is None
    assert classify_rejection(f"Cut: {long[:200]}... {long[:90]}... {SENTENCE}", request) is RejectionKind.MISSING
    assert classify_rejection(BODY, pasted) is RejectionKind.MISSING


def test_a_word_of_the_client() -> None:
    """A single word is cut out where it is quoted alone: the host may use the same one by itself."""
    request = {
        "messages": [TOOL_TURN, {"role": "tool", "content": "thinking"}],
        "tools": [{"name": "reasoning_content"}],
    }

    assert classify_rejection("Tool 'reasoning_content' is not supported", request) is None
    assert classify_rejection(BODY, request) is RejectionKind.MISSING
    assert classify_rejection(FORBIDDEN["F10 path"], request) is RejectionKind.FORBIDDEN
    spoken = {"messages": [{"role": "assistant", "content": [{"type": "thinking", "thinking": "a"}]}]}
    assert classify_rejection(FOREIGN_SIGNATURE["F9 invalid"], spoken) is RejectionKind.FOREIGN_SIGNATURE


def test_what_could_quote_everything_is_not_read() -> None:
    """An error in which more of the client's texts may stand than are looked for is no rejection."""
    said = [f"thinking {number}" for number in range(200)]
    request = {"messages": [{"role": "user", "content": text} for text in said]}

    assert classify_rejection(f"{' '.join(said)} {SENTENCE}", request) is None
    assert classify_rejection(f"{' '.join(said[:20])} {SENTENCE}", request) is RejectionKind.MISSING


CIRCLE: list[Any] = []
CIRCLE.append({"circle": CIRCLE, "text": SENTENCE})


@pytest.mark.parametrize("odd", [CIRCLE, {1: CIRCLE}, "[" * 60_000 + "reasoning", "{" + SENTENCE, object(), b"x", None])
def test_any_value_may_be_quoted(odd: object) -> None:
    """Whatever a client has put there is looked through, and an error that quotes none of it is read."""
    assert classify_rejection(QUOTED, {"messages": [TOOL_TURN], "extra": odd}) is RejectionKind.OTHER_FAMILY


HOSTILE = {
    "different": lambda size: [f"thinking {number}" for number in range(size // 12)],
    "alike": lambda size: [f"thinking is enabled {'thinking is enabled ' * 30}{n}" for n in range(size // 600)],
    "one": lambda size: ["reasoning " * (size // 10)],
    "arguments": lambda size: ['{"thinking": ["thinking"' + ",[]" * (size // 30) for _ in range(10)],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_quotes_are_found_in_linear_time(kind: str) -> None:
    """Whatever a client fills a request with, that is looked up in an error in time linear in its size."""
    error, spent = "thinking is enabled " * 800 + "reasoning... " + SENTENCE, []
    for size in (200_000, 800_000):
        request = {"messages": [{"role": "user", "content": text} for text in HOSTILE[kind](size)]}
        began = time.thread_time()
        classify_rejection(error, request)
        spent.append(time.thread_time() - began)

    assert spent[1] < 8 * spent[0] + 0.05


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BODY, "reasoning_content"),
        (QUOTED, "reasoning_content"),
        (KIMI, "reasoning_content"),
        (SENTENCE.replace("_content", ""), "reasoning"),
        (BLOCK, ""),
        (OTHER_FAMILY["F1 older"], ""),
        (OPENROUTER, ""),  # it is the provider who names it, and the relay has a field of its own
        ("Param Incorrect", ""),
    ],
)
def test_the_field_that_is_named(error: object, expected: str) -> None:
    """A demand may say in which field the host wants it."""
    demand = read_demand(error, LOST)

    assert demand
    assert expected == demand.field
