"""The wires: how each writes a history down, turned into messages of the chat wire and back, and nothing else.

Everything that is known about turns (spellings, keys, replay) speaks the chat wire. A wire gives it a *view* of a
history and writes back what was decided; a turn that nobody changed stays the object that it was.
"""

from collections.abc import Mapping
from typing import Final

from . import chat, messages, responses
from .messages import as_turn as content_as_turn
from .responses import as_turn as items_as_turn
from .responses import reasoning_item
from .system import system_digest
from .wire import View, Wire, blocks_of

CHAT: Final = Wire("chat", "messages", None, chat.view, chat.write)
MESSAGES: Final = Wire("messages", "messages", "system", messages.view, messages.write)
RESPONSES: Final = Wire("responses", "input", "instructions", responses.view, responses.write)
WIRES: Final[Mapping[str, Wire]] = {wire.name: wire for wire in (CHAT, MESSAGES, RESPONSES)}

__all__ = [
    "CHAT",
    "MESSAGES",
    "RESPONSES",
    "WIRES",
    "View",
    "Wire",
    "blocks_of",
    "content_as_turn",
    "items_as_turn",
    "reasoning_item",
    "system_digest",
]
