"""The error bodies, to the letter: clients search these texts, so they are the wire's and not improved.

`upstream` tells who speaks. Xiaomi's own 400s reach the client as they are, after `data:` on stream
requests (EVIDENCE §5.1, E2), or wrapped by a relay (E12). What a gateway says for itself is never wrapped.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mimo_quirks.simulator.spellings import Json


@dataclass(frozen=True, slots=True)
class WireError:
    """A status, a body (JSON, or a text that is none), and whether the model's own host said it."""

    status: int
    body: Json | str
    upstream: bool = True

    @property
    def raw(self) -> bytes:
        """The body as it is written."""
        return self.body.encode() if isinstance(self.body, str) else to_bytes(self.body)

    @property
    def detail(self) -> Json:
        """What it says of itself, without the envelope; a text is a message."""
        if isinstance(self.body, Mapping):
            said: Json = self.body.get("error", self.body)
            return said
        return {"message": self.raw.decode(), "type": "upstream_error", "code": str(self.status)}


def param_incorrect(param: str) -> WireError:
    """Xiaomi's 400: the useful text is in `param`, not in `message` (EVIDENCE §5.1, E1)."""
    return WireError(400, {"error": {"code": "400", "message": "Param Incorrect", "param": param, "type": ""}})


def extra_input(place: str) -> WireError:
    """A strict gateway's rejection of a field it does not know (EVIDENCE §5.2, F10); the place is in dots."""
    message = f"{place}: {EXTRA_INPUT}"
    detail = {"message": message, "type": "invalid_request_error", "param": None, "code": "400"}
    return WireError(400, {"error": detail}, upstream=False)


def invalid_request(message: str) -> WireError:
    """What the messages wire says of a request that it cannot read, in Anthropic's shape (EVIDENCE §5.2, F9)."""
    detail = {"type": "invalid_request_error", "message": message}
    return WireError(400, {"type": "error", "error": detail}, upstream=False)


def invalid_signature(position: int, block: int) -> WireError:
    """Claude's rejection of a thinking block that it did not sign (EVIDENCE §5.2, F9)."""
    return invalid_request(f"messages.{position}.content.{block}: Invalid `signature` in `thinking` block")


def feature_not_supported(message: str) -> WireError:
    """What the responses wire says of things that its gateway does not have (EVIDENCE §5.3; opencodex#1158)."""
    detail = {"code": "responses_feature_not_supported", "message": message, "type": "unsupported_feature"}
    return WireError(400, {"error": detail}, upstream=False)


def invalid_value(param: str, message: str) -> WireError:
    """What the responses wire says of a request that it cannot read; OpenAI's shape, the words are our own."""
    detail = {"message": message, "type": "invalid_request_error", "param": param, "code": "invalid_value"}
    return WireError(400, {"error": detail}, upstream=False)


EXTRA_INPUT = "Extra inputs are not permitted"
"""EVIDENCE §5.2, F10: what every strict host says, whatever it calls the place."""

# EVIDENCE §5.1, E1, 2026-05-12: chatbox#3715, pi#4504 and many more.
REASONING_MISSING = param_incorrect("The reasoning_content in the thinking mode must be passed back to the API.")

# EVIDENCE §5.3, in this order: MiMo-V2-Flash#8, XiaomiMiMo/MiMo#44, 9router#1785, Kotatsu 2026-10-04.
TEXT_NOT_PRESENT = param_incorrect("`text` is not present")
TEXT_NOT_SET = param_incorrect("`text` is not set")
FUNCTION_NOT_SET = param_incorrect("`function` is not set")
N_NOT_SUPPORTED = param_incorrect("n is not supported")

# The status and `Param Incorrect` are attested for these (EVIDENCE §5.3); the words in `param` are the
# simulator's own.
BAD_TEMPERATURE = param_incorrect("temperature must be a number from 0 to 1.5")
BAD_THINKING = param_incorrect("thinking.type must be enabled or disabled")
BAD_MESSAGES = param_incorrect("messages must be a list of objects")

# EVIDENCE §5.3.
INVALID_KEY = WireError(
    401,
    {
        "error": {
            "message": "Invalid API Key",
            "param": "Please provide valid API Key",
            "code": "401",
            "type": "invalid_key",
        }
    },
    upstream=False,
)

# What FastAPI, and so vLLM, says of a path that it does not have.
NOT_FOUND = WireError(404, {"detail": "Not Found"}, upstream=False)


def to_bytes(value: object) -> bytes:
    """Write JSON as the wire does: compact, and raw UTF-8 rather than escapes.

    A lone surrogate has no UTF-8; Python's backslash form of it happens to be its JSON escape.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def relayed(error: WireError, provider: str = "Xiaomi") -> WireError:
    """An upstream's error as a client of OpenRouter sees it (EVIDENCE §5.1, E12)."""
    metadata = {"raw": error.raw.decode(), "provider_name": provider, "is_byok": False}
    detail = {"message": "Provider returned error", "code": error.status, "metadata": metadata}
    return WireError(error.status, {"error": detail, "user_id": "user_simulated"}, upstream=False)


def relayed_messages(error: WireError) -> WireError:
    """An upstream's error as a client of a relay's messages wire sees it (EVIDENCE §5.1, E11; cursor-byok#268)."""
    said = error.detail
    reason = f"Upstream request failed: [invalid_request_error] {said.get('param') or said.get('message')}"
    return invalid_request(f"Error from provider (Console Go): {reason}")


def error_bytes(error: WireError, *, prefixed: bool) -> bytes:
    """The body as it is sent; `prefixed` asks for E2, which only the model's own host does."""
    return (b"data:" if prefixed and error.upstream else b"") + error.raw
