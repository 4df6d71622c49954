"""What a server says when it rejects: every body that was reported, and some that only look like one of them.

The names are those of EVIDENCE §5, so that `Mode(rejection="E4")` is the row E4 there. Rows of §5.1 and §5.2 that no
server sends, because an SDK or a program made them of another row, are not here. The words of a key of §5.3 are no
rejection: a client that takes one for it repairs what is not broken.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mimo_quirks.simulator.errors import REASONING_MISSING, WireError, param_incorrect, relayed, to_bytes
from mimo_quirks.simulator.spellings import Json


@dataclass(frozen=True, slots=True)
class Wording:
    """One row.

    Attributes:
        name: What a mode calls it.
        status: HTTP status that it came with.
        body: Its JSON, or its text where it was none.
        source: Who reported it.
        upstream: The model's own host says it, so that a relay wraps it; else it is a relay's and stays as it is.
        ours: It is a rejection for missing reasoning.
    """

    name: str
    status: int
    body: Json | str
    source: str
    upstream: bool = False
    ours: bool = True

    @property
    def error(self) -> WireError:
        """The row as an error of a wire."""
        return WireError(self.status, self.body, upstream=self.upstream)


_SENTENCE = "The reasoning_content in the thinking mode must be passed back to the API."
_QUOTED = _SENTENCE.replace("reasoning_content", "`reasoning_content`")
_BLOCK = _SENTENCE.replace("reasoning_content", "`content[].thinking`")
_KIMI = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"
_E1 = REASONING_MISSING.body
_CONSOLE = "Error from provider (Console{}): Upstream request failed: [invalid_request_error] {}"


def _text(body: object) -> str:
    return to_bytes(body).decode()


def _detail(message: str, **more: object) -> Json:
    return {"error": {"message": message, **more}}


def _openai(message: str, **more: object) -> Json:
    return _detail(message, type="invalid_request_error", param=None, code="invalid_request_error", **more)


def _anthropic(message: str) -> Json:
    return {"type": "error", "error": {"type": "invalid_request_error", "message": message}}


def _new_api(message: str) -> Json:
    return _detail(message, type="upstream_error", param="", code="bad_response_status_code")


def _proxied(message: str) -> Json:
    # LiteLLM's proxy puts the upstream's body, as text, where a message belongs.
    groups = "Received Model Group=deepseek-v4-flash\nAvailable Model Group Fallbacks=None"
    return _detail(f"{_text(_detail(message))}. {groups}", type="None", param="None", code="400")


def _rows() -> Iterator[Wording]:
    yield Wording("E1", 400, _E1, "chatbox#3715, pi#4504, pi#4602", upstream=True)
    body = _detail("Param Incorrect", code="400", param=_SENTENCE)
    yield Wording("E3", 400, body, "openclaw#81416, openclaw#81990", upstream=True)
    body = _detail("Param Incorrect", type="upstream_error", param=_SENTENCE, code="400")
    yield Wording("E4", 400, body, "hermes#24443, obsidian-yolo#325")
    body = _detail("Param Incorrect", code="400", type="")
    yield Wording("E6", 400, body, "cc-switch#3074, openclaw#82976")
    body = _detail(f"Param Incorrect: {_SENTENCE}", type="invalid_request_error", code="400")
    yield Wording("E7", 400, body, "OmniRoute, 9router, MiMo-Code")
    cut = _text(_E1).partition("e API.")[0] + "..."
    yield Wording("E8", 400, cut, "picoclaw#2859")
    yield Wording("E9", 400, f"上游错误 (400): {_text(_E1)}", "cc-switch#2952")
    yield Wording("E11", 400, _anthropic(_CONSOLE.format(" Go", _SENTENCE)), "cursor-byok#268, 2026-08-06")
    yield Wording("E12", 400, relayed(REASONING_MISSING).body, "OpenHands#13563, the shape")
    yield Wording("F1", 400, _openai(_QUOTED), "openagent#2206 and many", upstream=True)
    yield Wording("F1-unquoted", 400, _openai(_SENTENCE), "DeepSeek, also without backticks", upstream=True)
    older = _SENTENCE.replace("_", " ")
    yield Wording("F1-older", 400, _openai(older), "DeepSeek, the older words", upstream=True)
    yield Wording("F2", 400, _anthropic(f"Error from provider (DeepSeek): {_QUOTED}"), "OpenCode Zen")
    yield Wording("F2-console", 400, _anthropic(_CONSOLE.format("", _QUOTED)), "QwenPaw#6821")
    yield Wording("F4", 400, _openai(_BLOCK), "cursor-byok#268, a comment", upstream=True)
    yield Wording("F5", 400, _proxied(_BLOCK), "LiteLLM's proxy")
    yield Wording("F6", 400, _detail(_KIMI, type="invalid_request_error"), "openclaw#70392", upstream=True)
    yield Wording("F7", 400, {"code": 20015, "message": _KIMI, "data": None}, "SiliconFlow", upstream=True)
    yield Wording("F8", 400, _new_api(f"status_code=400, {_KIMI} (request id: 1)"), "new-api")
    kimi = WireError(400, _detail(_KIMI, type="invalid_request_error"))
    yield Wording("F8-openrouter", 400, relayed(kimi, "Moonshot AI").body, "OpenRouter")


def _others() -> Iterator[Wording]:
    for name, param, source in (
        ("text-not-present", "`text` is not present", "MiMo-V2-Flash#8"),
        ("text-not-set", "`text` is not set", "XiaomiMiMo/MiMo#44"),
        ("function-not-set", "`function` is not set", "9router#1785"),
        ("temperature", "temperature must be a number from 0 to 1.5", "Kotatsu; the words are the simulator's"),
        ("n", "n is not supported", "Kotatsu"),
    ):
        yield Wording(name, 400, param_incorrect(param).body, source, upstream=True, ours=False)
    for name, status, code, message, source in (
        ("effort", 400, "400", "Input should be 'low', 'medium' or 'high'", "hermes#17314"),
        ("retired", 400, "400", "Not supported model mimo-v2-flash", "omp#4058"),
        ("moderation", 400, "421", "The content was filtered", "MiMo-Code error.ts; the words are the simulator's"),
        ("risk-control", 400, "441", "Rejected by risk control", "MiMo-Code error.ts; the words are the simulator's"),
        ("balance", 402, "402", "Insufficient account balance", "Xiaomi's error codes; the words are the simulator's"),
        ("forbidden", 403, "403", "Access denied", "Xiaomi's error codes; the words are the simulator's"),
        ("rate-limit", 429, "429", "Too many requests", "Xiaomi's error codes; the words are the simulator's"),
        ("failure", 500, "500", "Internal server error", "Xiaomi's error codes; the words are the simulator's"),
        ("unavailable", 503, "503", "Service unavailable", "Xiaomi's error codes; the words are the simulator's"),
    ):
        yield Wording(name, status, _detail(message, code=code, param="", type=""), source, upstream=True, ours=False)
    for name, status, message, source in (
        ("role", 400, "messages.2.role: Input should be <ChatMessageRole.TOOL: 'tool'>", "pi#4602, a comment"),
        ("image", 404, "No endpoints found that support image input", "OpenRouter"),
        (
            "context",
            400,
            "This endpoint's maximum context length is 1048576 tokens. However, you requested about 1050000 tokens.",
            "OpenRouter",
        ),
        (
            "deepseek-effort",
            400,
            "thinking options type cannot be disabled when reasoning_effort is set",
            "cc-switch",
        ),
        ("kimi-effort", 400, "cannot specify both 'thinking' and 'reasoning_effort'", "nanobot#3939"),
    ):
        yield Wording(name, status, _openai(message), source, ours=False)
    for name, kind in (("custom-tool", "custom"), ("web-search", "web_search")):
        message = f"tool type '{kind}' is not supported by this gateway phase."
        body = _detail(message, code="responses_feature_not_supported", type="unsupported_feature")
        yield Wording(name, 400, body, "opencodex#1158", ours=False)
    body = _detail("Invalid API Key", param="Please provide valid API Key", code="401", type="invalid_key")
    yield Wording("key", 401, body, "Xiaomi's error codes", ours=False)


WORDINGS: Mapping[str, Wording] = {row.name: row for row in (*_rows(), *_others())}
"""Every row by its name: the rejections of §5.1 and §5.2, and then what §5.3 says must not be taken for one."""
