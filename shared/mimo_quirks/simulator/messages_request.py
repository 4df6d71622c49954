"""The schema of a request on the messages wire: what Anthropic's protocol demands, as far as MiMo is known to.

Fields that are not named here are ignored, as caching hints and beta options are.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Text(_Part):
    """A text."""

    type: Literal["text"]
    text: str


class Media(_Part):
    """Something that is neither said nor thought; the simulator does not look at it."""

    type: Literal["image", "document", "search_result"]


class Thinking(_Part):
    """A block of reasoning; EVIDENCE §4.7: `signature` is optional."""

    type: Literal["thinking"]
    thinking: str
    signature: str | None = None


class Redacted(_Part):
    """Not in Xiaomi's schema, yet replayed without an error by GCMP (EVIDENCE §4.7); it holds no reasoning."""

    type: Literal["redacted_thinking"]
    data: str


class ToolUse(_Part):
    """A call."""

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]


class ToolResult(_Part):
    """What came of a call."""

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[Annotated[Text | Media, Discriminator("type")]] = ""


Block: TypeAlias = Text | Media | Thinking | Redacted | ToolUse | ToolResult


class Turn(_Part):
    """One message; the system prompt has a place of its own."""

    role: Literal["user", "assistant"]
    content: str | list[Annotated[Block, Discriminator("type")]]

    @property
    def blocks(self) -> list[Block]:
        """The content, a string as the one text that it is."""
        return [Text(type="text", text=self.content)] if isinstance(self.content, str) else self.content


class Advertised(_Part):
    """A tool of the client's; EVIDENCE §5.3: those that the server would run are not there (9router#1785)."""

    type: Literal["custom"] | None = None
    name: str
    input_schema: dict[str, Any]


class Switch(_Part):
    """EVIDENCE §6.1: two words are documented; `adaptive` and budgets are not, and are taken for on."""

    type: Literal["enabled", "disabled", "adaptive"]


class MessagesRequest(_Part):
    """The whole of it."""

    messages: list[Turn]
    system: str | list[Text] = ""
    tools: list[Advertised] | None = None
    thinking: Switch = Switch(type="enabled")
    # EVIDENCE §9: optional on MiMo, and within these bounds.
    max_tokens: int | None = Field(None, ge=1, le=131_072)
    temperature: float | None = Field(None, ge=0, le=1.5)
