"""The schema of a request on the responses wire, OpenAI's, and what of it Xiaomi's gateway does not have.

Fields that are not named here are ignored, as `store`, `include` and the ids of items are.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from mimo_quirks.simulator.spellings import Json


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Content(_Part):
    """A part of a message, of an output or of reasoning; what is no text is not looked at."""

    type: str
    text: str = ""


class Said(_Part):
    """A message of anybody's; its type may be left out."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Content]


class Reasoning(_Part):
    """An item of reasoning, as EVIDENCE §4.8 has it."""

    type: Literal["reasoning"]
    content: list[Content] | None = None
    summary: list[Content] | None = None


class FunctionCall(_Part):
    """A call."""

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class FunctionCallOutput(_Part):
    """What came of a call."""

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[Content]


def _kind(item: object) -> str | None:
    if isinstance(item, Mapping):
        kind = item.get("type") or "message"
        return kind if isinstance(kind, str) else None
    return getattr(item, "type", None)


Item: TypeAlias = Said | Reasoning | FunctionCall | FunctionCallOutput

_Item: TypeAlias = Annotated[
    Annotated[Said, Tag("message")]
    | Annotated[Reasoning, Tag("reasoning")]
    | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")],
    Discriminator(_kind),
]


class Function(_Part):
    """A tool, flat."""

    type: Literal["function"]
    name: str
    parameters: dict[str, Any] | None = None


class Effort(_Part):
    """EVIDENCE §6.1: `none` is off, and every other effort is the same."""

    effort: str | None = None


class ResponsesRequest(_Part):
    """The whole of it."""

    input: str | list[_Item]
    instructions: str | None = None
    tools: list[Function] | None = None
    reasoning: Effort | None = None
    # EVIDENCE §4.8.
    max_output_tokens: int | None = Field(None, ge=1, le=131_072)
    temperature: float | None = Field(None, ge=0, le=1.5)


_KNOWN_ITEMS = {"message", "reasoning", "function_call", "function_call_output"}
_STATEFUL = ("previous_response_id", "conversation", "background", "context_management")


def unsupported(body: Json) -> Iterator[str]:
    """What a request asks for that is not there (EVIDENCE §4.8; opencodex#1158), in the gateway's words."""
    for kind in _kinds(body.get("tools")):
        if kind != "function":
            yield f"tool type '{kind}' is not supported by this gateway phase."
    for kind in _kinds(body.get("input")):
        if kind not in _KNOWN_ITEMS:
            yield f"input item type '{kind}' is not supported by this gateway phase."
    # "Ignored or error", say the documents; a client that counts on them has lost its history and should know.
    for name in _STATEFUL:
        if body.get(name):
            yield f"'{name}' is not supported by this gateway phase."


def _kinds(rows: object) -> list[str]:
    kinds = [row.get("type") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return [kind for kind in kinds if isinstance(kind, str) and kind]
